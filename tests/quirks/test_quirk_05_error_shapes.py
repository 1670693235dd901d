"""Class 5: errors without a member ``error`` that is a code."""

from __future__ import annotations

import attrs
import pytest

from extauth import ProviderUnavailable, ReauthorizationRequired
from extauth.adapters.providers import facebook, fitbit, hubspot, linkedin, twitch
from extauth.testing import Refusal
from tests.quirks.support import USER, scene

KNOWN = [
    pytest.param(
        hubspot, "hubspot", Refusal("BAD_REFRESH_TOKEN", message="missing or invalid"), "BAD_REFRESH_TOKEN"
    ),
    pytest.param(fitbit, "fitbit", Refusal("invalid_grant"), "invalid_grant"),
    pytest.param(
        twitch, "twitch", Refusal("unused", message="Invalid refresh token"), "invalid_refresh_token"
    ),
]
"""Preset, shape of its errors, its answer for a dead refresh token, and the reason that callers get."""

UNKNOWN = [
    pytest.param(linkedin, {}, "linkedin", Refusal("unused", 401, "Revoked access token")),
    pytest.param(twitch, {}, "twitch", Refusal("unused", message="Service is busy")),
    pytest.param(hubspot, {}, "hubspot", Refusal("SOMETHING_ELSE")),
    pytest.param(fitbit, {}, "fitbit", Refusal("expired_token")),
    pytest.param(facebook, {"ver": "19.0"}, "facebook", Refusal("unused", message="Session has expired")),
]
"""Answers of the same shapes, in which nothing says for certain that the grant is dead."""


@pytest.mark.parametrize(("preset", "shape", "refusal", "reason"), KNOWN)
async def test_the_code_is_found_where_the_provider_has_it(preset, shape, refusal, reason):
    """The grant is known to be dead by the provider's own code or text, at any place it has."""
    async with scene(error_shape=shape, dead_refresh_token=refusal) as s:
        provider = s.client(preset)
        link = await s.connect(provider)
        s.server.grants.revoke(link.tokens.refresh_token)
        s.expire()
        with pytest.raises(ReauthorizationRequired) as caught:
            await (await s.tokens(provider)).access_token(preset.id, USER)
        assert caught.value.reason == reason
        stored = await s.stored(preset.id)
        assert (stored.tokens, stored.failure.reason) == (link.tokens, reason)


@pytest.mark.parametrize(("preset", "shape", "refusal", "reason"), KNOWN)
async def test_the_provider_s_text_is_kept_from_sight(preset, shape, refusal, reason):
    """What callers and the store get is a code known beforehand; no text that might hold a token."""
    echo = "what-you-sent"
    refusal = attrs.evolve(refusal, members={"detail": echo, "error_description": echo, "code": echo})
    async with scene(error_shape=shape, dead_refresh_token=refusal) as s:
        provider = s.client(preset)
        link = await s.connect(provider)
        s.server.grants.revoke(link.tokens.refresh_token)
        s.expire()
        with pytest.raises(ReauthorizationRequired) as caught:
            await (await s.tokens(provider)).access_token(preset.id, USER)
        assert echo not in f"{caught.value!r} {vars(caught.value)}"
        assert echo not in repr(await s.stored(preset.id))


@pytest.mark.parametrize(("preset", "variables", "shape", "refusal"), UNKNOWN)
async def test_what_is_not_known_is_tried_again_later(preset, variables, shape, refusal):
    """An error that no list has costs the user nothing: later the same refresh token works."""
    exchange = {"refresh_tokens": False, "exchange_grant": "fb_exchange_token"}
    quirks = exchange if preset is facebook else {}
    async with scene(error_shape=shape, dead_refresh_token=refusal, **quirks) as s:
        provider = s.client(preset, **variables)
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
