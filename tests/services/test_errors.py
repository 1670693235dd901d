"""What the errors of a refresh say."""

from __future__ import annotations

import pytest

from extauth import LinkKey
from extauth.services.errors import provider_unavailable


@pytest.mark.parametrize(("reason", "one_links"), [("invalid_request", True), ("invalid_client", False)])
def test_what_to_do_about_a_refusal(reason: str, one_links: bool):
    """To try again; and to have this one reconnect only where what is refused can be this link's alone."""
    said = str(provider_unavailable(LinkKey("github", "alice"), reason, None))
    assert "try again" in said
    assert ("let this one reconnect" in said) is one_links
