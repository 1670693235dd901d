"""A store that tells of its history: what is refreshed when it has another one."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import AsyncMock

import attrs
import pytest

from extauth import (
    ConfigurationError,
    LinkDoubtful,
    LinkKey,
    LinkNotFound,
    ProviderTraits,
    ProviderUnavailable,
    RefreshFailure,
    RefreshInProgress,
    RefreshPolicy,
    StoreUnavailable,
    TokenService,
)
from extauth.domain.acting import acting_as, current_actor
from extauth.domain.actors import UPKEEP
from extauth.domain.doubt import doubt
from extauth.domain.events import StoreRestored, StoreWentBack
from extauth.domain.outcomes import Claimed, NotSent
from extauth.domain.policy import Backoff
from extauth.domain.store_history import HeldLinks, HistorySeen
from extauth.testing.scripted.provider import ScriptedProvider
from tests.support.clocks import HeldClock
from tests.support.faulty_store import down

HOLD = timedelta(seconds=10)
DOWN = "down"
KEY = LinkKey("scripted", "alice")


class Telling:
    """A store around one, whose database has the history that the test says."""

    def __init__(self, store: Any, accepted: str | None = "cluster/1") -> None:
        self._store = store
        self.timeline = "1"
        self.accepted = accepted
        self.down = False
        self.silent: asyncio.Event | None = None
        self.looks = 0
        self.others_may_know = True
        self.said: list[tuple[str, ...]] = []
        self.history = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def claim(self, *args: Any, **kwargs: Any) -> Any:
        """Claim, and tell the timeline."""
        claim = await self._store.claim(*args, **kwargs)
        return attrs.evolve(claim, history=self.timeline) if isinstance(claim, Claimed) else claim

    async def look(self) -> HistorySeen:
        """Tell it to who looks, unless the database is down."""
        self.looks += 1
        if self.silent is not None:
            await self.silent.wait()
        if self.down:
            raise StoreUnavailable(DOWN)
        at = datetime(2027, 1, 1, tzinfo=UTC)
        return HistorySeen(
            f"cluster/{self.timeline}", self.accepted, self.timeline, at, others_may_know=self.others_may_know
        )

    async def accept(self, seen: HistorySeen) -> None:
        """As Postgres does."""
        assert seen.current == f"cluster/{self.timeline}"
        self.accepted = seen.current

    async def restored(self, seen: HistorySeen, *, spared: Collection[str] = ()) -> int | None:
        """Count all links."""
        await self.accept(seen)
        self.said.append(("restored", *sorted(spared)))
        return len(self._store._store._rows)

    async def hold(
        self, before: datetime, *, spared: Collection[str] = (), after: LinkKey | None = None
    ) -> HeldLinks:
        """Mark alice's link, in the second of two steps."""
        assert before == datetime(2027, 1, 1, tzinfo=UTC)
        self.said.append(("hold", *sorted(spared)))
        if self.down:
            raise StoreUnavailable(DOWN)
        if after is None:
            return HeldLinks(0, KEY)
        link = await self._store.get(KEY)
        await self._store.record_failure(KEY, link.version, doubt(link.updated_at, link.version))
        return HeldLinks(1, None)


@pytest.fixture
def telling(scene):
    """The scene's store, which tells of its history."""
    return Telling(scene.store)


def opened(scene, telling, **changes):
    """A replica of a minute's patience on it."""
    policy = RefreshPolicy(hold_after_failover=HOLD, **changes)
    return TokenService(telling, [scene.provider], clock=scene.clock, observer=scene, policy=policy)


def went_back(scene):
    """What was told of it."""
    return [event for event in scene.events if isinstance(event, StoreWentBack)]


@pytest.mark.parametrize("holds", [True, False])
async def test_the_first_history_is_accepted(scene, telling, holds):
    """There is nothing to compare it with; at once, whatever the policy."""
    telling.accepted = None
    async with opened(scene, telling, hold_doubtful=holds):
        assert telling.accepted == "cluster/1"
    assert went_back(scene) == []


