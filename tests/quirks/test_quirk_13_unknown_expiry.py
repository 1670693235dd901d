"""Class 13: answers that do not say how long the access token works."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from extauth.adapters.oauth2 import ReplyRules
from extauth.adapters.providers import gitlab, monday, notion, salesforce, stripe_app, twitch
from extauth.testing import Fault, Faults
from tests.quirks.support import USER, scene

UNKNOWN: dict[str, Any] = {"expiry": {}}
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("preset", "quirks"), [(salesforce, {}), (notion, {"encoding": "json"})], ids=["salesforce", "notion"]
)
async def test_where_nothing_tells(preset, quirks):
    """It is handed out until an API refuses it; then one refresh gives the next to everyone."""
    async with scene(**UNKNOWN, **quirks) as s:
        provider = s.client(preset)
        link = await s.connect(provider)
        assert link.tokens.expires_at is None
        s.expire()
        tokens = await s.tokens(provider)
        dead = await tokens.access_token(preset.id, USER)
        assert not s.server.accepts(dead)
        for _ in range(3):
            fresh = await tokens.refresh(preset.id, USER, rejected=dead)
            assert s.subject(fresh.tokens.access_token) == "someone"
        assert s.server.presented == [link.tokens.refresh_token]


async def test_an_access_token_that_is_a_jwt_says_it():
    """Where the access token is a JWT its ``exp`` counts, and it is refreshed in time."""
    quirks = {"encoding": "json", "jwt_access_tokens": True}
    async with scene(**UNKNOWN, **quirks, server={"access_token_lifetime": 2 * HOUR}) as s:
        provider = s.client(monday)
        link = await s.connect(provider)
        assert link.tokens.expires_at == s.clock.now() + 2 * HOUR
        s.expire()
        fresh = await (await s.tokens(provider)).link("monday", USER)
        assert s.subject(fresh.tokens.access_token) == "someone"
        assert fresh.tokens.expires_at == s.clock.now() + 2 * HOUR


@pytest.mark.parametrize(
    ("preset", "quirks", "lifetime"),
    [(stripe_app, {"client_auth": {"basic_user"}}, HOUR), (gitlab, {}, 2 * HOUR)],
    ids=["stripe_app", "gitlab"],
)
async def test_a_preset_that_knows(preset, quirks, lifetime):
    """What the provider's documentation says stands in for what its answer does not."""
    async with scene(**UNKNOWN, **quirks, server={"access_token_lifetime": lifetime}) as s:
        provider = s.client(preset)
        link = await s.connect(provider)
        assert link.tokens.expires_at == s.clock.now() + lifetime
        s.expire()
        assert s.subject(await (await s.tokens(provider)).access_token(preset.id, USER)) == "someone"

        standard = s.client(preset, replies=ReplyRules())
        link = await s.connect(standard)
        assert link.tokens.expires_at is None
        s.expire()
        dead = await (await s.tokens(standard)).access_token(preset.id, USER)
        assert not s.server.accepts(dead)


async def test_a_refresh_that_says_it_no_more():
    """Twitch says it with the first token: the next is taken to work as long."""
    faults = Faults()
    async with scene(
        server={"faults": faults, "access_token_lifetime": 4 * HOUR}, client_auth={"client_secret_post"}
    ) as s:
        provider = s.client(twitch)
        await s.connect(provider)
        tokens = await s.tokens(provider)
        for fault in (Fault.EXPIRES_IN_MISSING, Fault.EXPIRES_IN_ZERO):
            s.expire()
            faults.plan(fault)
            fresh = await tokens.link("twitch", USER)
            assert fresh.tokens.expires_at == s.clock.now() + 4 * HOUR
            assert s.server.accepts(fresh.tokens.access_token)
