from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs
import pytest

from extauth.cli.demo import replicas
from extauth.cli.demo.messages import Finished, Go, Orders, Ready, Stop, Tally, encode
from extauth.cli.demo.replicas import Replica, ReplicaFailed, running, stop_all

ORDERS = Orders(
    way="extauth",
    replica=0,
    store="sqlite:////missing-folder/links.db",
    naive_table="naive",
    token_url="http://127.0.0.1:1/token",
    resource_url="http://127.0.0.1:1/resource",
    client_id="client",
    client_secret="secret-1",
    users=["alice"],
    callers=1,
    pause=0.1,
    check_every=1,
    margin=0.0,
    seed=0,
)


@asynccontextmanager
async def impostor(script: str) -> AsyncGenerator[tuple[Replica, asyncio.subprocess.Process], None]:
    """Run a script in a replica's place; ``say`` writes a line."""
    prelude = "import sys\ndef say(line): sys.stdout.buffer.write(line); sys.stdout.buffer.flush()\n"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", prelude + script, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    replica = Replica(0, process)
    try:
        yield replica, process
    finally:
        replica.kill()
        await replica.end()


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("sys.exit('no such table')", "replica 1 ended too early"),
        ("say(b'junk\\n')", "unexpected"),
        (f"say({encode(Stop())!r})", "unexpected"),
    ],
)
async def test_replica_that_does_not_get_ready_has_failed(script: str, complaint: str) -> None:
    """An early end or a wrong word before the start is a failure that says so."""
    async with impostor(script) as (replica, _):
        with pytest.raises(ReplicaFailed, match=complaint):
            await replica.prepare(ORDERS)


async def test_last_words_of_a_failed_replica_are_kept() -> None:
    """The last line that a broken replica wrote to its standard error is part of the failure."""
    async with impostor("sys.exit('first\\nno such table')") as (replica, _):
        with pytest.raises(ReplicaFailed) as failed:
            await replica.prepare(ORDERS)
    assert failed.value.args == ("replica 1 ended too early", "no such table")


@pytest.mark.parametrize("words", [b"", b"junk\n", encode(Ready())])
async def test_replica_that_falls_out_of_the_storm_is_noticed(words: bytes) -> None:
    """While callers are at work, a look at the replica raises if it is no longer there or talks nonsense."""
    script = f"say({encode(Ready())!r}); sys.stdin.readline(); sys.stdin.readline(); say({words!r})"
    async with impostor(script) as (replica, process):
        await replica.prepare(ORDERS)
        replica.check()
        replica.go()
        await process.wait()
        with pytest.raises(ReplicaFailed):
            await stop_all([replica])
        with pytest.raises(ReplicaFailed):
            replica.check()


async def test_reports_and_the_end_are_heard() -> None:
    """A replica's last tally is what it finished with."""
    last = Finished(Tally(served=5))
    script = (
        f"say({encode(Ready())!r}); sys.stdin.readline()\n"
        f"assert sys.stdin.readline() == {encode(Go())!r}.decode()\n"
        f"say({encode(Tally(served=2))!r}); sys.stdin.readline(); say({encode(last)!r})"
    )
    async with impostor(script) as (replica, _):
        await replica.prepare(ORDERS)
        replica.go()
        assert await stop_all([replica]) == [last]
        assert replica.tally == Tally(served=5)
        with pytest.raises(ReplicaFailed):
            replica.check()


async def test_replica_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ignores the end of its input is killed when its time is up."""
    monkeypatch.setattr(replicas, "END_WITHIN", 0.0)
    async with impostor("import threading; threading.Event().wait()") as (replica, process):
        await replica.end()
        assert process.returncode is not None


async def test_silence_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replicas that never finish are a failure when their time is up."""
    monkeypatch.setattr(replicas, "FINISH_WITHIN", 0.0)
    script = f"say({encode(Ready())!r}); sys.stdin.read()"
    async with impostor(script) as (replica, _):
        await replica.prepare(ORDERS)
        replica.go()
        with pytest.raises(ReplicaFailed, match="did not finish within"):
            await stop_all([replica])


async def test_replica_with_an_unusable_store_fails_before_the_storm() -> None:
    """A real replica that cannot open its store ends, and the failure names it."""
    with pytest.raises(ReplicaFailed, match="replica 1 ended too early"):
        async with running([attrs.evolve(ORDERS)]):
            pytest.fail("the replica cannot be ready")