async def test_a_history_that_nobody_has_accepted(scene, telling):
    """A replica that is started after a failover knows nothing, and gives the others time; callers wait who
    have the patience, if only just."""
    telling.timeline = "2"
    await scene.link()
    async with opened(scene, telling, wait_timeout=2 * HOLD) as tokens:
        await tokens.link("scripted", "alice")
        assert scene.clock.slept[0] == 2 * HOLD.total_seconds()
        assert telling.accepted == "cluster/2"
    assert [event.healed for event in went_back(scene)] == [0]
    assert restored(scene) == [StoreRestored(doubtful=1, held=0)]
    assert len(scene.provider.presented) == 1


def restored(scene):
    """What was told of a database that nobody remembers."""
    return [event for event in scene.events if isinstance(event, StoreRestored)]


async def test_one_that_somebody_remembers(scene, telling):
    """Who has seen it begin says that all is well, and nobody waits any longer."""
    scene.clock = HeldClock()
    telling.timeline = "2"
    await scene.link()
    async with opened(scene, telling, hold_doubtful=True) as tokens:
        watch = tokens._refresh_flight._watch
        assert watch.holds_for() == 2 * HOLD.total_seconds()
        telling.accepted = "cluster/2"
        await watch.look()
        assert not watch.holding
        await tokens.link("scripted", "alice")
    assert (restored(scene), telling.said) == ([], [])


async def test_what_nobody_remembers_is_held(scene, telling):
    """Marked first, and accepted only then; providers that give no new refresh tokens are spared."""
    telling.timeline = "2"
    await scene.link()
    other = ScriptedProvider("other", traits=ProviderTraits(rotates=False), now=scene.clock.now)
    policy = RefreshPolicy(hold_after_failover=HOLD, hold_doubtful=True)
    async with TokenService(
        telling, [scene.provider, other], clock=scene.clock, observer=scene, policy=policy
    ) as tokens:
        with pytest.raises(LinkDoubtful, match="extauth restored --agree scripted --user alice --yes"):
            await tokens.link("scripted", "alice")
        assert scene.provider.presented == []
        assert await scene.inner.lift_failure("scripted") == 0
        assert await scene.inner.lift_failure("scripted", reason="doubtful") == 1
        await tokens.link("scripted", "alice")
    assert telling.said == [("hold", "other"), ("hold", "other"), ("restored", "other")]
    assert restored(scene) == [StoreRestored(doubtful=1, held=1)]


async def test_a_file_that_nobody_can_remember(scene, telling):
    """There is no standby of it: it is held before the first call, without a wait."""
    telling.timeline, telling.others_may_know = "2", False
    await scene.link(expires_in=timedelta(minutes=1))
    async with opened(scene, telling, hold_doubtful=True) as tokens:
        assert (await tokens.link("scripted", "alice")).version == 1  # it works, and is handed out
        scene.clock.advance(timedelta(minutes=2))
        with pytest.raises(LinkDoubtful):
            await tokens.link("scripted", "alice")
    assert scene.clock.slept == []
    assert went_back(scene) == []


async def test_a_store_that_is_down_when_links_are_to_be_held(scene, telling):
    """Nothing is presented until it is back, and all is marked."""
    telling.timeline, telling.others_may_know = "2", False
    await scene.link()
    async with opened(scene, telling, hold_doubtful=True, wait_timeout=timedelta(seconds=2)) as tokens:
        watch = tokens._refresh_flight._watch
        telling.accepted, watch._seen, watch._unknown = "cluster/1", None, None
        looked, telling.look = telling.look, telling.look

        async def look_before_it_is_down() -> HistorySeen:
            telling.down = False
            seen: HistorySeen = await looked()
            telling.down = True
            return seen

        telling.look = look_before_it_is_down
        await scene.inner.lift_failure("scripted", reason="doubtful")
        await watch.look()
        with pytest.raises(RefreshInProgress):
            await tokens.link("scripted", "alice")
        telling.look, telling.down = looked, False
        await watch.look()
        with pytest.raises(LinkDoubtful):
            await tokens.link("scripted", "alice")
    assert scene.provider.presented == []


