"""Processes of an application that keeps tokens in one way, as the one who gives them orders sees them."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, final

from compare.catalogue import ROOT, Entry
from compare.orders import Orders

PYTHON: Final = ROOT / "build" / "compare" / "python" / "bin" / "python"
PATIENCE: Final = 150.0
"""Seconds for one order."""


class Silent(RuntimeError):
    """A process ended, or never began."""


@final
class Replica:
    """One process."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def do(self, order: str, **arguments: Any) -> Any:
        """Give an order, and return what comes of it."""
        await self.tell({"do": order, **arguments})
        return await self.hear()

    async def tell(self, message: Any) -> None:
        """Give an order whose answer :meth:`hear` returns."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        await self._process.stdin.drain()

    async def hear(self) -> Any:
        """Return what came of an order.

        :raises Silent: if the process has ended.
        """
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = await self._process.stdout.readline()
        if not line:
            msg = "a process of the comparison ended early"
            raise Silent(msg)
        return json.loads(line)

    async def kill(self) -> None:
        """SIGKILL: it can finish nothing."""
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def close(self) -> None:
        """Let it end, or end it."""
        assert self._process.stdin is not None
        if self._process.returncode is None:
            self._process.stdin.close()
            try:
                async with asyncio.timeout(15):
                    await self._process.wait()
            except TimeoutError:
                await self.kill()


def python_for(entry: Entry) -> Path:
    """Return the Python that has what the way needs."""
    return Path(sys.executable) if entry.package in {None, "extauth"} else PYTHON


@asynccontextmanager
async def replicas(entry: Entry, orders: Orders, count: int) -> AsyncGenerator[Sequence[Replica], None]:
    """Start processes; they are ready."""
    command = (python_for(entry), "-m", "compare.worker", entry.module, entry.opened)
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, cwd=ROOT, limit=2**22
            )
            replica = Replica(process)
            stack.push_async_callback(replica.close)
            await replica.tell(orders)
            await replica.hear()  # the first makes the tables, before the next looks
            made.append(replica)
        yield made
