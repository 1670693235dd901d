"""Class 23: revocation is not RFC 7009's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.providers import (
    Preset,
    auth0,
    box,
    discord,
    dropbox,
    facebook,
    github,
    github_app,
    google,
    hubspot,
    intercom,
    keycloak,
    linear,
    monday,
    notion,
    okta,
    salesforce,
    slack,
    strava,
    stripe_connect,
    twitch,
    xero,
    zoom,
)
from extauth.adapters.providers.quirks import showing
from extauth.domain.events import LinkRemoved
from extauth.testing import Refusal
from tests.quirks.support_b import using

IGNORED = {"pkce": "ignored"}
SLACK = {"error_shape": "slack", "already_revoked": Refusal("token_revoked", 200)}
STRIPE: dict[str, Any] = {
    "client_auth": {"bearer_secret"},
    "revocation_account": "stripe_user_id",
    "extra_members": {"stripe_user_id": "{account_id}"},
    "extra_members_once": True,
}
FACEBOOK: dict[str, Any] = {"refresh_tokens": False, "exchange_grant": "fb_exchange_token"}
VARIABLES = {
    "auth0": {"domain": "acme.auth0.example"},
    "facebook": {"ver": "19.0"},
    "keycloak": {"base": "https://keycloak.example", "realm": "acme"},
    "okta": {"domain": "acme.okta.example"},
}
WHOLE = {"revocation_reach": "account"}

WAYS: list[tuple[Preset, str, dict[str, Any]]] = [
    (auth0, "rfc7009", WHOLE),
    (box, "rfc7009", {}),
    (discord, "rfc7009", WHOLE),
    (dropbox, "bearer", {}),
    (facebook, "permissions", FACEBOOK),
    (github, "delete_body", {"refresh_tokens": False, "never_expires": True}),
    (github_app, "delete_body", {}),
    (google, "token", WHOLE),
    (hubspot, "delete_path", {"revocation_reach": "token", "api_place": "path"}),
    (intercom, "bearer", {"refresh_tokens": False, "never_expires": True}),
    (keycloak, "rfc7009", WHOLE),
    (linear, "bearer", {}),
    (monday, "rfc7009", {"encoding": "json"}),
    (notion, "rfc7009", {"encoding": "json"}),
    (salesforce, "rfc7009", {"already_revoked": Refusal("invalid_token", 400)}),
    (slack, "bearer", SLACK),
    (strava, "access_token", {}),
    (stripe_connect, "deauthorize", STRIPE),
    (twitch, "token", {}),
    (zoom, "rfc7009", WHOLE),
    (okta, "rfc7009", {}),
]
IDS = [preset.id for preset, *_ in WAYS]
UNLIKE = [each for each in WAYS if each[1] not in {"rfc7009", "token"}]
"""Those whose endpoint does not understand the standard's request."""


def connected(preset: Preset, way: str, quirks: dict[str, Any]) -> Any:
    """Return an application at a server that revokes this way."""
    variables = VARIABLES.get(preset.id)
    return using(preset, variables=variables, revocation=way, **{**IGNORED, **quirks})


def test_every_preset_of_the_class_is_here():
    """The presets below are all that have a way of their own, and one that has the standard's."""
    assert {preset.id for preset, *_ in WAYS} == {*showing(23), "okta"}


@pytest.mark.parametrize(("preset", "way", "quirks"), WAYS, ids=IDS)
async def test_unlinking_revokes_in_the_providers_way(preset, way, quirks):
    """The provider confirms, the access token is dead there, and the link is gone here; where it is not dead,
    nobody says so."""
    async with connected(preset, way, quirks) as app:
        await app.connect()
        link = await app.refreshed() if preset.gives_refresh_tokens else await app.stored()
        unlinked = await app.unlink()
        # HubSpot says that it deletes the refresh token alone.
        reason = "not_confirmed" if preset is hubspot else None
        assert (unlinked.existed, unlinked.revoked, unlinked.reason) == (True, reason is None, reason)
        # Notion and Twitch say by which token the rest goes too; the test server keeps to what it was shown.
        shown_access_token_only = preset.id in {"notion", "twitch"}
        if not shown_access_token_only and link.tokens.refresh_token is not None:
            assert not app.server.grants.live_refresh_tokens()
        assert app.server.accepts(link.tokens.access_token) is (preset is hubspot)
        assert await app.stored() is None
        assert app.events[-1] == LinkRemoved(link.key, reason is None, reason)