async def test_a_store_that_is_down_at_first(scene, telling):
    """Where it matters which history it has, nothing is presented before that is known."""
    await scene.link()
    telling.down = True
    patience = timedelta(seconds=2)
    async with opened(scene, telling, hold_doubtful=True, wait_timeout=patience) as tokens:
        with pytest.raises(RefreshInProgress):
            await tokens.link("scripted", "alice")
        telling.down = False
        await tokens._refresh_flight._watch.look()
        await tokens.link("scripted", "alice")
    await scene.link()
    telling.down = True
    async with opened(scene, telling, wait_timeout=patience) as tokens:
        await tokens.link("scripted", "alice")


async def test_a_second_one_before_the_first_is_known(scene, telling):
    """It takes its own time."""
    scene.clock = HeldClock()
    telling.timeline = "2"
    async with opened(scene, telling) as tokens:
        watch = tokens._refresh_flight._watch
        scene.clock.advance(HOLD)
        telling.timeline = "3"
        await watch.look()
        assert watch.holds_for() == 2 * HOLD.total_seconds()
        scene.clock.advance(2 * HOLD)
        await watch.look()
        assert telling.accepted == "cluster/3"


async def test_the_first_claim_of_a_service_that_has_not_looked(scene, telling):
    """Used without ``async with``, it has nothing to compare what it is told with."""
    await scene.link()
    tokens = opened(scene, telling)
    scene.replicas.append(tokens)
    assert (await tokens.link("scripted", "alice")).version == 2
    assert went_back(scene) == []


async def test_who_has_nothing_to_claim_looks_thrice_within_a_hold(scene, telling, monkeypatch):
    """So that it has put back what it knows before another replica refreshes again."""
    sleep, slept = asyncio.sleep, []

    async def noted(seconds):
        if seconds:
            slept.append(seconds)
            await asyncio.Event().wait()
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", noted)
    async with opened(scene, telling):
        while not slept:
            await sleep(0)
    assert slept == [HOLD.total_seconds() / 3]


def rounds(monkeypatch, count):
    """Let so many of the looks come at once that come now and then, and no more; return what is set then."""
    sleep, left, over = asyncio.sleep, iter(range(count)), asyncio.Event()

    async def passed(seconds):
        if seconds and next(left, None) is None:
            over.set()
            await asyncio.Event().wait()
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", passed)
    return over


def probing(scene, telling, probe):
    """A replica on a clock that stands still, which looks at one link so."""
    scene.clock = HeldClock()
    tokens = opened(scene, telling)
    tokens._refresh_flight._watch.on_gone_back(AsyncMock(), lambda: None, probe)
    return tokens


@pytest.mark.parametrize("trouble", [StoreUnavailable(DOWN), ConfigurationError("no key"), TimeoutError()])
async def test_looking_goes_on_though_a_look_fails(scene, telling, monkeypatch, trouble):
    """A link that cannot be read, and a database that does not answer, may be read the next time."""
    probe = AsyncMock(side_effect=trouble)
    over = rounds(monkeypatch, 3)
    async with probing(scene, telling, probe):
        await over.wait()
    assert (probe.await_count, telling.looks) == (3, 1 + 3)


async def test_no_look_takes_longer_than_until_the_next(scene, telling, monkeypatch):
    """Neither at the history nor at a link: a server that has fallen silent must keep nobody."""
    timeout, given = asyncio.timeout, []

    def noted(seconds):
        given.append(seconds)
        return timeout(seconds)

    over = rounds(monkeypatch, 1)
    monkeypatch.setattr(asyncio, "timeout", noted)
    async with probing(scene, telling, AsyncMock()):
        await over.wait()
    assert given == [HOLD.total_seconds() / 3] * 3


async def test_what_is_known_to_have_gone_back_is_not_probed(scene, telling, monkeypatch):
    """All that is known is looked at then."""
    probe = AsyncMock()
    over = rounds(monkeypatch, 2)
    async with probing(scene, telling, probe) as tokens:
        tokens._refresh_flight._watch.doubt()
        await over.wait()
    assert probe.await_count == 0


