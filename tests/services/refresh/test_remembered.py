"""Links that were read a moment ago are served from memory, and never one that should not be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from extauth import (
    AccessPolicy,
    ConfigurationError,
    LinkKey,
    LinkNotFound,
    NotAuthorized,
    RefreshPolicy,
    TemporarilyUnavailable,
    TokenService,
    User,
    acting_as,
)
from extauth.adapters.authorization import GuardedStore
from extauth.domain.link import GrantOrigin, RefreshFailure
from extauth.domain.outcomes import Deferred
from extauth.domain.token_set import ResourceToken
from extauth.services.refresh import remembered
from extauth.testing.scripted.provider import ScriptedProvider
from tests.services.conftest import KEY, Scene
from tests.support.faulty_store import down

WHO = (KEY.provider_id, KEY.user_id)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
POLICY = RefreshPolicy(remember_for=MINUTE)


async def asked(scene: Scene, call: Callable[[], Any]) -> tuple[Any, int]:
    """Return what a call gives, and how often the store was read for it."""
    before = scene.store.calls["get"]
    result = await call()
    return result, scene.store.calls["get"] - before


async def test_off_unless_it_is_asked_for(scene: Scene) -> None:
    """Without ``remember_for`` each call asks the store, of whatever kind."""
    await scene.link(expires_in=HOUR)
    tokens = scene.replica()
    for _ in range(3):
        _, reads = await asked(scene, lambda: tokens.access_token(*WHO))
        assert reads == 1


async def test_a_second_read_asks_nobody_until_the_span_is_over(scene: Scene) -> None:
    """It lasts from when the read began, whatever is asked meanwhile; then the store is asked again."""
    link = await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=POLICY)
    assert await tokens.access_token(*WHO) == link.tokens.access_token
    found = tokens.at_once.found(*WHO)
    assert found is not None
    assert found.shown is None  # by no client yet, which looks
    for _ in range(5):
        scene.clock.advance(timedelta(seconds=11.9))
        assert await asked(scene, lambda: tokens.access_token(*WHO)) == (link.tokens.access_token, 0)
        assert await asked(scene, lambda: tokens.link(*WHO)) == (link, 0)
    scene.clock.advance(timedelta(seconds=0.5))
    assert await asked(scene, lambda: tokens.access_token(*WHO)) == (link.tokens.access_token, 1)


async def test_the_span_begins_with_the_read(scene: Scene) -> None:
    """What a read found is as old as the moment at which it began."""
    await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=POLICY)

    async def slowly() -> None:
        scene.clock.advance(timedelta(seconds=50))

    scene.store.after["get"] = [slowly]
    await tokens.access_token(*WHO)
    scene.clock.advance(timedelta(seconds=9))
    assert (await asked(scene, lambda: tokens.access_token(*WHO)))[1] == 0
    scene.clock.advance(timedelta(seconds=1))
    assert (await asked(scene, lambda: tokens.access_token(*WHO)))[1] == 1


async def test_a_clock_set_back_prolongs_nothing(scene: Scene) -> None:
    """The span is measured by a clock that never goes back."""
    await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=POLICY)
    await tokens.access_token(*WHO)
    scene.clock._now -= timedelta(days=1)
    scene.clock._monotonic += 60
    assert (await asked(scene, lambda: tokens.access_token(*WHO)))[1] == 1


async def test_a_clock_set_ahead_ends_the_token(scene: Scene) -> None:
    """Whether a token still works is told by the time of day, at each call."""
    old = await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=POLICY)
    await tokens.access_token(*WHO)
    scene.clock._now += HOUR
    assert await tokens.access_token(*WHO) != old.tokens.access_token


@pytest.mark.parametrize("left", [timedelta(seconds=10), timedelta(minutes=5)])
async def test_never_past_what_the_policy_says(scene: Scene, left: timedelta) -> None:
    """Memory ends where the refresh begins, be it by ``min_validity`` or by ``refresh_ahead``."""
    policy = attrs.evolve(POLICY, remember_for=2 * HOUR, refresh_ahead=left if left > MINUTE else 0 * left)
    old = await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=policy)
    await tokens.access_token(*WHO)
    scene.clock.advance(HOUR - left / 2 - timedelta(microseconds=1))
    new = [await tokens.access_token(*WHO) for _ in range(2)]
    assert len(scene.provider.presented) == 1 or await eventually_presented(scene)
    if left < MINUTE:
        assert old.tokens.access_token not in new


async def eventually_presented(scene: Scene) -> bool:
    """Let a refresh behind the caller's back begin."""
    for _ in range(20):
        await asyncio.sleep(0)
    return len(scene.provider.presented) == 1


