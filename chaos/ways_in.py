"""The ways to a primary that another server takes over from: an address of both, and what may lie between.

Each is set up as its documentation has it, with waiting times at their defaults unless it says so here.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import attrs

from tests.servers.haproxy import haproxy
from tests.servers.installed import installed
from tests.servers.pgbouncer import pgbouncer_server
from tests.servers.pgpool import pgpool
from tests.servers.postgres_server import OwnPostgresServer


async def _nothing() -> None:
    """What finds the primary by itself has to be told nothing."""


@attrs.frozen
class WayIn:
    """One that is open."""

    dsn: str
    follow: Callable[[], Awaitable[None]] = _nothing
    """Tells it that the standby is the primary now; for what cannot find out."""
    pause: Callable[[], Awaitable[None]] = _nothing
    """Tells it that the primary is about to stop as planned."""


Open = Callable[[OwnPostgresServer, OwnPostgresServer], AbstractAsyncContextManager[WayIn]]


def port_of(server: OwnPostgresServer) -> int:
    """Return where a server listens."""
    port = urlsplit(server.dsn).port
    assert port is not None
    return port


@asynccontextmanager
async def _both_servers(primary: OwnPostgresServer, standby: OwnPostgresServer) -> AsyncGenerator[WayIn]:
    hosts = ",".join(f"127.0.0.1:{port_of(server)}" for server in (primary, standby))
    yield WayIn(f"postgresql://postgres@{hosts}/postgres?sslmode=disable&target_session_attrs=primary")


def _by_pgbouncer(mode: str, more: str = "") -> Open:
    @asynccontextmanager
    async def opened(primary: OwnPostgresServer, standby: OwnPostgresServer) -> AsyncGenerator[WayIn]:
        async with pgbouncer_server(primary.dsn, pool_size=20, pool_mode=mode, more=more) as pooler:
            paused = False

            async def follow() -> None:
                await pooler.lead_to(port_of(standby))
                if paused:
                    await pooler.say("RESUME")

            async def pause() -> None:
                nonlocal paused
                paused = mode == "transaction"  # in session mode it waits until the last client has gone
                if paused:
                    await pooler.say("PAUSE")

            yield WayIn(pooler.dsn, follow, pause)

    return opened


@asynccontextmanager
async def _by_pgpool(primary: OwnPostgresServer, standby: OwnPostgresServer) -> AsyncGenerator[WayIn]:
    async with pgpool(primary.dsn, standby.dsn) as pool:
        yield WayIn(pool.dsn)


def _by_haproxy(*, redispatch: bool) -> Open:
    @asynccontextmanager
    async def opened(primary: OwnPostgresServer, standby: OwnPostgresServer) -> AsyncGenerator[WayIn]:
        checking = haproxy(primary.dsn, standby.dsn, checked=True, shutdown=True, redispatch=redispatch)
        async with checking as proxy:
            yield WayIn(proxy.dsn)

    return opened


_SOON = "server_login_retry = 1\n"

# With "retry" and "redispatch" it is as the documentation of extauth has it.
WAYS: Final[Mapping[str, Open]] = {
    "both servers in the address": _both_servers,
    "PgBouncer, transaction": _by_pgbouncer("transaction"),
    "PgBouncer, transaction, retry": _by_pgbouncer("transaction", _SOON),
    "PgBouncer, session": _by_pgbouncer("session"),
    "PgBouncer, session, retry": _by_pgbouncer("session", _SOON),
    "pgpool-II, balancing": _by_pgpool,
    "HAProxy, checking": _by_haproxy(redispatch=False),
    "HAProxy, checking, redispatch": _by_haproxy(redispatch=True),
}


def versions() -> str:
    """Say which programs these are.

    :raises RuntimeError: if one is not installed.
    """
    asked = {
        "PgBouncer": [installed("pgbouncer", "PgBouncer"), "--version"],
        "pgpool-II": [installed("pgpool", "pgpool-II", package="pgpool2"), "--version"],
        "HAProxy": [installed("haproxy", "HAProxy"), "-v"],
    }
    found = []
    for name, command in asked.items():
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
        number = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
        found.append(f"{name} {number[0] if number else '?'}")
    return ", ".join(found)
