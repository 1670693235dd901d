"""Links that are remembered break no promise, and what would is found where it is broken on purpose."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import attrs
import pytest

from extauth import LinkKey, RefreshPolicy, TokenService, TokenSet
from extauth.adapters.memory import MemoryLinkStore
from extauth.testing import Bounds, PromiseBroken, Setting, VirtualClock, explore, replay
from extauth.testing.schedules.explorer.walk import memory_store
from extauth.testing.schedules.interleaver.promises import NEVER_OUT_OF_DATE, NEVER_WORSE
from extauth.testing.scripted.provider import ScriptedProvider
from proof.configurations import REMEMBERING, WITH_MEMORY
from tests.proof import broken_memory

LEFT = timedelta(minutes=30)
"""So much that nobody thinks of refreshing: what is read is remembered."""
FOR_LONG = RefreshPolicy(remember_for=timedelta(hours=2))
READS_TAKE_TIME = frozenset({"refresh", "get"})

SMALL = {
    "an API refuses it": Bounds(replicas=2, late_calls=1, refusals=1, left=LEFT),
    "an API refuses it, and the user connects again": Bounds(
        replicas=1, late_calls=1, refusals=1, authorizations=1, left=LEFT
    ),
    "reads take time": Bounds(replicas=1, late_calls=1, authorizations=1, left=LEFT, replies=READS_TAKE_TIME),
    "the user comes and goes": Bounds(replicas=2, late_calls=1, authorizations=1, unlinks=1, left=LEFT),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", SMALL)
def test_no_schedule_breaks_a_promise(name):
    """Whatever the order of events: also that nothing is served for longer than it may be."""
    report = explore(SMALL[name], policy=REMEMBERING)
    assert report.violations == []
    assert report.complete
    print(f"{name}: {report.states} states, {report.schedules} schedules")


def test_the_proof_walks_larger_ones():
    """With mishaps of each kind beside what is remembered."""
    bounds = list(WITH_MEMORY.values())
    for mishap in ("crashes", "lost_replies", "authorizations", "unlinks", "refusals", "late_calls", "leaps"):
        assert any(getattr(each, mishap) for each in bounds), mishap


TEETH = [
    (
        "refusals_ignored",
        NEVER_OUT_OF_DATE,
        REMEMBERING,
        Bounds(replicas=1, late_calls=1, refusals=1, left=LEFT),
    ),
    (
        "puts_back",
        NEVER_OUT_OF_DATE,
        REMEMBERING,
        Bounds(replicas=1, late_calls=1, refusals=1, left=LEFT, replies=READS_TAKE_TIME),
    ),
    ("serves_expired_tokens", NEVER_WORSE, FOR_LONG, Bounds(replicas=2, late_calls=1, leaps=1, left=LEFT)),
]


@pytest.mark.parametrize(("name", "promise", "policy", "bounds"), TEETH, ids=[tooth[0] for tooth in TEETH])
def test_explorer_finds_what_is_broken(name, promise, policy, bounds):
    """It names the promise, with a script that breaks it again, and not where the code is whole."""
    broken = getattr(broken_memory, name)
    with broken():
        report = explore(bounds, policy=policy)
    (violation,) = report.violations
    assert violation.broken.promise == promise
    clock = VirtualClock()
    with broken(), pytest.raises(PromiseBroken) as caught:
        replay(lambda: memory_store(clock), violation.script, violation.setting, clock=clock)
    assert caught.value.broken.promise == promise
    with suppress(LookupError):  # whole code may not even come to where a step opens a gate
        replay(lambda: memory_store(clock), violation.script, violation.setting, clock=clock)


ANOTHER_REPLICA = """
call r1 alice
open r1.get#1
authorize alice
advance 11
call r1 alice
"""


def test_what_another_replica_does_is_seen_in_the_end():
    """Where nothing is ever forgotten, the token that was replaced long ago is found."""
    clock = VirtualClock()
    setting = Setting(replicas=1, age=timedelta(0), policy=REMEMBERING)

    def run():
        replay(lambda: memory_store(clock), ANOTHER_REPLICA, setting, clock=clock)

    with broken_memory.never_forgets(), pytest.raises(PromiseBroken) as caught:
        run()
    assert caught.value.broken.promise == NEVER_OUT_OF_DATE
    run()


async def _old_after_a_put(tokens: Any, store: Any) -> bool:
    """Whether a token is served that was replaced through the service's own store."""
    await tokens.access_token("scripted", "alice")
    await store.put(LinkKey("scripted", "alice"), TokenSet("at-2", "rt-2"))
    served: str = await tokens.access_token("scripted", "alice")
    return served != "at-2"


async def _more_than_may_be(tokens: Any, store: Any) -> bool:
    """Whether more links are remembered than the policy says."""
    for user in ("bob", "carol"):
        await store.put(LinkKey("scripted", user), TokenSet("at", "rt"))
        await tokens.access_token("scripted", user)
    return len(tokens._remembered) > 1


@pytest.mark.parametrize(
    ("name", "wrong"), [("own_writes_ignored", _old_after_a_put), ("unbounded", _more_than_may_be)]
)
async def test_what_schedules_do_not_have_is_found(name, wrong):
    """Writes through the store itself, and more links than are remembered."""

    async def found() -> bool:
        policy = attrs.evolve(REMEMBERING, remember_most=1)
        async with (
            MemoryLinkStore() as store,
            TokenService(store, [ScriptedProvider()], policy=policy) as tokens,
        ):
            await store.put(LinkKey("scripted", "alice"), TokenSet("at-1", "rt-1"))
            return bool(await wrong(tokens, store))

    with getattr(broken_memory, name)():
        assert await found()
    assert not await found()
