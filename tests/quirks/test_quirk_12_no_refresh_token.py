"""Class 12: no refresh token: an access token that never expires, or one that is exchanged for another."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from extauth import ReauthorizationRequired
from extauth.adapters.providers import clickup, facebook, github, intercom, slack
from tests.quirks.support import USER, scene

NEVER = {"refresh_tokens": False, "never_expires": True}
EXCHANGED = {"refresh_tokens": False, "exchange_grant": "fb_exchange_token", "scope_separator": ","}
DAY = timedelta(days=1)


@pytest.mark.parametrize("expiry", [{}, {"expires_in": "zero"}], ids=["nothing", "zero"])
@pytest.mark.parametrize("preset", [github, clickup, intercom, slack], ids=lambda preset: preset.id)
async def test_a_token_that_never_expires(preset, expiry):
    """Years later it is handed out as it is, and nothing was asked of the provider."""
    async with scene(**NEVER, expiry=expiry, scope_separator=preset.authorization.scope_separator) as s:
        provider = s.client(preset)
        link = await s.connect(provider)
        assert (link.tokens.refresh_token, link.tokens.expires_at) == (None, None)
        s.pass_time(1000 * DAY)
        token = await (await s.tokens(provider)).access_token(preset.id, USER)
        assert (token, s.subject(token)) == (link.tokens.access_token, "someone")
        assert len(s.server.faults.dealt) == 1  # the code's exchange


async def test_a_401_means_that_it_was_revoked():
    """The application says that an API refused it, and learns that the user must connect again."""
    async with scene(**NEVER, expiry={}, scope_separator=",") as s:
        provider = s.client(github)
        link = await s.connect(provider)
        s.server.grants.revoke(link.tokens.access_token)
        tokens = await s.tokens(provider)
        with pytest.raises(ReauthorizationRequired) as caught:
            await tokens.refresh("github", USER, rejected=link.tokens.access_token)
        assert caught.value.reason == "no_refresh_token"
        assert await s.stored("github") == link
        await s.connect(provider)
        assert s.subject(await tokens.access_token("github", USER)) == "someone"


async def test_an_access_token_is_exchanged_for_the_next():
    """Facebook's access token takes the refresh token's place, time after time."""
    async with scene(**EXCHANGED, server={"access_token_lifetime": 60 * DAY}) as s:
        provider = s.client(facebook, ver="19.0")
        link = await s.connect(provider)
        tokens = await s.tokens(provider)
        for _ in range(3):
            s.pass_time(59 * DAY)
            fresh = await tokens.refresh("facebook", USER)
            assert s.subject(fresh.tokens.access_token) == "someone"
            assert fresh.tokens.access_token != link.tokens.access_token
            assert fresh.tokens.expires_at == s.clock.now() + 60 * DAY
            link = fresh


async def test_only_one_that_still_works_can_be_exchanged():
    """Facebook gives nothing for a token that is over: who waits that long must connect again."""
    async with scene(**EXCHANGED, error_shape="facebook", server={"access_token_lifetime": 60 * DAY}) as s:
        provider = s.client(facebook, ver="19.0")
        link = await s.connect(provider)
        s.pass_time(60 * DAY)
        with pytest.raises(ReauthorizationRequired) as caught:
            await (await s.tokens(provider)).access_token("facebook", USER)
        assert caught.value.reason == "190"
        assert (await s.stored("facebook")).tokens == link.tokens


async def test_without_the_rule_there_is_nothing_to_refresh_with():
    """A client that waits for a refresh token has none, and cannot keep the link alive."""
    async with scene(**EXCHANGED) as s:
        replies = attrs.evolve(facebook.replies, access_token_refreshes_itself=False)
        provider = s.client(facebook, ver="19.0", replies=replies)
        await s.connect(provider)
        with pytest.raises(ReauthorizationRequired) as caught:
            await (await s.tokens(provider)).refresh("facebook", USER)
        assert caught.value.reason == "no_refresh_token"
