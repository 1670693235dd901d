"""Which links upkeep refreshes, and which it leaves alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth import LinkKey, RefreshFailure, Upkeep, UpkeepReport, UpkeepService
from extauth.domain.fence import FENCED, fence
from extauth.domain.outcomes import Claimed, Unknown
from extauth.domain.policy import ProviderTraits
from extauth.testing import ScriptedProvider
from tests.services.upkeep.conftest import DAY, HOUR, fixed_end

MINUTE = timedelta(minutes=1)


async def test_links_due_soon_are_kept_warm(scene):
    """Ahead of any caller, the provider's own and those named below it; nobody else's."""
    soon = [
        await scene.link("alice", 5 * MINUTE),
        await scene.link("bob", -30 * DAY),
        await scene.link("alice", 5 * MINUTE, "github/work"),
        await scene.link("alice", 5 * MINUTE, "github2"),
    ]
    later = [await scene.link("carol", 40 * MINUTE), await scene.link("dave", None)]
    report = await scene.replica().run_once()
    assert await scene.versions(*soon) == [2, 2, 2, 2]
    assert await scene.versions(*later) == [1, 1]
    assert report == UpkeepReport(refreshed=4, behind=report.behind)
    assert report.behind > 30 * DAY
    assert await scene.replica().run_once() == UpkeepReport()


async def test_links_that_were_made_together_are_not_refreshed_together(memory):
    """Who is first depends on the key, as where callers refresh."""
    keys = [await memory.link(f"user-{number}", 15 * MINUTE) for number in range(100)]
    replica = memory.replica()
    warm = []
    for _ in range(3):
        report = await replica.run_once()
        warm.append(report.refreshed)
        memory.clock.advance(4 * MINUTE)
    assert warm[0] <= 1
    assert 20 < warm[1] < 80
    assert 20 < warm[2] < 80
    assert sum(await memory.versions(*keys)) == 100 + sum(warm)


async def test_tokens_that_are_dead_on_arrival_are_not_asked_for_without_end(memory):
    """A provider whose clock is behind gives tokens that have expired: a minute later is soon enough."""
    await memory.link("alice", -MINUTE)
    memory.provider.lifetime = timedelta(0)
    replica = memory.replica()
    assert (await replica.run_once()).refreshed == 1
    assert await replica.run_once() == UpkeepReport()
    memory.clock.advance(MINUTE)
    assert (await replica.run_once()).refreshed == 1


async def test_short_lives_are_not_refreshed_all_the_time(memory):
    """No link is kept warm before the last third of its access token's life."""
    memory.provider.lifetime = 6 * MINUTE
    key = await memory.link("alice", timedelta(0))
    replica = memory.replica()
    for _ in range(4):
        await replica.run_once()
        memory.clock.advance(MINUTE)
    assert await memory.versions(key) == [2]


async def test_idle_links_are_kept_alive(scene):
    """Half way to where the refresh token dies of idleness, whatever the access token's state."""
    now = scene.clock.now()
    idle = await scene.link("alice", None, refresh_token_expires_at=now + 60 * DAY)
    named = await scene.link("bob", None, "github/work", refresh_token_expires_at=now + 60 * DAY)
    unknown = await scene.link("carol", None)
    replica = scene.replica(keep_warm=None)
    scene.clock.advance(29 * DAY)
    assert await replica.run_once() == UpkeepReport()
    scene.clock.advance(2 * DAY)
    report = await replica.run_once()
    assert (report.refreshed, await scene.versions(idle, named, unknown)) == (2, [2, 2, 1])


async def test_links_of_unknown_end_are_kept_alive_if_told(scene):
    """Nobody knows when their refresh token dies, so that only the application can say when."""
    unknown = await scene.link("alice", None)
    known = await scene.link("bob", None, refresh_token_expires_at=scene.clock.now() + 365 * DAY)
    scene.clock.advance(20 * DAY)
    assert await scene.replica(keep_warm=None, idle=21 * DAY).run_once() == UpkeepReport()
    scene.clock.advance(2 * DAY)
    report = await scene.replica(keep_warm=None, idle=21 * DAY).run_once()
    assert (report.refreshed, await scene.versions(unknown, known)) == (1, [2, 1])


async def test_a_grant_that_ends_anyway_is_not_kept_alive(memory):
    """A refresh would not move its end."""
    memory.provider.traits = fixed_end()
    key = await memory.link("alice", None, refresh_token_expires_at=memory.clock.now() + 365 * DAY)
    memory.clock.advance(360 * DAY)
    assert await memory.replica().run_once() == UpkeepReport()
    assert await memory.versions(key) == [1]


async def test_nothing_is_kept_up_that_was_not_asked_for(memory):
    """Each part can be left out."""
    await memory.link("alice", MINUTE)
    await memory.link("bob", None, refresh_token_expires_at=memory.clock.now() + DAY)
    memory.clock.advance(DAY)
    assert (await memory.replica(keep_alive=False).run_once()).refreshed == 1
    assert (await memory.replica(keep_warm=None).run_once()).refreshed == 1