async def test_from_the_moment_on_in_which_the_token_is_to_be_replaced(scene: Scene) -> None:
    """It is not handed out without a look at the policy."""
    await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=attrs.evolve(POLICY, remember_for=2 * HOUR))
    await tokens.access_token(*WHO)
    found = tokens.at_once.found(*WHO)
    assert found is not None
    scene.clock._now = datetime.fromtimestamp(found.served_until, UTC)
    assert tokens.at_once.found(*WHO) is None
    scene.clock._now -= timedelta(microseconds=1)
    assert tokens.at_once.found(*WHO) is found


async def test_a_link_without_an_expiry_is_remembered_too(scene: Scene) -> None:
    """For as long as any other."""
    await scene.link(expires_in=None)
    tokens = scene.replica(policy=POLICY)
    await tokens.access_token(*WHO)
    assert (await asked(scene, lambda: tokens.access_token(*WHO)))[1] == 0


async def test_a_refused_token_is_forgotten_at_once(scene: Scene) -> None:
    """``rejected=`` looks at the store, and so does whoever asks next."""
    old = await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=POLICY)
    await tokens.access_token(*WHO)
    new = await tokens.refresh(*WHO, rejected=old.tokens.access_token)
    assert new.tokens.access_token != old.tokens.access_token
    assert await tokens.access_token(*WHO) == new.tokens.access_token


async def test_a_refused_token_that_another_replica_has_replaced(scene: Scene) -> None:
    """It is not refreshed again, and not served again."""
    old = await scene.link(expires_in=HOUR)
    tokens, other = scene.replica(policy=POLICY), scene.replica()
    await tokens.access_token(*WHO)
    scene.store.own_writes._hearers.clear()  # another process's writes are told to nobody here
    new = (await other.refresh(*WHO)).tokens.access_token
    assert await tokens.access_token(*WHO) == old.tokens.access_token
    assert (await tokens.refresh(*WHO, rejected=old.tokens.access_token)).tokens.access_token == new
    assert await tokens.access_token(*WHO) == new
    assert len(scene.provider.presented) == 1


async def test_a_refusal_that_comes_to_nothing_leaves_nothing_remembered(scene: Scene) -> None:
    """The refused token is not remembered by the call that was told of it."""
    old = await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=POLICY)
    await tokens.access_token(*WHO)
    scene.provider.script.append(Deferred("slow_down", timedelta(seconds=30)))
    with pytest.raises(TemporarilyUnavailable):
        await tokens.refresh(*WHO, rejected=old.tokens.access_token)
    assert (await asked(scene, lambda: tokens.access_token(*WHO)))[1] == 1
    # It has a mark now: each call looks.
    assert (await asked(scene, lambda: tokens.access_token(*WHO)))[1] == 1


async def test_a_late_read_does_not_bring_back_what_a_write_has_replaced(scene: Scene) -> None:
    """A read that began before a write and ends after it is served to its caller, and not remembered."""
    old = await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=POLICY)
    gate = asyncio.Event()
    scene.store.after["get"] = [gate.wait]
    late = asyncio.create_task(tokens.access_token(*WHO))
    await scene.store.entered["get"].wait()
    await asyncio.sleep(0)
    new = await scene.link(expires_in=HOUR)
    gate.set()
    assert await late == old.tokens.access_token
    assert await tokens.access_token(*WHO) == new.tokens.access_token