async def test_all_is_looked_at_in_nobodys_name(scene, telling):
    """Whoever it was whose call noticed that the store has gone back."""
    actors = []

    async def sweep(*_):
        actors.append(current_actor())

    async with opened(scene, telling) as tokens:
        watch = tokens._refresh_flight._watch
        watch.on_gone_back(sweep, lambda: None, nothing)
        with acting_as(UPKEEP):
            watch.doubt()
            await asyncio.sleep(0)
    assert actors == [None]


async def test_the_end_of_a_hold(scene, telling):
    """In that very moment, and not before, what is known is what was put back, and the history accepted."""
    scene.clock = HeldClock()
    settled = []
    policy = RefreshPolicy(hold_after_failover=timedelta(seconds=1))
    async with TokenService(telling, [scene.provider], clock=scene.clock, policy=policy) as tokens:
        watch = tokens._refresh_flight._watch
        watch.on_gone_back(AsyncMock(), lambda: settled.append(scene.clock.monotonic()), nothing)
        telling.timeline = "2"
        await watch.look()
        for _ in range(10):
            await asyncio.sleep(0)
        assert (settled, telling.accepted) == ([], "cluster/1")
        scene.clock.advance(timedelta(seconds=1))
        for _ in range(10):
            await asyncio.sleep(0)
    assert (settled, telling.accepted) == ([1001.0], "cluster/2")


async def test_a_claim_that_tells_of_another(scene, telling):
    """Nothing is presented then: the lease is given back, and what is stored is read again afterwards."""
    link = await scene.link()
    async with opened(scene, telling) as tokens:
        telling.timeline = "2"
        newer = scene.provider.grant()

        async def put_back() -> None:
            assert scene.provider.presented == []
            await scene.inner.save(link.key, link.version, newer)

        scene.store.after["release"] = [put_back]
        served = await tokens.link("scripted", "alice")
        assert served.tokens.access_token == newer.access_token
        assert scene.provider.presented == []
    assert [event.known for event in went_back(scene)] == [1]


async def test_a_mark_on_what_was_claimed_then(scene, telling):
    """It says nothing of what is put back."""
    link = await scene.link()
    async with opened(scene, telling) as tokens:
        telling.timeline = "2"
        newer = scene.provider.grant()
        mark = RefreshFailure("invalid_grant", scene.clock.now(), link.version)

        async def fail() -> None:
            await scene.inner.record_failure(link.key, link.version, mark)

        async def put_back() -> None:
            await scene.inner.save(link.key, link.version, newer)

        scene.store.before["claim"] = [fail]
        scene.store.after["release"] = [put_back]
        assert (await tokens.link("scripted", "alice")).tokens.access_token == newer.access_token


def put_back_by_one_who_knew_less(scene, before):
    """What another replica does, whose state of the link has a higher version then, and a later time."""

    async def put_back() -> None:
        later = attrs.evolve(before.link, version=9, updated_at=scene.clock.now())
        scene.inner._write(KEY, attrs.evolve(before, link=later))

    return put_back


async def test_what_another_replica_has_put_back_meanwhile(scene, telling):
    """It may have known less: what was refreshed here is put over it."""
    await scene.link()
    before = scene.inner._rows[KEY]
    async with opened(scene, telling) as tokens:
        newest = await tokens.link("scripted", "alice")
        scene.clock.advance(timedelta(hours=2))
        telling.timeline = "2"
        scene.store.before["wait_for_change"] = [put_back_by_one_who_knew_less(scene, before)]
        await tokens.link("scripted", "alice")
        assert scene.provider.presented[1:] == [newest.tokens.refresh_token]


