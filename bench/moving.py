"""Links moved between two processes that both serve callers, against a server that detects reuse."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from bench.links import PROVIDER
from bench.report import Figure, Part
from extauth import open_store
from extauth.adapters.encryption import EncryptionKey
from extauth.domain.imports import ImportedLink, imports_of
from extauth.domain.link import LinkKey
from extauth.testing.server.authorization_server import AuthorizationServer

LINKS = 10_000
COPIED = 200
LIFETIME = timedelta(seconds=30)
CALLERS = 16

METHOD = f"""Two processes, each a token service on a SQLite file of its own, with {CALLERS} callers each that
never stop asking for the tokens of users drawn at random. Access tokens live for {LIFETIME.seconds} s. The
authorization server is real HTTP on loopback and ends a grant when a refresh token comes twice. While the
first side refreshes, its links are exported and imported by the second one, fenced; then exported again with
`freeze=True`, and imported again with `frozen=True`. In the end the second side refreshes every link once
more. *Lost* are grants that the server has ended, and links that could not be refreshed. The copy is the same
without a fence: what is exported first is refreshed by both sides."""

Order: TypeAlias = Callable[..., Awaitable[dict[str, Any]]]


@attrs.frozen
class Move:
    """What a move came to."""

    links: int
    ended: int
    """Grants that the server has ended because a refresh token came twice."""
    refreshed: int
    """Links that the second side could refresh in the end."""
    exchanges: int
    here: dict[str, int]
    """How callers' calls ended on the first side; ``served`` or an error's code."""
    there: dict[str, int]
    reports: Sequence[dict[str, Any]]
    seconds: float
    """From the beginning of the freeze to the end of the second import."""


@asynccontextmanager
async def _side(store: str, server: AuthorizationServer, users: list[str]) -> AsyncGenerator[Order, None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.moving_side", stdin=PIPE, stdout=PIPE, limit=2**20
    )

    async def tell(**order: Any) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order).encode() + b"\n")
        await process.stdin.drain()
        told: dict[str, Any] = json.loads(await process.stdout.readline())
        return told

    provider = {
        "client_id": server.client_id,
        "client_secret": server.client_secret,
        "token_url": server.token_url,
        "reach": "loopback",
    }
    try:
        await tell(store=store, users=users, provider=provider)
        yield tell
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def _connect(server: AuthorizationServer, store: str, users: list[str]) -> None:
    async with open_store(store, keys="plain") as opened:
        imports = imports_of(opened)
        for user in users:
            await imports.add(ImportedLink(LinkKey(PROVIDER, user), server.new_grant(user)))


async def _rotations(server: AuthorizationServer, more: int) -> None:
    """Wait until the server has refreshed that many more tokens."""
    enough = server.grants.rotations + more
    while server.grants.rotations < enough:
        await asyncio.sleep(0.01)


async def _ended(server: AuthorizationServer, many: int) -> None:
    """Wait until the server has ended that many grants."""
    while server.grants.families_revoked < many:
        await asyncio.sleep(0.01)


async def move(
    folder: Path, links: int, *, lifetime: timedelta = LIFETIME, callers: int = CALLERS, fenced: bool = True
) -> Move:
    """Move that many links from one process to another; without ``fenced`` by a plain copy."""
    users = [f"user-{number}" for number in range(links)]
    here, there = (f"sqlite:///{folder / name}.db" for name in ("here", "there"))
    key = EncryptionKey.generate("move").reveal()
    files = [str(folder / f"links-{number}") for number in (1, 2)]
    async with AuthorizationServer(access_token_lifetime=lifetime) as server:
        await _connect(server, here, users)
        async with _side(here, server, users) as first, _side(there, server, users) as second:
            await first(do="hammer", callers=callers)
            await second(do="hammer", callers=callers)
            await _rotations(server, links // 10)
            reports = [
                await first(do="give", file=files[0], key=key, freeze=False),
                await second(do="take", file=files[0], key=key, frozen=not fenced),
            ]
            await (_rotations(server, links // 2) if fenced else _ended(server, links // 2))
            began = time.monotonic()
            if fenced:
                reports.append(await first(do="give", file=files[1], key=key, freeze=True))
                reports.append(await second(do="take", file=files[1], key=key, frozen=True))
            seconds = time.monotonic() - began
            if fenced:
                await _rotations(server, links // 2)
            asked_here, asked_there = await first(do="stop"), await second(do="stop")
            ends = await second(do="refresh_all")
        return Move(
            links,
            server.grants.families_revoked,
            ends.get("served", 0),
            server.grants.exchanges,
            asked_here,
            asked_there,
            reports,
            seconds,
        )


async def measure(server: str) -> Part:  # noqa: ARG001 - as the others
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        moved = await move(Path(one), LINKS)
        copied = await move(Path(other), COPIED, lifetime=timedelta(seconds=4), fenced=False)
    print(moved, copied, sep="\n", file=sys.stderr)
    return Part(
        "Moving links",
        METHOD,
        [Figure("Links lost of those moved", _lost(moved), 0, "links")],
        (
            "",
            "links",
            "lost",
            "exchanges",
            "served here",
            "fenced here",
            "served there",
            "fenced there",
            "switch",
        ),
        [_row("moved", moved), _row("copied", copied)],
    )


def _lost(moved: Move) -> int:
    return max(moved.ended, moved.links - moved.refreshed)


def _row(name: str, moved: Move) -> Sequence[str]:
    sides = [side.get(end, 0) for side in (moved.here, moved.there) for end in ("served", "link_fenced")]
    return (
        name,
        str(moved.links),
        str(_lost(moved)),
        str(moved.exchanges),
        *map(str, sides),
        f"{moved.seconds:.1f} s",
    )
