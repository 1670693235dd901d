"""A provider that takes only so many requests is asked for no more, and everybody is served in the end."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from extauth import LinkKey, ProviderUnavailable, RefreshPolicy
from extauth.domain.rate_limit import RateLimit
from tests.services.refresh.limited import SECOND, crowd

MOST = 1.2
"""Requests for each that the limit lets through."""


def users(count: int, *, of: str = "user") -> list[str]:
    """Return so many names."""
    return [f"{of}-{number}" for number in range(count)]


async def test_a_crowd_keeps_to_a_limit_that_nobody_told():
    """All expire at once: hardly a request too many, none into a pause, each is told when and is served."""
    everybody = users(600)
    async with crowd(5) as scene, scene.service() as tokens:
        await scene.connect(*everybody)
        await scene.come(tokens, *everybody)
        assert sorted(scene.in_order) == sorted(everybody)
        assert len(scene.provider.sent) <= MOST * scene.allowed(5)
        assert scene.provider.into_pauses == 0
        # And hardly one that it would have taken is left out.
        assert len(everybody) >= 0.8 * scene.allowed(5)


async def test_replicas_that_share_a_limit_serve_everybody_soon():
    """What each learns is what the others leave it: a few answers do not tell that, and set no times."""
    everybody = [users(60, of=f"replica-{number}") for number in range(2)]
    async with crowd(1) as scene, AsyncExitStack() as stack:

        async def come_late(replica: int) -> None:
            tokens = await stack.enter_async_context(scene.service(rng=random.Random(replica)))
            await scene.clock.sleep(0.03 * replica)
            await asyncio.gather(*(scene.ask(tokens, user) for user in everybody[replica]))

        for share in everybody:
            await scene.connect(*share)
        await scene.clock.run(asyncio.gather(*map(come_late, range(2))))
        took = scene.clock.monotonic() - scene.began
        assert len(scene.in_order) == 120
        assert len(scene.provider.sent) <= MOST * scene.allowed(1)
        # Twice as long as one replica would need that asked without a pause.
        assert took <= 2 * 120


async def test_who_is_sent_away_has_a_turn_of_its_own():
    """Hardly more are told to come back in one second than can be served in it, and most come but once."""
    everybody = users(600)
    async with crowd(5) as scene, scene.service() as tokens:
        await scene.connect(*everybody)
        await scene.come(tokens, *everybody)
        assert scene.busiest_second() <= 10
        assert sum(len(told) for told in scene.told.values()) <= len(everybody)


async def test_nobody_holds_a_lease_while_waiting():
    """Other replicas may refresh the link meanwhile, and a crash leaves nothing behind."""
    everybody = users(40)
    async with crowd(5) as scene, scene.service() as tokens:
        await scene.connect(*everybody)
        asking = [asyncio.ensure_future(scene.ask(tokens, user)) for user in everybody]
        await scene.clock.run(scene.clock.sleep(1.5))
        links = [await scene.store.get(LinkKey("crm", user)) for user in everybody]
        waiting = [link for link in links if link.version == 1]
        assert len(waiting) > 20
        assert [link.pending for link in waiting] == [None] * len(waiting)
        await scene.clock.run(asyncio.gather(*asking))


@pytest.mark.parametrize("works_for", [5 * SECOND, timedelta(minutes=2)])
async def test_who_has_a_token_that_works_never_waits(works_for):
    """While a crowd waits, tokens that work are handed out at once, be they about to expire."""
    everybody = users(40)
    async with crowd(5) as scene, scene.service() as tokens:
        await scene.connect(*everybody)
        await scene.connect("alice", works_for=works_for)
        asking = [asyncio.ensure_future(scene.ask(tokens, user)) for user in everybody]
        await scene.clock.run(scene.clock.sleep(2.5))
        before = scene.clock.monotonic()
        stored = await scene.store.get(LinkKey("crm", "alice"))
        assert await scene.clock.run(tokens.access_token("crm", "alice")) == stored.tokens.access_token
        assert scene.clock.monotonic() == before
        await scene.clock.run(asyncio.gather(*asking))


class TestALimitThatIsTold:
    async def test_requests_are_evenly_spaced(self):
        """Nothing is learned the hard way."""
        everybody = users(30)
        policy = RefreshPolicy(rate_limits={"crm": RateLimit(per_second=4)})
        async with crowd(5) as scene, scene.service(policy=policy) as tokens:
            await scene.connect(*everybody)
            await scene.come(tokens, *everybody)
            gaps = [
                later - at for at, later in zip(scene.provider.sent, scene.provider.sent[1:], strict=False)
            ]
            assert min(gaps) > 0.19
            assert scene.provider.pauses == []
            assert max(scene.provider.sent) - min(scene.provider.sent) == pytest.approx(29 / 4, abs=0.1)

    async def test_no_more_are_under_way_than_that(self):
        """The rest wait for an answer."""
        everybody = users(30)
        policy = RefreshPolicy(rate_limits={"crm": RateLimit(concurrent=2)})
        async with crowd(None) as scene, scene.service(policy=policy) as tokens:
            await scene.connect(*everybody)
            await scene.come(tokens, *everybody)
            assert scene.provider.most_at_once == 2
            assert len(scene.provider.sent) == 30

    async def test_other_providers_have_no_part_in_it(self):
        """It is for the provider with that id."""
        everybody = users(30)
        policy = RefreshPolicy(rate_limits={"another": RateLimit(per_second=0.01)})
        async with crowd(None) as scene, scene.service(policy=policy) as tokens:
            await scene.connect(*everybody)
            await scene.come(tokens, *everybody)
            assert scene.clock.monotonic() == scene.began


async def test_closing_sends_away_who_waits():
    """Nobody is kept until the wait is over; what was sent is saved."""
    everybody = users(40)
    async with crowd(5) as scene:
        tokens = scene.service()
        await scene.connect(*everybody)
        calls = [asyncio.ensure_future(tokens.access_token("crm", user)) for user in everybody]
        await scene.clock.run(scene.clock.sleep(1.5))
        before = scene.clock.monotonic()
        await scene.clock.run(tokens.aclose())
        assert scene.clock.monotonic() == before
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        sent_away = [outcome for outcome in outcomes if isinstance(outcome, ProviderUnavailable)]
        assert len(sent_away) > 20
        assert len(sent_away) + len([outcome for outcome in outcomes if isinstance(outcome, str)]) == 40
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert [task for task in left if "Turns" in repr(task)] == []
