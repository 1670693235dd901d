"""Running commands of extauth as real processes on real stores."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, final

import attrs

from extauth import LinkKey, TokenSet, open_store
from extauth.cli.commands import every_command
from extauth.domain.link import RefreshFailure
from extauth.domain.linking import PendingAuthorization
from extauth.domain.linking_ports import Store
from tests.cli.commands.forked import run_forked

CANARY = "canary"
"""In everything that no output may show."""
NOBODY: Mapping[str, str] = {}
MEMBERS = {command.name: command.members for command in every_command()}
_OURS = ("EXTAUTH_STORE", "EXTAUTH_KEYS", "EXTAUTH_KEYS_FILE", "EXTAUTH_APP")


@final
@attrs.frozen
class Run:
    """What a command that has ended came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object that it printed."""
        [line] = self.out.splitlines()
        answer: dict[str, Any] = json.loads(line)
        said = {} if (name := answer["command"]) is None else MEMBERS[name]
        assert set(answer) - set(said) <= {"command", "ok", "error", "done"}, "it is documented"
        return answer

    @property
    def error(self) -> dict[str, Any]:
        """The error in it."""
        error: dict[str, Any] = self.json["error"]
        return error


def environment(given: Mapping[str, str] = NOBODY) -> dict[str, str]:
    """Return the environment of a command, without the settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name not in _OURS}
    return {**kept, "NO_COLOR": "1", **given}


def extauth(*arguments: str, env: Mapping[str, str] = NOBODY, folder: Path | None = None) -> Run:
    """Run a command and wait for its end, in a process that need not import what it runs."""
    return Run(*run_forked(arguments, environment(env), folder))


def fresh(*arguments: str, env: Mapping[str, str] = NOBODY, folder: Path | None = None) -> Run:
    """Run a command and wait for its end, as who types it does: in a process that begins with nothing."""
    ended = subprocess.run(
        [sys.executable, "-m", "extauth.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment(env),
        cwd=folder,
        timeout=100,
    )
    return Run(ended.returncode, ended.stdout, ended.stderr)


# A shell starts what runs in its background with SIGINT ignored, and that is inherited.
PROGRAM = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("extauth.cli.main", run_name="__main__", alter_sys=True)
"""


def begun(
    *arguments: str, env: Mapping[str, str] = NOBODY, folder: Path | None = None
) -> subprocess.Popen[str]:
    """Begin a command."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(env),
        cwd=folder,
    )


def interrupted(process: subprocess.Popen[str]) -> Run:
    """Press Ctrl-C, and wait for its end."""
    process.send_signal(signal.SIGINT)
    return finished(process)


def finished(process: subprocess.Popen[str]) -> Run:
    """Wait for its end."""
    out, err = process.communicate(timeout=100)
    return Run(process.returncode, out, err)


def tokens(number: int = 0, **changes: Any) -> TokenSet:
    """Return tokens that no output may show."""
    values: dict[str, Any] = {
        "access_token": f"at-{CANARY}-{number}",
        "refresh_token": f"rt-{CANARY}-{number}",
        "expires_at": datetime.now(UTC) + timedelta(days=1),
        "extra": {"id_token": f"id-{CANARY}"},
        **changes,
    }
    return TokenSet(**values)


@asynccontextmanager
async def stocked(url: str, **options: Any) -> AsyncGenerator[Store, None]:
    """Open a store with three links of two users, one of which is marked, and begun authorizations."""
    async with open_store(url, **{"keys": "plain", **options}) as store:
        for number, (provider, user) in enumerate(
            [("github", "alice"), ("github/work", "alice"), ("gitlab", "bob")]
        ):
            await store.put(LinkKey(provider, user), tokens(number))
        dead = RefreshFailure("invalid_grant", datetime.now(UTC), 1)
        await store.record_failure(LinkKey("github/work", "alice"), 1, dead)
        for number, provider in enumerate(["github", "slack"]):
            pending = PendingAuthorization(
                state_hash=f"hash-{CANARY}-{number}",
                key=LinkKey(provider, "alice"),
                redirect_uri="https://app.example/callback",
                salt=f"salt-{CANARY}",
            )
            await store.begin_authorization(pending, timedelta(minutes=10))
        yield store
