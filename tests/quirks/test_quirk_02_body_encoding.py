"""Class 2: whether a token request is a form or JSON."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth import ProviderMisconfigured, ProviderUnavailable
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.adapters.providers import discord, monday, notion
from tests.quirks.support import USER, scene


@pytest.mark.parametrize(
    ("preset", "taken", "other"),
    [(notion, "json", "form"), (monday, "json", "form"), (discord, "form", "json")],
    ids=["notion", "monday", "discord"],
)
async def test_the_encoding_that_the_provider_reads(preset, taken, other):
    """Both exchanges are in the provider's encoding; in the other one nothing is processed."""
    async with scene(encoding=taken) as s:
        provider = s.client(preset)
        wrong = s.client(preset, requests=TokenRequests(encoding=other))
        with pytest.raises(ProviderMisconfigured) as caught:
            await s.connect(wrong)
        assert caught.value.reason == "invalid_request"

        link = await s.connect(provider)
        with pytest.raises(ProviderUnavailable, match="invalid_request"):
            await (await s.tokens(wrong)).refresh(preset.id, USER)
        stored = await s.stored(preset.id)
        assert (stored.tokens, stored.failure.permanent) == (link.tokens, False)
        s.pass_time(timedelta(seconds=1))
        fresh = await (await s.tokens(provider)).refresh(preset.id, USER)
        assert s.live(fresh)
        assert s.server.presented == [link.tokens.refresh_token]
