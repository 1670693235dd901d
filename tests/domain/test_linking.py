"""What connecting a user needs: keys of several links to one provider, and what is remembered of a flow."""

from __future__ import annotations

from typing import Any

import pytest

from extauth import LinkKey, named_provider_id
from extauth.domain.linking import PendingAuthorization, companion_key

KEY = LinkKey("github", "alice")


def pending(**changes: Any) -> PendingAuthorization:
    """Return what is remembered of an authorization, but for what is given."""
    values: dict[str, Any] = {
        "state_hash": "0" * 64,
        "key": KEY,
        "redirect_uri": "https://app.example/callback",
        "salt": "salt",
    }
    return PendingAuthorization(**{**values, **changes})


class TestNames:
    def test_a_named_link_has_a_provider_id_of_its_own(self) -> None:
        """The provider's, the separator, the name."""
        assert named_provider_id("github", "work") == "github/work"

    def test_a_name_of_a_named_link(self) -> None:
        """Below a name there may be another, as for the companion of a named link."""
        assert named_provider_id("slack/team", "user") == "slack/team/user"

    @pytest.mark.parametrize(("provider_id", "name"), [("", "work"), ("github", ""), ("github", "a/b")])
    def test_what_names_no_link(self, provider_id: str, name: str) -> None:
        """An empty part, or a name that would be read as two."""
        with pytest.raises(ValueError, match=r"^a provider id and a name without '/' are needed$"):
            named_provider_id(provider_id, name)

    def test_a_companion_is_the_same_users(self) -> None:
        """Only the provider part differs."""
        assert companion_key(LinkKey("slack", "alice"), "user") == LinkKey("slack/user", "alice")


class TestResources:
    def test_they_keep_their_order(self) -> None:
        """Any collection of URIs will do."""
        assert pending(resources=["https://b.example", "https://a.example"]).resources == (
            "https://b.example",
            "https://a.example",
        )

    @pytest.mark.parametrize("resources", ["https://a.example", "", "nul\0", ["https://a.example", ""]])
    def test_one_text_is_no_collection(self, resources: object) -> None:
        """Its letters would be asked for."""
        with pytest.raises(ValueError, match=r"^resources must be a collection of URIs, none of them empty$"):
            pending(resources=resources)

    @pytest.mark.parametrize("resource", ["nul\0", 7])
    def test_each_can_be_stored(self, resource: object) -> None:
        """Refused with a message that names the field."""
        with pytest.raises(ValueError, match=r"^resources must"):
            pending(resources=[resource])
