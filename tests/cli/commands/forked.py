"""Asking for commands of :mod:`tests.cli.commands.forking`."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import IO

FORKING = Path(__file__).with_name("forking.py")
PATIENCE = 100.0
_one_at_a_time = Lock()


@cache
def _asking() -> socket.socket:
    """Start what forks, once in the process that runs tests; it ends with that."""
    ours, theirs = socket.socketpair()
    with theirs:
        forking = subprocess.Popen(
            [sys.executable, FORKING, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )

    def end() -> None:
        ours.close()
        forking.wait()

    atexit.register(end)
    return ours


def run_forked(
    arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path | None
) -> tuple[int, str, str]:
    """Run a command, and return its exit code and what it wrote to stdout and stderr."""
    command = {"arguments": arguments, "environment": environment, "folder": str(folder or Path.cwd())}
    caller, watch = socket.socketpair()
    with caller, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with watch, _one_at_a_time:
            socket.send_fds(_asking(), [b"!"], [out.fileno(), err.fileno(), watch.fileno()])
        caller.settimeout(PATIENCE)
        caller.sendall(json.dumps(command).encode())
        caller.shutdown(socket.SHUT_WR)
        with caller.makefile("rb") as told:
            pid = int(told.readline())
            try:
                code = int(told.readline())
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise
        return code, _text(out), _text(err)


def _text(written: IO[bytes]) -> str:
    written.seek(0)
    return written.read().decode()