@pytest.mark.parametrize("preset_id", ["dropbox", "github_app", "linear", "slack", "strava"])
async def test_who_comes_back_after_long_is_disconnected_too(preset_id):
    """Where an access token ends the grant, and the link's has expired, another one is got for that."""
    [(preset, way, quirks)] = [each for each in WAYS if each[0].id == preset_id]
    async with connected(preset, way, quirks) as app:
        await app.connect()
        app.clock.advance(timedelta(days=2))
        assert (await app.unlink()).revoked
        assert not app.server.grants.live_refresh_tokens()


async def test_a_dead_grant_is_not_said_to_be_revoked():
    """No other access token can be had; the one that has expired is tried."""
    async with connected(dropbox, "bearer", {"already_revoked": Refusal("invalid_token", 401)}) as app:
        await app.connect()
        app.server.grants.revoke_subject("someone")
        app.clock.advance(timedelta(days=2))
        unlinked = await app.unlink()
        assert (unlinked.revoked, unlinked.reason) == (False, "not_confirmed")


@pytest.mark.parametrize(("preset", "way", "quirks"), WAYS, ids=IDS)
async def test_already_revoked_is_success(preset, way, quirks):
    """What the user revoked at the provider before needs no more revoking."""
    async with connected(preset, way, quirks) as app:
        await app.connect()
        app.server.grants.revoke_subject("someone")
        assert (await app.unlink()).revoked
        assert await app.stored() is None


@pytest.mark.parametrize(("preset", "way", "quirks"), UNLIKE, ids=[preset.id for preset, *_ in UNLIKE])
async def test_the_standards_way_is_not_taken_for_done(preset, way, quirks):
    """A client that revokes as RFC 7009 says is told the truth: the link is gone, and nothing is revoked."""
    async with connected(preset, way, quirks) as app:
        await app.connect()
        standard = preset(
            client_id=app.server.client_id,
            client_secret=app.server.client_secret,
            token_url=app.server.token_url,
            revoke_url=f"{app.server.issuer}/revoke",
            **VARIABLES.get(preset.id, {}),
        )
        link = await app.stored()
        async with type(app.linking)(app.store, [standard], clock=app.clock) as linking:
            assert not (await linking.unlink(preset.id, "alice")).revoked
        assert app.server.accepts(link.tokens.access_token)
        assert await app.stored() is None


async def test_a_200_may_be_a_refusal():
    """Slack says no with status 200; only its words for "already" are success."""
    quirks = {**SLACK, "already_revoked": Refusal("ratelimited", 200)}
    async with connected(slack, "bearer", quirks) as app:
        await app.connect()
        app.server.grants.revoke_subject("someone")
        assert not (await app.unlink()).revoked
    naive = attrs.evolve(slack, revocation=attrs.evolve(slack.revocation, failed_by_body=False))
    async with connected(naive, "bearer", quirks) as app:
        await app.connect()
        app.server.grants.revoke_subject("someone")
        assert (await app.unlink()).revoked


async def test_no_way_of_revoking_is_reported():
    """Where there is no revocation the link goes all the same, and nobody claims that the grant is over."""
    async with using(xero, revocation="none") as app:
        link = await app.connect()
        unlinked = await app.unlink()
        assert (unlinked.existed, unlinked.revoked) == (True, False)
        assert app.server.accepts(link.tokens.access_token)
        assert await app.stored() is None


def test_the_standards_way_is_data_too():
    """``revoke_url`` stands for the standard's rules at that URL."""
    assert okta.revocation == Revocation.standard(okta.revocation.call.url)
