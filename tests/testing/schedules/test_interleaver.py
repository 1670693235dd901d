"""The interleaver: schedules as data, on virtual time."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import timedelta

import pytest

from extauth import open_store
from extauth.adapters.memory import MemoryLinkStore
from extauth.testing import Interleaver, PromiseBroken, Setting, Step, VirtualClock, replay
from extauth.testing.schedules.interleaver.steps import VERBS, format_script, parse_script
from extauth.testing.schedules.races import EVERY_CALL, FAULTS, SPANS, USERS
from tests.proof import broken_saves

TO_THE_EXCHANGE = "call r1 alice\nopen r1.get#1\nopen r1.claim#1\nopen r1.refresh#1\nopen r1.refresh#1.reply"


def memory(clock: VirtualClock):
    """Return what opens memory stores whose leases lapse by the clock."""
    return lambda: MemoryLinkStore(now=clock.now)


def a_long_schedule(
    seed: int, open_store, clock: VirtualClock | None = None, *, steps: int = 300
) -> Interleaver:
    """Run random steps, whichever are possible, and return the interleaver for a look at them."""
    rng = random.Random(seed)
    setting = Setting(replicas=3, users=USERS, replies=EVERY_CALL)
    with Interleaver(open_store, setting, clock=clock) as world:
        for _ in range(steps):
            world.do(_some_step(world, rng))
            assert world.broken == []
    return world


def _some_step(world: Interleaver, rng: random.Random) -> Step:
    ready = world.gates.ready()
    if ready and rng.random() < 0.7:
        gate = rng.choice(ready)
        detail = rng.choice(FAULTS) if gate.operation == "refresh" and rng.random() < 0.4 else ""
        return Step("open", gate.name, detail)
    user = rng.choice(USERS)
    possible = [Step("advance", str(rng.choice(SPANS))), Step("authorize", user), Step("reseal", user)]
    possible += [Step("call", replica, user) for replica in world.running]
    possible += [Step("refresh", replica, user) for replica in world.running]
    possible += [Step("cancel", call) for call in world.calls]
    return rng.choice(possible)


def run_and_print() -> None:
    """Print the trace of a long schedule; run in processes of their own."""
    clock = VirtualClock()
    print("\n".join(a_long_schedule(5, memory(clock), clock).trace))


class TestDeterminism:
    def test_same_schedule_same_trace(self):
        """A script that was printed gives the very same trace when it is run again."""
        clock = VirtualClock()
        first = a_long_schedule(3, memory(clock), clock)
        with Interleaver(memory(clock), first.setting, clock=clock) as second:
            second.run(parse_script(first.script))
        assert len(first.steps) == 300
        assert len(first.trace) > 400
        assert first.trace == second.trace

    def test_in_every_process(self):
        """The trace does not depend on the process, nor on how it hashes."""
        code = "from tests.testing.schedules.test_interleaver import run_and_print; run_and_print()"
        traces = {
            subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.getcwd()},  # noqa: PTH109
                capture_output=True,
                check=True,
            ).stdout
            for hash_seed in ("1", "2")
        }
        assert len(traces) == 1
        assert len(traces.pop().splitlines()) > 300

    @pytest.mark.parametrize("seed", range(4))
    def test_leases_on_virtual_time(self, seed):
        """A store whose clock the test cannot move behaves on virtual leases as one whose clock it owns."""
        clock = VirtualClock()
        own = a_long_schedule(seed, memory(clock), clock)
        virtual = a_long_schedule(seed, MemoryLinkStore)
        assert own.trace == virtual.trace


class TestStores:
    def test_sqlite(self, tmp_path):
        """A real SQLite file gives the same trace as memory."""
        clock = VirtualClock()
        expected = a_long_schedule(1, memory(clock), clock, steps=120)
        path = tmp_path / "links.db"
        assert expected.trace == a_long_schedule(1, lambda: open_store(f"sqlite:///{path}"), steps=120).trace

    def test_postgres(self, postgres_dsn):
        """So does a real Postgres."""
        clock = VirtualClock()
        expected = a_long_schedule(1, memory(clock), clock, steps=120)
        assert expected.trace == a_long_schedule(1, lambda: open_store(postgres_dsn), steps=120).trace


class TestScripts:
    def test_failure_prints_what_replays_it(self):
        """The text of a broken promise holds a block that can be run as it is, and breaks it again."""
        clock = VirtualClock()
        script = f"{TO_THE_EXCHANGE}\nopen r1.save#1 refuse"
        with broken_saves.saves_once():
            with pytest.raises(PromiseBroken) as first:
                replay(memory(clock), script, clock=clock)
            text = str(first.value)
            block = text[text.index("from extauth.testing import") : text.index("What happened:")]
            with pytest.raises(PromiseBroken) as second:
                exec(block, {"open_store": MemoryLinkStore})  # noqa: S102
        assert str(second.value) == text

    @pytest.mark.parametrize("verb", sorted(VERBS))
    def test_steps_print_as_they_read(self, verb):
        """What a step prints is what reads as it."""
        for step in (Step(verb, "r1"), Step(verb, "r1", "detail")):
            assert Step.parse(str(step)) == step
            assert parse_script(format_script([step, step])) == [step, step]

    def test_remarks_and_empty_lines(self):
        """They are left out."""
        assert parse_script("\n  call r1 alice  -- she is the first\n-- nothing\n\n") == [
            Step("call", "r1", "alice")
        ]

    @pytest.mark.parametrize("line", ["fly r1", "call", "call r1 alice now", "open"])
    def test_unreadable(self, line):
        """What is no step is refused, and quoted."""
        with pytest.raises(ValueError, match=line):
            parse_script(line)


class TestImpossibleSteps:
    @pytest.mark.parametrize(
        ("step", "said"),
        [
            ("open r1.claim#1", "those that can: r1.get#1"),
            ("cancel r1.c2", "those that are: r1.c1"),
            ("call r3 alice", "those that do: r1, r2"),
            ("close r3", "those that do: r1, r2"),
            ("crash r3", "those that do: r1, r2"),
        ],
    )
    def test_say_what_is_possible(self, step, said):
        """A step that cannot be taken now is a LookupError that names those that can."""
        clock = VirtualClock()
        with Interleaver(memory(clock), clock=clock) as world:
            world.do(Step("call", "r1", "alice"))
            with pytest.raises(LookupError, match=said):
                world.do(Step.parse(step))
            assert world.script == "call r1 alice"

    def test_wait_before_its_time(self):
        """A sleep is no gate that can be opened before its time."""
        clock = VirtualClock()
        with Interleaver(memory(clock), clock=clock) as world:
            world.run(parse_script(TO_THE_EXCHANGE))
            world.do(Step("open", "r1.save#1", "refuse"))
            with pytest.raises(LookupError, match="none"):
                world.do(Step("open", "r1.sleep#1"))
            world.do(Step("advance", "0.05"))
            world.do(Step("open", "r1.sleep#1"))


class TestHappenings:
    def test_virtual_time(self):
        """Time passes where the script says so and nowhere else."""
        clock = VirtualClock()
        began = clock.now()
        world = replay(memory(clock), "advance 3.5\nadvance 0.25", clock=clock)
        assert world.steps == parse_script("advance 3.5\nadvance 0.25")
        assert clock.now() - began == timedelta(seconds=3.75)

    def test_crash(self):
        """A killed replica's calls end where they are; the store and the provider stay as they were."""
        clock = VirtualClock()
        with Interleaver(memory(clock), clock=clock) as world:
            world.run(parse_script(TO_THE_EXCHANGE))
            before = world.stored("alice")
            world.do(Step("crash", "r1"))
            assert world.stored("alice") == before
            assert world.provider.exchanges == 1
            assert world.busy == []
            assert world.running == ["r2"]
            assert world.calls == {}

    @pytest.mark.parametrize("ending", ["close", "sweep"])
    def test_ending(self, ending):
        """A replica that is told to end finishes and saves what it has begun, and then is gone."""
        clock = VirtualClock()
        world = replay(memory(clock), f"{TO_THE_EXCHANGE}\n{ending} r1\nopen r1.save#1", clock=clock)
        assert world.stored("alice").version == 2
        assert world.running == ["r2", "r3"]
        assert world.provider.exchanges == 1

    def test_ending_in_the_middle(self):
        """What a replica leaves undone when it has ended is never done."""
        clock = VirtualClock()
        with broken_saves.drains_nothing(), Interleaver(memory(clock), clock=clock) as world:
            world.run(parse_script(TO_THE_EXCHANGE))
            world.do(Step("close", "r1"))
            assert world.busy == []
            assert [broken.promise for broken in world.broken] == ["never lost"]
