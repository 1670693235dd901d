"""Class 5: errors without a member ``error`` that is a code."""

from __future__ import annotations

import attrs
import pytest

from extauth import ProviderUnavailable, ReauthorizationRequired
from extauth.adapters.providers import facebook, fitbit, hubspot, linkedin, twitch
from extauth.testing import Refusal
from tests.quirks.support import USER, scene

EXCHANGED = {"refresh_tokens": False, "exchange_grant": "fb_exchange_token"}
KNOWN = [
    pytest.param(hubspot, {}, {}, Refusal("BAD_REFRESH_TOKEN"), "BAD_REFRESH_TOKEN", id="hubspot"),
    pytest.param(fitbit, {}, {}, Refusal("invalid_grant"), "invalid_grant", id="fitbit"),
    pytest.param(
        twitch,
        {},
        {},
        Refusal("unused", message="Invalid refresh token"),
        "invalid_refresh_token",
        id="twitch",
    ),
    pytest.param(facebook, {"ver": "19.0"}, EXCHANGED, Refusal("unused"), "190", id="facebook"),
]
"""Preset, its variables, the server's further habits, its answer for a dead grant, and the reason that
callers get. Each preset's errors have the shape that is named for it."""

UNKNOWN = [
    pytest.param(linkedin, Refusal("unused", 401, "Revoked access token"), id="linkedin"),
    pytest.param(twitch, Refusal("unused", message="Service is busy"), id="twitch"),
    pytest.param(hubspot, Refusal("SOMETHING_ELSE"), id="hubspot"),
    pytest.param(fitbit, Refusal("expired_token"), id="fitbit"),
]
"""Answers of the same shapes, in which nothing says for certain that the grant is dead."""


@pytest.mark.parametrize(("preset", "variables", "quirks", "refusal", "reason"), KNOWN)
async def test_the_code_is_found_where_the_provider_has_it(preset, variables, quirks, refusal, reason):
    """The grant is known to be dead by the provider's own code or text, at any place it has."""
    async with scene(error_shape=preset.id, dead_refresh_token=refusal, **quirks) as s:
        provider = s.client(preset, **variables)
        link = await s.connect(provider)
        s.server.grants.revoke(link.tokens.refresh_token)
        s.expire()
        with pytest.raises(ReauthorizationRequired) as caught:
            await (await s.tokens(provider)).access_token(preset.id, USER)
        assert caught.value.reason == reason
        stored = await s.stored(preset.id)
        assert (stored.tokens, stored.failure.reason) == (link.tokens, reason)


@pytest.mark.parametrize(("preset", "variables", "quirks", "refusal", "reason"), KNOWN)
async def test_the_provider_s_text_is_kept_from_sight(preset, variables, quirks, refusal, reason):
    """What callers and the store get is a code known beforehand; no text that might hold a token."""
    echo = "what-you-sent"
    refusal = attrs.evolve(refusal, members={"detail": echo, "error_description": echo, "code": echo})
    async with scene(error_shape=preset.id, dead_refresh_token=refusal, **quirks) as s:
        provider = s.client(preset, **variables)
        link = await s.connect(provider)
        s.server.grants.revoke(link.tokens.refresh_token)
        s.expire()
        with pytest.raises(ReauthorizationRequired) as caught:
            await (await s.tokens(provider)).access_token(preset.id, USER)
        assert echo not in f"{caught.value!r} {vars(caught.value)}"
        assert echo not in repr(await s.stored(preset.id))


@pytest.mark.parametrize(("preset", "refusal"), UNKNOWN)
async def test_what_is_not_known_is_tried_again_later(preset, refusal):
    """An error that no list has costs the user nothing: later the same refresh token works."""
    async with scene(error_shape=preset.id, dead_refresh_token=refusal) as s:
        provider = s.client(preset)
        link = await s.connect(provider)
        family = s.server.grants.record(link.tokens.access_token).family
        family.revoked = True
        tokens = await s.tokens(provider)
        with pytest.raises(ProviderUnavailable):
            await tokens.refresh(preset.id, USER, rejected=link.tokens.access_token)
        stored = await s.stored(preset.id)
        assert stored.tokens == link.tokens
        assert not stored.failure.permanent

        family.revoked = False
        s.pass_time(stored.failure.retry_at - s.clock.now())
        fresh = await tokens.refresh(preset.id, USER, rejected=link.tokens.access_token)
        assert s.server.accepts(fresh.tokens.access_token)
        assert fresh.failure is None
