"""A process that has imported every command, and forks itself for each that is to run.

Importing takes longer than what most commands do. What runs is a process all the same, in which nothing has
run before: exit code, streams, environment, folder and signals are its own.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
from importlib import import_module
from typing import Any, NoReturn

IMPORTED = (
    "aiohttp",
    "aiosqlite",
    "asyncpg",
    "extauth.adapters.encryption",
    "extauth.adapters.oauth2",
    "extauth.adapters.postgres",
    "extauth.adapters.sqlite",
    "extauth.front_door",
)
"""Beside the commands, which import these only when they need them."""


def serve(asked: socket.socket) -> None:
    """Fork for each command that is asked for, until nobody can ask any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who runs the tests
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    gc.freeze()
    while True:
        _, files, _, _ = socket.recv_fds(asked, 1, 3)
        if not files:
            return
        if os.fork() == 0:
            asked.close()
            watch(*files)
        for file in files:
            os.close(file)


def watch(out: int, err: int, caller: int) -> NoReturn:
    """Run the command in one more fork, and tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with socket.socket(fileno=caller) as channel, channel.makefile("rb") as given:
        command = json.load(given)
        pid = os.fork()
        if pid == 0:
            channel.detach()
            os.close(caller)
            become(command, out, err)
        channel.sendall(b"%d\n" % pid)
        _, status = os.waitpid(pid, 0)
        channel.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def become(command: dict[str, Any], out: int, err: int) -> NoReturn:
    """Be the process of a command, as ``python -m extauth.cli.main`` is."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, max(out, err) + 1)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(command["environment"])
    os.chdir(command["folder"])
    sys.path.insert(0, command["folder"])
    sys.argv = ["extauth", *command["arguments"]]
    sys.exit(main())


if __name__ == "__main__":
    del sys.path[0]  # this folder, in which commands do not run
    for each in IMPORTED:
        import_module(each)

    from extauth.cli.commands import every_command
    from extauth.cli.main import main

    every_command()
    with socket.socket(fileno=int(sys.argv[1])) as own:
        serve(own)