async def test_two_late_reads_bring_nothing_back_either(scene: Scene) -> None:
    """Though the one that began after the write may end first."""
    await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=POLICY)
    gates = [asyncio.Event(), asyncio.Event()]
    scene.store.after["get"] = [gates[0].wait, gates[1].wait]
    late = asyncio.create_task(tokens.access_token(*WHO))
    await asyncio.sleep(0)
    new = await scene.link(expires_in=HOUR)
    on_time = asyncio.create_task(tokens.access_token(*WHO))
    await asyncio.sleep(0)
    gates[1].set()
    assert await on_time == new.tokens.access_token
    gates[0].set()
    await late
    assert await asked(scene, lambda: tokens.access_token(*WHO)) == (new.tokens.access_token, 0)


async def test_a_newer_link_that_is_not_remembered_has_the_older_forgotten(scene: Scene) -> None:
    """Of two reads under way the first to end is the older one's, and the second has seen what came after."""
    older = await scene.link(expires_in=HOUR)
    links = remembered.RememberedLinks(POLICY, scene.clock)
    first, second = links.begin(KEY), links.begin(KEY)
    links.end(KEY, first, older, scene.provider)
    assert links.recall(*WHO) is not None
    links.end(KEY, second, attrs.evolve(older, version=older.version + 1), scene.provider)
    assert links.recall(*WHO) is None


async def test_a_refused_token_is_not_brought_back_by_a_late_read(scene: Scene) -> None:
    """A read that was under way when an API refused the token is not remembered."""
    old = await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=POLICY)
    gate = asyncio.Event()
    scene.store.after["get"] = [gate.wait]
    late = asyncio.create_task(tokens.access_token(*WHO))
    await scene.store.entered["get"].wait()
    await asyncio.sleep(0)
    scene.store.before["claim"] = down(20)
    with pytest.raises(TemporarilyUnavailable):
        await tokens.refresh(*WHO, rejected=old.tokens.access_token)
    gate.set()
    await late
    assert (await asked(scene, lambda: tokens.access_token(*WHO)))[1] == 1


async def test_a_cancelled_read_leaves_nothing_behind(scene: Scene) -> None:
    """The next one is remembered as ever."""
    await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=POLICY)
    gate = asyncio.Event()
    scene.store.after["get"] = [gate.wait]
    cancelled = asyncio.create_task(tokens.access_token(*WHO))
    await scene.store.entered["get"].wait()
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert tokens._remembered is not None
    assert not tokens._remembered._reads
    await tokens.access_token(*WHO)
    assert (await asked(scene, lambda: tokens.access_token(*WHO)))[1] == 0


async def test_after_a_write_of_unknown_end_the_link_is_read_for_a_while(scene: Scene) -> None:
    """It may be carried out yet, when nobody is told any more."""
    await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=attrs.evolve(POLICY, remember_for=HOUR))
    writes = scene.store.own_writes
    with pytest.raises(asyncio.CancelledError), writes.of(KEY):
        raise asyncio.CancelledError
    for _ in range(2):
        assert (await asked(scene, lambda: tokens.access_token(*WHO)))[1] == 1
    scene.clock.advance(timedelta(seconds=remembered.UNCERTAIN))
    assert [(await asked(scene, lambda: tokens.access_token(*WHO)))[1] for _ in range(2)] == [1, 0]
    assert tokens._remembered is not None
    assert not tokens._remembered._uncertain


