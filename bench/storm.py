"""Replicas in processes of their own whose callers all ask for one expired token at the same moment."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs

from bench.links import PROVIDER, database
from bench.report import Figure, Part
from bench.rounds import median
from extauth import open_store
from extauth.domain.link import LinkKey
from extauth.domain.ports import LinkStore
from extauth.testing.server.authorization_server import AuthorizationServer

ROTATIONS = 25
CALLERS = 100
REPLICAS = (1, 4)
EXCHANGE = timedelta(milliseconds=50)
LEAD = 0.15
"""Seconds in which every replica has its callers ready."""
GOAL = 60.0
"""Milliseconds."""

METHOD = f"""Replicas are processes, each with its own store and token service, and {CALLERS} callers each.
The authorization server is real HTTP on loopback, answers {EXCHANGE.total_seconds():.2f} s after it has
rotated, and takes a second presentation of a refresh token for theft. Before each of {ROTATIONS}
rotations the link's token is expired; then all callers of all replicas ask at the same instant of
the clock that the processes share. A caller's time runs from that instant to its token; the
overhead is the last caller's time less the exchange as the replica that made it saw it. Shown are
median and worst over the rotations."""


@attrs.frozen
class Rotation:
    """What one rotation came to; times in seconds."""

    exchanges: int
    exchange: float
    last: float
    errors: int
    tokens: int
    """How many different access tokens were handed out."""


@asynccontextmanager
async def _replica(orders: dict[str, Any]) -> AsyncGenerator[Process, None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.replica", stdin=PIPE, stdout=PIPE, limit=2**20
    )
    try:
        await _tell(process, orders)
        await _hear(process)
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def _tell(process: Process, message: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message).encode() + b"\n")
    await process.stdin.drain()


async def _hear(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(await process.stdout.readline())


async def _rotate(
    server: AuthorizationServer, store: LinkStore, replicas: list[Process], user: str
) -> Rotation:
    key = LinkKey(PROVIDER, user)
    expired = attrs.evolve(server.new_grant(user), expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await store.put(key, expired)
    before = server.grants.exchanges
    start = time.monotonic() + LEAD
    for replica in replicas:
        await _tell(replica, {"user": user, "start": start})
    told = await asyncio.gather(*map(_hear, replicas))
    return Rotation(
        exchanges=server.grants.exchanges - before,
        exchange=max(taken for one in told for taken in one["exchanges"]),
        last=max(one["last"] for one in told) - start,
        errors=sum(len(one["errors"]) for one in told),
        tokens=len({token for one in told for token in one["tokens"]}),
    )


async def storm(url: str, replicas: int) -> list[Rotation]:
    async with (
        AuthorizationServer(answer_delay=EXCHANGE) as server,
        open_store(url, keys="plain") as store,
        AsyncExitStack() as stack,
    ):
        orders = {
            "store": url,
            "callers": CALLERS,
            "provider": {
                "client_id": server.client_id,
                "client_secret": server.client_secret,
                "token_url": server.token_url,
            },
        }
        entering = [stack.enter_async_context(_replica(orders)) for _ in range(replicas)]
        processes = [await replica for replica in entering]
        await _rotate(server, store, processes, "warm-up")
        return [await _rotate(server, store, processes, "alice") for _ in range(ROTATIONS)]


def _milliseconds(seconds: list[float]) -> str:
    return f"{median(seconds) * 1e3:.0f} / {max(seconds) * 1e3:.0f} ms"


async def measure(server: str) -> Part:
    figures, rows = [], []
    async with database(server, "storm") as dsn:
        with tempfile.TemporaryDirectory() as folder:
            for name, url in (("SQLite", f"sqlite:///{Path(folder) / 'links.db'}"), ("Postgres", dsn)):
                for replicas in REPLICAS:
                    rotations = await storm(url, replicas)
                    over = [rotation.last - rotation.exchange for rotation in rotations]
                    errors = sum(rotation.errors for rotation in rotations)
                    most = max(rotation.exchanges for rotation in rotations)
                    rows.append(
                        (
                            f"{name}, {replicas} x {CALLERS} callers",
                            str(most),
                            str(max(rotation.tokens for rotation in rotations)),
                            str(errors),
                            _milliseconds([rotation.exchange for rotation in rotations]),
                            _milliseconds([rotation.last for rotation in rotations]),
                            _milliseconds(over),
                        )
                    )
                what = f"Storm, {name}, {replicas} processes x {CALLERS} callers"
                figures += [
                    Figure(
                        f"{what}: last caller, after the exchange (median)", median(over) * 1e3, GOAL, "ms"
                    ),
                    Figure(f"{what}: last caller, after the exchange (worst)", max(over) * 1e3, GOAL, "ms"),
                    Figure(f"{what}: exchanges per rotation (most)", most, 1, "exchanges"),
                    Figure(f"{what}: callers with an error", errors, 0, "errors"),
                ]
    header = ("storm", "exchanges", "tokens", "errors", "exchange", "last caller", "overhead")
    return Part("A storm on an expired token", METHOD, figures, header, rows)