async def test_what_another_replica_has_put_back_at_the_end(scene, telling):
    """Whoever waits for the end reads the link again, and knows it better all the same."""
    scene.clock = HeldClock()
    await scene.link()
    before = scene.inner._rows[KEY]
    async with opened(scene, telling) as tokens:
        newest = await tokens.link("scripted", "alice")
        await tokens._refresh_flight._watch.look()
        telling.timeline = "2"
        scene.clock.advance(timedelta(hours=2))
        tokens._refresh_flight._watch.told("2")
        waiting = asyncio.ensure_future(tokens.link("scripted", "alice"))
        while len([left for left in scene.clock.asleep if left == HOLD.total_seconds()]) < 2:
            await asyncio.sleep(0)
        scene.store.before["get"] = [put_back_by_one_who_knew_less(scene, before)]
        scene.clock.advance(HOLD)
        await waiting
        assert scene.provider.presented[1] == newest.tokens.refresh_token


async def test_one_that_is_noticed_between_claim_and_exchange(scene, telling):
    """By the claim of another link, say: nothing is presented either."""
    scene.provider.traits = ProviderTraits(reuse_revokes_account=True)
    link = await scene.link()
    async with opened(scene, telling) as tokens:

        async def notice() -> None:
            tokens._refresh_flight._watch.told("2")

        async def put_back() -> None:
            assert scene.provider.presented == []
            await scene.inner.save(link.key, link.version, scene.provider.grant())

        scene.store.before["links_of"] = [notice]
        scene.store.after["release"] = [put_back]
        await tokens.link("scripted", "alice")
        assert scene.provider.presented == []


async def test_one_that_is_noticed_during_an_exchange(scene, telling):
    """It is not repeated."""
    await scene.link()
    async with opened(scene, telling) as tokens:

        async def refresh(_, *, resource=None) -> NotSent:
            exchanges.append(resource)
            tokens._refresh_flight._watch.told("2")
            return NotSent("connection_refused")

        exchanges: list[object] = []
        scene.provider.refresh = refresh
        with pytest.raises(ProviderUnavailable):
            await tokens.link("scripted", "alice")
        assert exchanges == [None]


async def test_callers_with_less_patience(scene, telling):
    """They are told for how long nothing is refreshed; one whose token works is served."""
    scene.clock = HeldClock()
    await scene.link()
    telling.timeline = "2"
    async with opened(scene, telling, wait_timeout=HOLD / 2) as tokens:
        with pytest.raises(RefreshInProgress) as caught:
            await tokens.link("scripted", "alice")
        assert caught.value.retry_after == 2 * HOLD
        await scene.link(expires_in=timedelta(minutes=1))
        await tokens.link("scripted", "alice")
        assert scene.provider.presented == []


async def test_closing_meanwhile(scene, telling):
    """Nobody waits for the end of it then."""
    scene.clock = HeldClock()
    await scene.link()
    telling.timeline = "2"
    tokens = await opened(scene, telling).__aenter__()
    waiting = asyncio.ensure_future(tokens.link("scripted", "alice"))
    while not [left for left in scene.clock.asleep if left == 2 * HOLD.total_seconds()]:
        await asyncio.sleep(0)
    await tokens.aclose()
    with pytest.raises(RefreshInProgress):
        await waiting


async def test_who_has_nothing_to_claim_looks(scene, telling):
    """What it alone knows is put back before it is asked for it."""
    await scene.link()
    before = scene.inner._rows[next(iter(scene.inner._rows))]
    async with opened(scene, telling) as tokens:
        await tokens.link("scripted", "alice")
        newest = await scene.stored()
        scene.inner._write(newest.key, before)
        telling.timeline = "2"
        await tokens._refresh_flight._watch.look()
        while not went_back(scene):
            await asyncio.sleep(0)
        assert (await scene.stored()).tokens == newest.tokens
        assert went_back(scene) == [StoreWentBack(known=1, healed=1, missing=0, unread=0, held=HOLD)]


