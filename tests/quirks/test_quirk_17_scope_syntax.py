"""Class 17: scopes have a syntax of their own, or are not sent."""

from __future__ import annotations

import attrs
import pytest

from extauth.adapters.oauth2 import AuthorizationRules
from extauth.adapters.providers import hubspot, linear, notion, strava
from extauth.domain.errors import AuthorizationRejected
from extauth.testing import Consent
from tests.quirks.support_b import REDIRECT_URI, using
from tests.services.linking.conftest import parameters


async def test_scopes_with_commas():
    """Scopes are joined and split as the provider does; a space would make one unknown scope of them."""
    quirks = {"scope_separator": ",", "known_scopes": {"read", "write"}, "granted": "always"}
    async with using(linear, **quirks) as app:
        link = await app.connect(scopes=["write", "read"])
        assert link.tokens.scopes == {"read", "write"}
        assert (await app.refreshed()).tokens.scopes == {"read", "write"}
    spaced = attrs.evolve(linear, authorization=AuthorizationRules())
    async with using(spaced, **quirks) as app:
        with pytest.raises(AuthorizationRejected) as caught:
            await app.connect(scopes=["write", "read"])
        assert caught.value.reason == "invalid_scope"
    unsplit = attrs.evolve(linear, replies=attrs.evolve(linear.replies, scope_separator=" "))
    async with using(unsplit, **quirks) as app:
        assert (await app.connect(scopes=["write", "read"])).tokens.scopes == {"read,write"}


async def test_granted_scopes_in_a_list_of_another_name():
    """What was granted is read where the provider says it; else the link would claim what was asked for."""
    quirks = {"granted": "always", "granted_member": "scopes", "granted_as": "list", "pkce": "ignored"}
    some = Consent.approve(scopes={"contacts"})
    async with using(hubspot, **quirks) as app:
        assert (await app.connect(some, scopes=["contacts", "files"])).tokens.scopes == {"contacts"}
        assert (await app.refreshed()).tokens.scopes == {"contacts"}
    standard = attrs.evolve(hubspot, replies=attrs.evolve(hubspot.replies, scope_fields=("scope",)))
    async with using(standard, **quirks) as app:
        link = await app.connect(some, scopes=["contacts", "files"])
        assert link.tokens.scopes == {"contacts", "files"}


async def test_scopes_are_not_sent():
    """Where scopes are set on the application, none is sent, and the link does not claim any."""
    quirks = {"known_scopes": frozenset(), "encoding": "json", "authorize_params": {"owner": "user"}}
    async with using(notion, **quirks) as app:
        url = await app.linking.begin("notion", "alice", REDIRECT_URI, scopes=["read"])
        assert "scope" not in parameters(url)
        assert (await app.connect(scopes=["read"])).tokens.scopes == frozenset()
    rules = attrs.evolve(notion.authorization, scope_param="scope")
    async with using(attrs.evolve(notion, authorization=rules), **quirks) as app:
        with pytest.raises(AuthorizationRejected) as caught:
            await app.connect(scopes=["read"])
        assert caught.value.reason == "invalid_scope"


async def test_fewer_are_granted():
    """A user may untick a scope: the link says what was granted, and asking again brings the other."""
    quirks = {"scope_separator": ",", "pkce": "ignored"}
    async with using(strava, **quirks) as app:
        asked = {"scopes": ["read", "activity:read"]}
        link = await app.connect(Consent.approve(scopes={"read"}), **asked)
        assert link.tokens.scopes == (await app.stored()).tokens.scopes == {"read"}
        assert (await app.refreshed()).tokens.scopes == {"read"}
        assert (await app.connect(**asked)).tokens.scopes == {"read", "activity:read"}