async def test_the_least_recently_used_gives_way(scene: Scene) -> None:
    """No more than ``remember_most`` are kept."""
    users = ["alice", "bob", "carol"]
    for user in users:
        tokens = attrs.evolve(scene.provider.grant(user), expires_at=scene.clock.now() + HOUR)
        await scene.inner.put(LinkKey("scripted", user), tokens)
    service = scene.replica(policy=attrs.evolve(POLICY, remember_most=2))
    for user in ["alice", "bob", "alice", "carol"]:
        await service.access_token("scripted", user)
    assert service._remembered is not None
    assert len(service._remembered) == 2
    reads = [(await asked(scene, lambda u=user: service.access_token("scripted", u)))[1] for user in users]  # type: ignore[misc]
    assert reads == [0, 1, 1]


async def test_only_links_with_which_all_is_well_are_remembered(scene: Scene) -> None:
    """One with a mark, or an exchange under way, is read each time."""
    link = await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=POLICY)
    claimed = await scene.inner.claim(KEY, link.version, "another", MINUTE)
    for _ in range(2):
        assert (await asked(scene, lambda: tokens.access_token(*WHO)))[1] == 1
    await scene.inner.release(KEY, link.version, "another")
    failure = RefreshFailure("invalid_grant", claimed.at, link.version)
    await scene.inner.record_failure(KEY, link.version, failure)
    for _ in range(2):
        assert (await asked(scene, lambda: tokens.access_token(*WHO)))[1] == 1
    await scene.inner.lift_failure("scripted")
    assert [(await asked(scene, lambda: tokens.access_token(*WHO)))[1] for _ in range(2)] == [1, 0]


async def test_valid_for_is_kept(scene: Scene) -> None:
    """A remembered token that is too short for a caller is refreshed, and else served."""
    old = await scene.link(expires_in=HOUR / 2)
    tokens = scene.replica(policy=POLICY)
    await tokens.access_token(*WHO)
    short, long = timedelta(minutes=20), timedelta(minutes=40)
    first = await asked(scene, lambda: tokens.access_token(*WHO, valid_for=short))
    assert first == (old.tokens.access_token, 0)
    assert await tokens.access_token(*WHO, valid_for=long) != old.tokens.access_token


async def test_tokens_for_resources_are_remembered_with_their_link(scene: Scene) -> None:
    """Each as itself; one that is not there yet is got, and then the new link counts."""
    now = scene.clock.now()
    mail = ResourceToken("at-mail", now + HOUR / 2, now)
    old = await scene.link(expires_in=HOUR, resource_tokens={"mail": mail})
    tokens = scene.replica(policy=POLICY)
    assert await tokens.access_token(*WHO) == old.tokens.access_token
    assert await asked(scene, lambda: tokens.access_token(*WHO, resource="mail")) == ("at-mail", 0)
    files = await tokens.access_token(*WHO, resource="files")
    assert files not in {"at-mail", old.tokens.access_token}
    assert await tokens.access_token(*WHO, resource="files") == files
    scene.clock.advance(HOUR / 2)
    assert await tokens.access_token(*WHO, resource="mail") != "at-mail"


async def test_what_a_caller_changes_is_the_callers_alone(scene: Scene) -> None:
    """A remembered link is given out so that nobody can change it for the next one."""
    await scene.link(expires_in=HOUR, extra={"team": "T1"})
    tokens = scene.replica(policy=POLICY)
    await tokens.link(*WHO)
    extra: Any = (await tokens.link(*WHO)).tokens.extra
    extra["team"] = "T2"
    assert (await tokens.link(*WHO)).tokens.extra == {"team": "T1"}


async def test_what_a_caller_changes_of_its_resources_is_the_callers_alone(scene: Scene) -> None:
    """As of what else the provider said."""
    now = scene.clock.now()
    mail = ResourceToken("at-mail", now + HOUR, now)
    await scene.link(expires_in=HOUR, resource_tokens={"mail": mail})
    tokens = scene.replica(policy=POLICY)
    await tokens.link(*WHO)
    theirs: Any = (await tokens.link(*WHO)).tokens.resource_tokens
    del theirs["mail"]
    assert (await tokens.link(*WHO)).tokens.resource_tokens == {"mail": mail}