async def test_what_became_of_all_that_was_known_is_told(scene, telling):
    """What is well, what was put back, what the store has no more, at the first look or at the second, and
    what cannot be read."""
    await scene.link()
    before = scene.inner._rows[KEY]
    erin = LinkKey("scripted", "erin")
    async with opened(scene, telling) as tokens:
        await tokens.link("scripted", "alice")
        for user in ("bob", "carol", "dave", "erin"):
            await scene.inner.put(LinkKey("scripted", user), scene.provider.grant())
            await tokens.link("scripted", user)
        await tokens.refresh("scripted", "erin")
        for key in (KEY, erin):
            scene.inner._write(key, attrs.evolve(before, link=attrs.evolve(before.link, key=key)))
        await scene.inner.delete(LinkKey("scripted", "carol"))
        firsts = [nothing, nothing, nothing, ConfigurationError("no key"), nothing]
        scene.store.before["get"] = [*firsts, nothing, partial(scene.inner.delete, erin)]
        telling.timeline = "2"
        await tokens._refresh_flight._watch.look()
        while not went_back(scene):
            await asyncio.sleep(0)
    assert went_back(scene) == [StoreWentBack(known=5, healed=1, missing=2, unread=1, held=HOLD)]


async def test_a_store_that_is_down_is_looked_at_until_the_hold_ends(scene, telling):
    """With pauses between; what could not be looked at by then is told."""
    await scene.link()
    policy = RefreshPolicy(
        hold_after_failover=timedelta(seconds=4),
        retry=Backoff(initial=timedelta(seconds=1), maximum=timedelta(seconds=1)),
    )
    common = {"clock": scene.clock, "observer": scene, "policy": policy}
    async with TokenService(telling, [scene.provider], **common) as tokens:
        await tokens.link("scripted", "alice")
        scene.store.calls.clear()
        scene.store.before["get"] = down(9)
        tokens._refresh_flight._watch.doubt()
        while not went_back(scene):
            await asyncio.sleep(0)
    assert [event.unread for event in went_back(scene)] == [1]
    assert scene.store.calls["get"] == 4


@pytest.mark.parametrize(("seconds", "told"), [(0.34, 0.3), (2.07, 2.1)])
async def test_for_how_long_it_holds_is_told(scene, telling, seconds, told):
    """In tenths of seconds."""
    policy = RefreshPolicy(hold_after_failover=timedelta(seconds=seconds))
    common = {"clock": scene.clock, "observer": scene, "policy": policy}
    async with TokenService(telling, [scene.provider], **common) as tokens:
        tokens._refresh_flight._watch.doubt()
        while not went_back(scene):
            await asyncio.sleep(0)
    assert [event.held for event in went_back(scene)] == [timedelta(seconds=told)]


async def nothing() -> None:
    """No fault."""


async def test_it_looks_now_and_then(scene, telling):
    """Three times in the span that another one waits for it; a database that is down is looked at again."""
    telling.down = True
    policy = RefreshPolicy(hold_after_failover=timedelta(milliseconds=30))
    async with TokenService(telling, [scene.provider], clock=scene.clock, policy=policy):
        while telling.looks < 3:
            await asyncio.sleep(0.01)
        telling.down, telling.accepted = False, None
        while telling.accepted is None:
            await asyncio.sleep(0.01)
    looks = telling.looks
    await asyncio.sleep(0.05)
    assert telling.looks == looks


async def test_a_server_that_has_fallen_silent(scene, telling):
    """It is waited for no longer than until the next look."""
    telling.silent = asyncio.Event()
    policy = RefreshPolicy(hold_after_failover=timedelta(milliseconds=30))
    async with TokenService(telling, [scene.provider], clock=scene.clock, policy=policy):
        while telling.looks < 3:
            await asyncio.sleep(0.01)


async def test_another_cluster_on_the_same_timeline(scene, telling):
    """As after a dump that was restored elsewhere: claims cannot tell, a look can."""
    async with opened(scene, telling) as tokens:
        watch = tokens._refresh_flight._watch
        watch._history = Elsewhere()
        await watch.look()
        assert watch.holding


class Elsewhere:
    async def look(self) -> HistorySeen:
        return HistorySeen("other/1", "cluster/1", "1")


