"""Processes of our own: started in the repository's root, and ended for certain."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Final, final

_ROOT: Final = Path(__file__).parents[1]
_END_PATIENCE: Final = 30.0
"""Seconds for an orderly end; one exchange and one save are usual."""


class ProcessFailed(Exception):
    """A process ended by itself, or would not end."""


@final
class OurProcess:
    """``python -m MODULE``. Its standard input stays open, and ends with us."""

    def __init__(self, name: str, process: Process, complaints: Path) -> None:
        self.name = name
        self._process = process
        self._complaints = complaints

    @classmethod
    async def start(cls, name: str, folder: Path, module: str, *arguments: str) -> OurProcess:
        """Start it; what it complains of goes to a file in the folder."""
        complaints = folder / f"{name}.stderr"
        with complaints.open("ab") as stderr:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                *arguments,
                cwd=_ROOT,
                stdin=PIPE,
                stdout=PIPE,
                stderr=stderr,
                # Ctrl-C is for us, and we stop it.
                process_group=0,
            )
        return cls(name, process, complaints)

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    async def hear(self) -> str:
        """Return a line of its standard output.

        :raises ProcessFailed: if it has ended instead.
        """
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            await self._process.wait()
            raise self._failure()
        return line.decode()

    async def ended(self) -> None:
        """Wait until it has ended, however."""
        await self._process.wait()

    def check(self) -> None:
        """Raise ``ProcessFailed`` if it has ended."""
        if self._process.returncode is not None:
            raise self._failure()

    async def kill(self) -> None:
        """End it with SIGKILL."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """End it in order, with SIGTERM.

        :raises ProcessFailed: if it does not end by that, or not well. It has ended all the same.
        """
        self.check()
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_END_PATIENCE):
                await self._process.wait()
        except TimeoutError:
            raise self._failure() from None
        finally:
            await self.kill()
        if self._process.returncode:
            raise self._failure()

    def _failure(self) -> ProcessFailed:
        status = self._process.returncode
        ended = "does not end" if status is None else f"ended with status {status}"
        complaints = self._complaints.read_text(errors="replace")[-2000:]
        return ProcessFailed(f"{self.name} {ended}\n{complaints}".rstrip())