async def test_tokens_of_another_client_are_handed_out_to_nobody(scene: Scene) -> None:
    """Where a provider is another one's by now, its links are judged anew."""
    scene.provider = ScriptedProvider(now=scene.clock.now, origin=GrantOrigin("one", "https://as.example"))
    await scene.link(expires_in=HOUR)
    await scene.inner.put(KEY, (await scene.stored()).tokens, origin=scene.provider.origin)
    tokens = scene.replica(policy=POLICY)
    for reads in (1, 0):
        assert (await asked(scene, lambda: tokens.access_token(*WHO)))[1] == reads
    assert (await asked(scene, lambda: tokens.link(*WHO)))[1] == 0
    scene.provider.origin = GrantOrigin("another", "https://as.example")
    with pytest.raises(ConfigurationError):
        await tokens.access_token(*WHO)


async def test_new_tokens_that_could_not_be_saved_come_before_memory(scene: Scene) -> None:
    """What the store does not have yet is served, not what was remembered of it."""
    old = await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=POLICY)
    await tokens.access_token(*WHO)
    scene.store.before["save"] = down(3)
    new = (await tokens.refresh(*WHO)).tokens.access_token
    assert new != old.tokens.access_token
    for _ in range(3):
        assert await tokens.access_token(*WHO) == new


async def test_whoever_may_not_have_the_link_does_not_get_it_from_memory(scene: Scene) -> None:
    """The policy is asked at each call, also for what is remembered."""
    await scene.link(expires_in=HOUR)
    async with TokenService(
        GuardedStore(scene.store, AccessPolicy()), [scene.provider], policy=POLICY, clock=scene.clock
    ) as tokens:
        with acting_as(User("alice")):
            for reads in (1, 0):
                assert (await asked(scene, lambda: tokens.access_token(*WHO)))[1] == reads
        for call in (tokens.access_token, tokens.link):
            with acting_as(User("bob")), pytest.raises(NotAuthorized):
                await call(*WHO)
            with pytest.raises(NotAuthorized):
                await call(*WHO)


async def test_a_closed_service_serves_nothing_from_memory(scene: Scene) -> None:
    """As it serves nothing else."""
    await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=POLICY)
    await tokens.access_token(*WHO)
    await tokens.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await tokens.access_token(*WHO)


async def test_no_token_in_sight(scene: Scene) -> None:
    """What remembers does not show what it remembers."""
    link = await scene.link(expires_in=HOUR)
    tokens = scene.replica(policy=POLICY)
    await tokens.access_token(*WHO)
    kept = tokens._remembered
    assert kept is not None
    found = kept.recall(*WHO)
    shown = f"{kept!r} {found!r} {kept._links!r} {vars(kept)!r}"
    assert link.tokens.access_token not in shown
    assert str(link.tokens.refresh_token) not in shown


async def test_a_link_that_is_gone_is_not_remembered(scene: Scene) -> None:
    """Nor is that there was none."""
    tokens = scene.replica(policy=POLICY)
    with pytest.raises(LinkNotFound):
        await tokens.access_token(*WHO)
    link = await scene.link(expires_in=HOUR)
    scene.store.own_writes._hearers.clear()
    assert await tokens.access_token(*WHO) == link.tokens.access_token


def test_a_store_must_tell_what_is_written(scene: Scene) -> None:
    """With one that does not nothing can be remembered, and that is said at once."""

    class Silent:
        def __init__(self, store: Any) -> None:
            self.claim, self.save = store.claim, store.save

    with pytest.raises(TypeError, match="Silent does not tell"):
        TokenService(Silent(scene.inner), [scene.provider], policy=POLICY)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [timedelta(0), timedelta(seconds=-1), 60])
def test_what_the_policy_takes(given: Any) -> None:
    """Positive spans, and no negative number of links."""
    with pytest.raises((ValueError, TypeError), match="remember_for"):
        RefreshPolicy(remember_for=given)
    with pytest.raises(ValueError, match="remember_most"):
        RefreshPolicy(remember_most=-1)