async def test_a_second_failover_meanwhile(scene, telling):
    """It takes its own time."""
    scene.clock = HeldClock()
    async with opened(scene, telling) as tokens:
        watch = tokens._refresh_flight._watch
        telling.timeline = "2"
        await watch.look()
        scene.clock.advance(HOLD / 2)
        telling.timeline = "3"
        await watch.look()
        assert watch.holds_for() == HOLD.total_seconds()
        await watch.look()
        watch.told("3")
        assert watch.holds_for() == HOLD.total_seconds()
        assert telling.accepted == "cluster/1"


async def test_what_has_just_been_looked_at_for_a_link(scene, telling):
    """Another history that is seen meanwhile is why it had gone back; one after another failover is not."""
    scene.clock = HeldClock()
    swept: list[bool] = []

    async def sweep(_: float, again: bool) -> None:
        swept.append(again)

    async with opened(scene, telling) as tokens:
        watch = tokens._refresh_flight._watch
        watch.on_gone_back(sweep, lambda: None, nothing)

        async def fails_over(timeline: str) -> bool:
            telling.timeline = timeline
            await watch.look()
            await asyncio.sleep(0)
            return swept[-1]

        assert not await fails_over("2")
        assert not await fails_over("3")
        scene.clock.advance(2 * HOLD)
        watch.doubt()
        await asyncio.sleep(0)
        assert swept == [False, False, False]
        assert await fails_over("4")
        assert not await fails_over("5")
        scene.clock.advance(2 * HOLD)
        watch.doubt()
        scene.clock.advance(HOLD)
        assert not await fails_over("6")


async def test_a_link_that_has_gone_back(scene):
    """A store that says nothing of its history is believed to have lost more than the one link."""
    scene.clock = HeldClock()
    await scene.link()
    before = scene.inner._rows[next(iter(scene.inner._rows))]
    tokens = TokenService(
        scene.store,
        [scene.provider],
        clock=scene.clock,
        observer=scene,
        policy=RefreshPolicy(hold_after_failover=HOLD),
    )
    newest = await tokens.link("scripted", "alice")
    scene.inner._write(newest.key, before)
    served = await tokens.link("scripted", "alice")
    assert served.tokens == newest.tokens == (await scene.stored()).tokens
    assert tokens._refresh_flight._watch.holding
    while not went_back(scene):
        await asyncio.sleep(0)
    await tokens.aclose()


@pytest.mark.parametrize("changes", [{"hold_after_failover": timedelta(0)}, {}])
async def test_nothing_is_held_where_that_is_not_wanted(scene, telling, changes):
    """Nor is a store watched that says nothing."""
    store = telling if changes else scene.store
    policy = RefreshPolicy(**changes)
    telling.timeline = "2"
    await scene.link()
    async with TokenService(store, [scene.provider], clock=scene.clock, policy=policy) as tokens:
        await tokens.link("scripted", "alice")
    assert scene.clock.slept == []
    assert telling.looks == 0


async def test_who_has_disconnected_is_forgotten(scene):
    """Nothing of a link that was found to be gone is kept, or put over what its user connects later."""
    await scene.link()
    tokens = scene.replica()
    await tokens.link("scripted", "alice")
    await scene.inner.delete(KEY)
    with pytest.raises(LinkNotFound):
        await tokens.link("scripted", "alice")
    assert len(tokens._refresh_flight.healing._known) == 0


async def test_what_another_replica_has_put_back_between_two_looks(scene, telling):
    """A link that had gone back is read twice. That the store has is known from it, though the second look
    finds it well: the other one knows not all that is known here."""
    await scene.link()
    before = scene.inner._rows[KEY]
    async with opened(scene, telling) as tokens:
        newest = await tokens.link("scripted", "alice")
        scene.clock.advance(timedelta(seconds=1))

        async def put_back() -> None:
            await scene.inner.save(KEY, before.link.version, newest.tokens)

        scene.inner._write(KEY, before)
        scene.store.after["get"] = [put_back]
        assert (await tokens.link("scripted", "alice")).tokens == newest.tokens
        assert tokens._refresh_flight._watch.holding
        while not (told := went_back(scene)):
            await asyncio.sleep(0)
    assert [(event.known, event.healed) for event in told] == [(1, 0)]
