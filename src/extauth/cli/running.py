"""Running a command of ours to its exit code, whatever happens on the way."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import signal
import sys

from extauth.cli.command import Answer, Command
from extauth.cli.exit_codes import INTERRUPTED, PIPE_CLOSED, TERMINATED
from extauth.cli.failures import Failure, failure_of
from extauth.cli.output import print_answer, print_json, warn
from extauth.cli.session import Session
from extauth.domain.acting import acting_as
from extauth.domain.actors import Operator


def run_command(command: Command, options: argparse.Namespace) -> int:
    """Run it, print what it answers, and return the exit code."""
    as_json: bool = options.json
    session = Session(options, reports=not as_json)
    failure: Failure
    try:
        answer = asyncio.run(_answer(command, session))
        print_answer(command.name, answer, as_json=as_json and not command.own_output)
    except BrokenPipeError:
        # Whoever reads has seen enough, as `head` has. What is still buffered would fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        failure = _ended("interrupted", INTERRUPTED, session)
    except asyncio.CancelledError:
        failure = _ended("terminated", TERMINATED, session)
    except Exception as error:  # noqa: BLE001 - told without what it may quote
        failure = failure_of(error)
    else:
        return answer.code if answer.then is None else answer.then()
    if as_json:
        print_json(
            {"command": command.name, "ok": False, "error": failure.as_json(), "done": dict(session.done)}
        )
    else:
        warn(f"{command.name}: {failure.message}")
    return failure.exit_code


async def _answer(command: Command, session: Session) -> Answer:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - this is one
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with acting_as(_operator()):
        return await command.run(session)


def _operator() -> Operator:
    """Return whom an application's policy is asked about, and its trail names."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"  # a container's user without a name
    return Operator(name, {"admin"})


def _ended(code: str, exit_code: int, session: Session) -> Failure:
    done = ", ".join(f"{number} {what}" for what, number in session.done.items()) or "nothing"
    return Failure(exit_code, code, f"{code}; done until then: {done}; the same command goes on from there")