async def test_what_failed_is_left_alone_until_it_may_be_tried(scene):
    """Its mark says until when; a dead one is not tried at all."""
    keys = [await scene.link(user, -HOUR) for user in ("alice", "bob")]
    at = scene.clock.now()
    for key, retry_at in zip(keys, (at + MINUTE, None), strict=True):
        await scene.store.record_failure(key, 1, RefreshFailure("http_503", at, 1, retry_at=retry_at))
    replica = scene.replica()
    assert await replica.run_once() == UpkeepReport()
    scene.clock.advance(2 * MINUTE)
    assert (await replica.run_once()).refreshed == 1
    assert await scene.versions(*keys) == [2, 1]


async def test_a_refresh_token_that_may_be_spent_is_not_presented(memory):
    """As long as the access token works there is something to lose, which upkeep must not risk."""
    key = await memory.link("alice", 5 * MINUTE)
    assert isinstance(await memory.store.claim(key, 1, "crashed", MINUTE), Claimed)
    memory.clock.advance(2 * MINUTE)
    assert await memory.replica().run_once() == UpkeepReport()
    assert memory.provider.presented == []
    memory.provider.traits = ProviderTraits(rotates=False)
    assert (await memory.replica().run_once()).refreshed == 1


async def test_an_exchange_under_way_is_left_to_who_began_it(memory):
    """Upkeep neither waits for it nor presents the token beside it."""
    key = await memory.link("alice", -MINUTE)
    await memory.store.claim(key, 1, "another replica", HOUR)
    assert await memory.replica().run_once() == UpkeepReport()
    assert memory.provider.presented == []


async def test_a_lost_reply_is_no_success(memory):
    """It counts as failed, also where the access token still works."""
    await memory.link("alice", MINUTE)
    memory.provider.script.append(Unknown("reply_lost"))
    assert (await memory.replica().run_once()).failed == 1


async def test_links_of_other_providers_below_are_theirs(memory):
    """A provider whose own id looks like a named link's looks after its links itself."""
    inner = ScriptedProvider("github/work", now=memory.clock.now)
    memory.others.insert(0, inner)
    await memory.link("alice", MINUTE, "github/work")
    assert (await memory.replica().run_once()).refreshed == 1
    assert (memory.provider.exchanges, inner.exchanges) == (0, 1)


async def test_upkeep_that_does_nothing_is_a_mistake():
    """It says what to write."""
    with pytest.raises(ValueError, match="say keep_warm, keep_alive or idle"):
        Upkeep(keep_warm=None, keep_alive=False)


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"concurrency": 0}, {"page": 0}, {"interval": timedelta(0)}])
async def test_what_must_be_positive(wrong):
    """Nothing would ever happen, or all at once."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Upkeep(**wrong)


async def test_purges(scene):
    """What has expired is removed, and what the application wants removed is, too."""

    async def purge() -> int:
        return 7

    report = await scene.replica().run_once()
    assert report == UpkeepReport()
    [tokens] = scene.services
    upkeep = UpkeepService(scene.store, [scene.provider], tokens, purges=[purge], clock=scene.clock)
    assert await upkeep.run_once() == UpkeepReport(purged=7)


async def test_a_link_that_is_gone_is_nobodys_matter(memory):
    """It was listed, and its user unlinked before its turn."""
    key = await memory.link("alice", -MINUTE)
    due = memory.store.due

    class Forgetful:
        async def due(self, provider_id, by, before, **narrow):
            page = await due(provider_id, by, before, **narrow)
            await memory.store.delete(key)
            return page

        def __getattr__(self, name):
            return getattr(memory.store, name)

    memory.replica()
    upkeep = UpkeepService(Forgetful(), [memory.provider], memory.services[0], clock=memory.clock)
    assert await upkeep.run_once() == UpkeepReport()
    assert await memory.store.get(LinkKey("github", "alice")) is None


async def test_a_fenced_link_is_left_alone(scene):
    """It was moved, and may be refreshed elsewhere: neither its expiry nor its age is a reason."""
    fenced = [await scene.link("alice", 5 * MINUTE), await scene.link("bob", None)]
    other = await scene.link("carol", 5 * MINUTE)
    for key in fenced:
        await scene.store.record_failure(key, 1, fence(scene.clock.now()))
    scene.clock.advance(30 * DAY)
    report = await scene.replica(idle=7 * DAY).run_once()
    assert report == UpkeepReport(refreshed=1, behind=report.behind)
    assert await scene.versions(*fenced, other) == [1, 1, 2]
    assert await scene.store.lift_failure("github", reason=FENCED) == 2
    assert (await scene.replica(idle=7 * DAY).run_once()).refreshed == 2
