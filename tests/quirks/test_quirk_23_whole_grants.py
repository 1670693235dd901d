"""Class 23: one revocation ends all that the user has granted to the application."""

from __future__ import annotations

from typing import Any

import pytest

from extauth.adapters.providers import (
    Preset,
    auth0,
    discord,
    facebook,
    github,
    github_app,
    google,
    intercom,
    keycloak,
    strava,
    stripe_connect,
    zoom,
)
from extauth.adapters.providers.catalogue import CATALOGUE
from extauth.domain.events import SharedGrantEnded
from extauth.domain.link import LinkKey
from extauth.services.linking.service import LinkingService
from tests.quirks.support_b import REDIRECT_URI, Application, using
from tests.quirks.test_quirk_23_revocation import VARIABLES, WAYS

WHOLE: list[Preset] = [
    auth0,
    discord,
    facebook,
    github,
    github_app,
    google,
    intercom,
    keycloak,
    strava,
    stripe_connect,
    zoom,
]
"""Stripe's account is deauthorized; the others say so of a token."""

presets = pytest.mark.parametrize("preset", WHOLE, ids=[preset.id for preset in WHOLE])


def two_links(preset: Preset) -> Any:
    """Return an application at a server that revokes as the provider does."""
    [(way, quirks)] = [(way, quirks) for each, way, quirks in WAYS if each is preset]
    return using(preset, variables=VARIABLES.get(preset.id), revocation=way, pkce="ignored", **quirks)


async def connect_twice(app: Application) -> list[Any]:
    """Connect one account twice, the second time under a name."""
    first = await app.connect()
    second_id = f"{app.provider.provider_id}/second"
    callback = await app.server.visit(await app.linking.begin(second_id, "alice", REDIRECT_URI))
    second = await app.linking.complete(
        callback.params, user_id="alice", method="POST" if callback.posted else "GET"
    )
    return [first, second]


def test_every_preset_of_the_kind_is_here():
    """The presets below are all whose revocation ends, or may end, the whole grant."""
    known = [preset for preset in CATALOGUE.values() if preset.revocation and preset.revocation.whole_grant]
    assert {preset.id for preset in known} == {preset.id for preset in WHOLE}


@presets
async def test_the_other_link_of_the_account_is_spared(preset):
    """Nothing is revoked, and the user is told why; the last link that goes takes the grant along."""
    async with two_links(preset) as app:
        first, second = await connect_twice(app)
        unlinked = await app.linking.unlink(second.key.provider_id, "alice")
        assert (unlinked.existed, unlinked.revoked, unlinked.reason) == (True, False, "shared_grant")
        assert app.server.accepts(first.tokens.access_token)

        assert (await app.unlink()).revoked
        assert not app.server.accepts(first.tokens.access_token)
        assert not app.server.accepts(second.tokens.access_token)


@presets
async def test_or_the_application_has_both_end(preset):
    """If it says so, it is told which other link is over."""
    async with two_links(preset) as app:
        first, second = await connect_twice(app)
        linking = LinkingService(
            app.store, [app.provider], clock=app.clock, observer=app, on_shared_grant="end"
        )
        async with linking:
            unlinked = await linking.unlink(second.key.provider_id, "alice")
        key = LinkKey(preset.id, "alice")
        assert (unlinked.revoked, unlinked.also_ended) == (True, (key,))
        assert SharedGrantEnded(key, ended_with=second.key) in app.events
        assert not app.server.accepts(first.tokens.access_token)
