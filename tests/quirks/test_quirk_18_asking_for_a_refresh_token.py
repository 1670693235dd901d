"""Class 18: a refresh token must be asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from extauth import ReauthorizationRequired
from extauth.adapters.oauth2 import AuthorizationRules, TokenRequests
from extauth.adapters.providers import (
    Preset,
    atlassian,
    docusign,
    dropbox,
    google,
    keycloak,
    microsoft,
    reddit,
    salesforce,
    shopify,
    x,
    xero,
    zoho,
)
from tests.quirks.support_b import using

DAY = timedelta(days=1)
SHOP = {"shop": "acme"}
REALM = {"base": "https://keycloak.example", "realm": "main"}

WAYS: list[tuple[Preset, dict[str, str], dict[str, Any]]] = [
    (google, {}, {"offline_params": {"access_type": "offline"}}),
    (zoho, {}, {"offline_params": {"access_type": "offline"}, "pkce": "ignored"}),
    (dropbox, {}, {"offline_params": {"token_access_type": "offline"}, "pkce": "ignored"}),
    (reddit, {}, {"offline_params": {"duration": "permanent"}, "pkce": "ignored"}),
    (microsoft, {}, {"offline_scope": "offline_access"}),
    (atlassian, {}, {"offline_scope": "offline_access", "pkce": "ignored"}),
    (xero, {}, {"offline_scope": "offline_access"}),
    (keycloak, REALM, {"offline_scope": "offline_access"}),
    (salesforce, {}, {"offline_scope": "refresh_token"}),
    (x, {}, {"offline_scope": "offline.access", "pkce": "required"}),
    (docusign, {}, {"offline_scope": "extended", "pkce": "ignored"}),
    (shopify, SHOP, {"offline_code_params": {"expiring": "1"}, "scope_separator": ","}),
]
IDS = [preset.id for preset, *_ in WAYS]


@pytest.mark.parametrize(("preset", "variables", "quirks"), WAYS, ids=IDS)
async def test_a_refresh_token_is_asked_for(preset, variables, quirks):
    """The preset asks in the provider's way, so that the link can be refreshed."""
    async with using(preset, variables=variables, **quirks) as app:
        link = await app.connect()
        assert app.server.grants.gives_tokens(link.tokens.refresh_token, app.clock.monotonic())
        app.clock.advance(DAY)
        fresh = await app.link()
        assert app.server.accepts(fresh.tokens.access_token)
        assert app.server.grants.exchanges == 1


@pytest.mark.parametrize(("preset", "variables", "quirks"), WAYS, ids=IDS)
async def test_a_client_that_does_not_ask_gets_none(preset, variables, quirks):
    """A client without the rule gets no refresh token, and no expiry from Shopify."""
    standard = attrs.evolve(
        preset,
        requests=TokenRequests(),
        authorization=AuthorizationRules(
            pkce=preset.authorization.pkce, scope_separator=preset.authorization.scope_separator
        ),
    )
    async with using(standard, variables=variables, **quirks) as app:
        link = await app.connect()
        assert link.tokens.refresh_token is None
        app.clock.advance(DAY)
        if preset is shopify:
            assert link.tokens.expires_at is None
            return
        with pytest.raises(ReauthorizationRequired) as caught:
            await app.link()
        assert caught.value.reason == "no_refresh_token"
        assert app.server.grants.exchanges == 0


async def test_consent_is_asked_for_again():
    """Google gives a refresh token with a consent only, so each connecting asks for one."""
    quirks = {"offline_params": {"access_type": "offline"}, "first_consent_only": True}
    async with using(google, **quirks) as app:
        first, second = await app.connect(), await app.connect()
        assert None not in {first.tokens.refresh_token, second.tokens.refresh_token}
        assert first.tokens.refresh_token != second.tokens.refresh_token
        # Somebody else's first connecting is the account's third.
        assert (await app.connect(user_id="bob")).tokens.refresh_token is not None


async def test_a_refresh_token_that_was_not_given_again_is_kept():
    """Without ``prompt=consent`` the second answer has none; that of the same account is kept."""
    rules = attrs.evolve(google.authorization, params={"access_type": "offline"})
    quirks = {"offline_params": {"access_type": "offline"}, "first_consent_only": True}
    async with using(attrs.evolve(google, authorization=rules), **quirks) as app:
        first, second = await app.connect(), await app.connect()
        assert second.tokens.access_token != first.tokens.access_token
        assert second.tokens.refresh_token == first.tokens.refresh_token
        # Whoever connects the same account anew has nothing to keep.
        assert (await app.connect(user_id="bob")).tokens.refresh_token is None
