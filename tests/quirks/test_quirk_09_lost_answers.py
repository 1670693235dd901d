"""Class 9: a grace for clients that did not hear the answer to a refresh, and its absence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth import Link, ProviderUnavailable, ReauthorizationRequired
from extauth.adapters.providers import atlassian, box, linear, xero
from extauth.domain.outcomes import Claimed, Exchanged
from extauth.domain.policy import ProviderTraits
from extauth.testing import Fault, Faults
from tests.quirks.support import USER, Scene, scene

LOST = [Fault.LOST_REPLY, Fault.CUT_REPLY, Fault.UNAVAILABLE_AFTER, Fault.JUNK_BODY]
MINUTE = timedelta(minutes=1)


def forgiving(preset, reuse, faults=None):
    """Return the arguments of a server that forgives a replay for as long as the preset says."""
    window = preset.traits.replay_window
    return {"server": {"reuse": reuse, "replay_window": window, "faults": faults or Faults()}}


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("reuse", ["replay_window", "overlap"])
@pytest.mark.parametrize("preset", [atlassian, linear, xero], ids=lambda preset: preset.id)
async def test_a_lost_answer_costs_one_more_request(preset, reuse, fault):
    """The same refresh token is presented once more at once, and the caller never learns of it."""
    faults = Faults()
    scope = {"scope_separator": preset.authorization.scope_separator}
    async with scene(**forgiving(preset, reuse, faults), **scope) as s:
        provider = s.client(preset)
        link = await s.connect(provider)
        faults.plan(fault)
        fresh = await (await s.tokens(provider)).refresh(preset.id, USER)
        assert s.server.presented == [link.tokens.refresh_token] * 2
        assert s.server.grants.families_revoked == 0
        assert s.live(fresh)
        assert await s.stored(preset.id) == fresh


async def crashed(s: Scene, provider, link: Link) -> None:
    """Let a replica present the refresh token, and end before it has stored the answer."""
    claim = await s.store.claim(link.key, link.version, "crashed", timedelta(seconds=45))
    assert isinstance(claim, Claimed)
    assert isinstance(await provider.refresh(link.tokens), Exchanged)


async def test_after_a_crash_within_the_grace():
    """Another replica presents the token again, and the link goes on."""
    async with scene(**forgiving(atlassian, "overlap")) as s:
        provider = s.client(atlassian)
        link = await s.connect(provider)
        await crashed(s, provider, link)
        s.pass_time(MINUTE)
        fresh = await (await s.tokens(provider)).refresh("atlassian", USER)
        assert s.server.presented == [link.tokens.refresh_token] * 2
        assert s.live(fresh)


async def test_after_a_crash_when_the_grace_is_over():
    """A replay would end the grant, so it waits until the access token is of no use any more."""
    async with scene(**forgiving(atlassian, "overlap")) as s:
        provider = s.client(atlassian)
        link = await s.connect(provider)
        await crashed(s, provider, link)
        s.pass_time(atlassian.traits.replay_window + MINUTE)
        tokens = await s.tokens(provider)
        with pytest.raises(ProviderUnavailable):
            await tokens.refresh("atlassian", USER)
        assert s.subject(await tokens.access_token("atlassian", USER)) == "someone"
        assert s.server.presented == [link.tokens.refresh_token]

        s.expire()
        with pytest.raises(ReauthorizationRequired) as caught:
            await tokens.access_token("atlassian", USER)
        assert caught.value.reason == "reply_lost"
        assert s.server.presented == [link.tokens.refresh_token] * 2


@pytest.mark.parametrize("fault", LOST)
async def test_without_a_grace_the_access_token_is_used_up_first(fault):
    """Nothing is presented again while that could kill a token that works; then once, and it is told why."""
    faults = Faults()
    async with scene(server={"faults": faults}) as s:
        provider = s.client(box)
        link = await s.connect(provider)
        tokens = await s.tokens(provider)
        faults.plan(fault)
        with pytest.raises(ProviderUnavailable):
            await tokens.refresh("box", USER)
        s.pass_time(30 * MINUTE)
        assert s.subject(await tokens.access_token("box", USER)) == "someone"
        assert s.server.presented == [link.tokens.refresh_token]

        s.expire()
        for _ in range(2):
            with pytest.raises(ReauthorizationRequired) as caught:
                await tokens.access_token("box", USER)
        assert caught.value.reason == "reply_lost"
        assert (await s.stored("box")).tokens == link.tokens
        assert s.server.presented == [link.tokens.refresh_token] * 2


async def test_with_an_expired_access_token_there_is_nothing_to_lose():
    """The replay comes at once, and if the lost request was not processed the caller has a token."""
    faults = Faults()
    async with scene(server={"faults": faults}) as s:
        provider = s.client(box)
        link = await s.connect(provider)
        s.expire()
        faults.plan(Fault.UNAVAILABLE_BEFORE)
        token = await (await s.tokens(provider)).access_token("box", USER)
        assert s.subject(token) == "someone"
        assert s.server.presented == [link.tokens.refresh_token] * 2


async def test_an_unprocessed_request_is_told_apart_in_the_end():
    """If the request whose answer got lost was never processed, the late replay saves the link."""
    faults = Faults()
    async with scene(server={"faults": faults}) as s:
        provider = s.client(box)
        await s.connect(provider)
        tokens = await s.tokens(provider)
        faults.plan(Fault.UNAVAILABLE_BEFORE)
        with pytest.raises(ProviderUnavailable):
            await tokens.refresh("box", USER)
        s.expire()
        fresh = await tokens.link("box", USER)
        assert s.live(fresh)
        assert s.server.grants.families_revoked == 0


async def test_a_grace_that_the_provider_does_not_give_ends_the_grant():
    """With the trait set where it is not true, the replay at once kills a token that still worked."""
    faults = Faults()
    async with scene(server={"faults": faults}) as s:
        provider = s.client(box, traits=ProviderTraits(replay_window=10 * MINUTE))
        link = await s.connect(provider)
        faults.plan(Fault.LOST_REPLY)
        with pytest.raises(ReauthorizationRequired):
            await (await s.tokens(provider)).refresh("box", USER)
        assert not s.server.accepts(link.tokens.access_token)
