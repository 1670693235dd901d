"""The demo's side of its replicas: starting them, ordering them about, and ending them for certain."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar, final

from extauth.cli.demo.messages import (
    Finished,
    Go,
    Message,
    Orders,
    Question,
    Ready,
    Recall,
    Recalled,
    Stop,
    Tally,
    decode,
    encode,
)

READY_WITHIN = 30.0
"""Seconds that replicas get to start; a fraction of one is usual."""

FINISH_WITHIN = 15.0
"""Seconds that replicas get to answer their callers' last questions."""

END_WITHIN = 2.0
"""Seconds that a replica gets to end by itself once its input is closed; then it is killed."""

LINE_LIMIT = 2**24
"""Longest line read from a replica, in bytes: all questions around one rotation fit easily."""

_M = TypeVar("_M", Ready, Recalled)


class ReplicaFailed(Exception):
    """A replica ended or fell silent before its work was done."""


@final
class Replica:
    """One running replica."""

    def __init__(self, number: int, process: Process) -> None:
        self._number = number
        self._process = process
        self._complaints = asyncio.create_task(_read(process.stderr))
        self._listening: asyncio.Task[Finished] | None = None
        self.tally = Tally()
        """What its callers have met, as of its last report."""

    async def prepare(self, orders: Orders) -> None:
        """Give the orders and wait until everything is open."""
        self._send(orders)
        await self._expect(Ready)

    def go(self) -> None:
        """Let the callers start, and listen to the reports from now on."""
        self._send(Go())
        self._listening = asyncio.create_task(self._listen())

    def check(self) -> None:
        """Raise :class:`ReplicaFailed` if it is no longer at work."""
        if self._listening is not None and self._listening.done():
            self._listening.result()
            raise ReplicaFailed(self._what("ended too early"))

    async def stop(self) -> Finished:
        """Let the callers come to an end and return what they met."""
        assert self._listening is not None  # noqa: S101 - stop() follows go()
        self._send(Stop())
        finished = await self._listening
        self.tally = finished.tally
        return finished

    async def recall(self, wanted: Recall) -> Sequence[Question]:
        """Ask a finished replica for what it remembers."""
        self._send(wanted)
        return (await self._expect(Recalled)).questions

    async def end(self) -> None:
        """End the process: close its input, and kill it if that does not help."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait({self._listening})  # consumes an error that nobody asked for
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(END_WITHIN):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        finally:
            self._complaints.cancel()

    def kill(self) -> None:
        """End the process at once."""
        if self._process.returncode is None:
            self._process.kill()

    async def _listen(self) -> Finished:
        while True:
            match await self._receive():
                case Tally() as tally:
                    self.tally = tally
                case Finished() as finished:
                    return finished
                case _:
                    raise ReplicaFailed(self._what("said something unexpected"))

    async def _expect(self, kind: type[_M]) -> _M:
        message = await self._receive()
        if isinstance(message, kind):
            return message
        raise ReplicaFailed(self._what("said something unexpected"))

    async def _receive(self) -> Message:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        line = await self._process.stdout.readline()
        if not line:
            complaints = (await self._complaints).strip().splitlines()
            raise ReplicaFailed(self._what("ended too early"), *complaints[-1:])
        try:
            return decode(line)
        except ValueError:
            raise ReplicaFailed(self._what("said something unexpected")) from None

    def _send(self, message: Message) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        # Never drained: a few lines fit into any pipe, and a dead replica is noticed when it is read.
        self._process.stdin.write(encode(message))

    def _what(self, happened: str) -> str:
        return f"replica {self._number + 1} {happened}"


async def _read(stream: asyncio.StreamReader | None) -> str:
    return "" if stream is None else (await stream.read()).decode(errors="replace")


@asynccontextmanager
async def running(orders: Sequence[Orders]) -> AsyncGenerator[Sequence[Replica], None]:
    """Start one replica for each of the orders and wait until all are ready; leave none behind."""
    replicas: list[Replica] = []
    try:
        for number in range(len(orders)):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "extauth.cli.demo.replica",
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                limit=LINE_LIMIT,
                # In a group of its own, Ctrl-C does not reach it while Python still starts.
                process_group=0,
            )
            replicas.append(Replica(number, process))
        async with _patience(READY_WITHIN, "start"):
            await asyncio.gather(
                *(replica.prepare(order) for replica, order in zip(replicas, orders, strict=True))
            )
        yield replicas
    finally:
        # Whatever cancels this, no process is left behind.
        try:
            await asyncio.gather(*(replica.end() for replica in replicas))
        finally:
            for replica in replicas:
                replica.kill()


async def stop_all(replicas: Sequence[Replica]) -> Sequence[Finished]:
    """Stop all replicas and return what they met, in their order."""
    async with _patience(FINISH_WITHIN, "finish"):
        return await asyncio.gather(*(replica.stop() for replica in replicas))


@asynccontextmanager
async def _patience(seconds: float, what: str) -> AsyncGenerator[None, None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        msg = f"the replicas did not {what} within {seconds:.0f} s"
        raise ReplicaFailed(msg) from None
