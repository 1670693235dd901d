"""More users at once than a provider's limit lets through: ``python -m bench limit``."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
import attrs

from bench.links import COLUMNS, PROVIDER, user
from bench.report import Figure, Part
from extauth import open_store

MOST = 1.2
"""How many requests there may be for each that the limit lets through."""


@attrs.frozen
class Form:
    """One crowd."""

    name: str
    users: int
    per_second: int
    replicas: int = 1
    seconds: float = 60.0
    """How long at most; the crowd goes on until each has a token."""
    all_served: bool = False
    in_memory: bool = False
    """Without a database, which would slow the crowd down."""


FORMS = (
    Form("10,000 users, 5 a second, for 60 s", 10_000, 5, in_memory=True),
    Form("the same with 4 processes", 10_000, 5, replicas=4),
    Form(
        "10,000 users, 100 a second, until all are served",
        10_000,
        100,
        1,
        300,
        all_served=True,
        in_memory=True,
    ),
    Form("2,000 users, 20 a second, 4 processes, until all are served", 2_000, 20, 4, 300, all_served=True),
)

METHOD = """All users' access tokens have expired, and one caller asks for each at the same moment; who gets
an error comes back when `retry_after` says. The provider is real HTTP on loopback in a process of its
own: a bucket of as many requests as it takes in a second, and for the rest 429 with `Retry-After`
in whole seconds. extauth is not told the limit. The first crowd's store is in memory, which slows
nobody down; else replicas are processes on one SQLite file, each with its own users. "Allowed" is
the bucket and what ran into it until the last user was served. "Into a pause" counts requests that
arrived later than a quarter of a second after a 429 and before its `Retry-After` was over; replicas
learn of each other's pauses by a 429 of their own. "Crowd" is the most callers of one replica that
were told to come back within one and the same second."""


@asynccontextmanager
async def _process(module: str, orders: dict[str, Any]) -> AsyncGenerator[tuple[Process, dict[str, Any]]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=2**26
    )
    try:
        await tell(process, orders)
        yield process, await hear(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def tell(process: Process, message: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message).encode() + b"\n")
    await process.stdin.drain()


async def hear(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(await process.stdout.readline())


async def _fill(path: Path, grants: list[tuple[str, str]]) -> None:
    async with open_store(f"sqlite:///{path}", keys="plain"):
        pass
    now = int(time.time() * 1e6)
    rows = [
        (PROVIDER, user(number), 1, now, now, access, refresh, now - 1, now - 3_600_000_000, "", "Bearer", "")
        for number, (access, refresh) in enumerate(grants)
    ]
    places = ", ".join("?" * len(COLUMNS))
    async with aiosqlite.connect(path) as db:
        await db.executemany(
            f"INSERT INTO external_auth_links ({', '.join(COLUMNS)}) VALUES ({places})", rows
        )
        await db.commit()


async def run(form: Form, folder: Path) -> dict[str, Any]:
    path = folder / "links.db"
    share = form.users // form.replicas
    async with AsyncExitStack() as stack:
        server, told = await stack.enter_async_context(
            _process("bench.limit_server", {"users": form.users, "per_second": form.per_second})
        )
        orders = {"store": "memory://", "provider": told["provider"], "abrupt": not form.all_served}
        if form.in_memory:
            orders["grants"] = told["grants"]
        else:
            orders["store"] = f"sqlite:///{path}"
            await _fill(path, told["grants"])
        replicas = [
            (
                await stack.enter_async_context(
                    _process("bench.limit_replica", {**orders, "users": [n * share, (n + 1) * share]})
                )
            )[0]
            for n in range(form.replicas)
        ]
        start = time.monotonic()
        for replica in replicas:
            await tell(replica, {"until": start + form.seconds})
        heard = await asyncio.gather(*map(hear, replicas))
        await tell(server, {"since": start})
        seen = await hear(server)
        for replica in replicas:
            await tell(replica, {})
    if form.all_served:
        seen["seconds"] = max(one["last"] for one in heard) - start
    outcomes: dict[str, int] = {}
    for one in heard:
        for name, count in one["outcomes"].items():
            outcomes[name] = outcomes.get(name, 0) + count
    allowed = form.per_second * (1 + seen["seconds"])
    return {
        **seen,
        "allowed": allowed,
        "outcomes": outcomes,
        "calls": sum(one["calls"] for one in heard),
        "untold": sum(one["untold"] for one in heard),
        "crowd": max(one["crowd"] for one in heard),
    }


async def measure(_: str) -> Part:
    figures, rows = [], []
    for form in FORMS:
        with tempfile.TemporaryDirectory() as folder:
            result = await run(form, Path(folder))
        print(json.dumps({"form": form.name, **result}), file=sys.stderr)
        requests = result["served"] + result["refused"]
        served = result["outcomes"].get("served", 0)
        rows.append(
            (
                form.name,
                f"{result['seconds']:.0f} s",
                f"{result['allowed']:.0f}",
                str(requests),
                str(served),
                str(result["into_pause"]),
                str(result["calls"]),
                str(result["crowd"]),
            )
        )
        ratio = requests / result["allowed"]
        figures.append(Figure(f"{form.name}: requests by the requests allowed", ratio, MOST))
        figures.append(Figure(f"{form.name}: errors without a time to wait", result["untold"], 0, "errors"))
        if form.all_served:
            figures.append(Figure(f"{form.name}: users served", served, form.users, "users", at_least=True))
    header = ("crowd", "time", "allowed", "requests", "users served", "into a pause", "calls", "crowd")
    return Part("A provider's limit", METHOD, figures, header, rows)


async def main(names: list[str]) -> None:
    """Run the forms whose names begin so, or all: ``python -m bench.limit``."""
    for form in FORMS:
        if not names or any(form.name.startswith(name) for name in names):
            with tempfile.TemporaryDirectory() as folder:
                print(form.name, json.dumps(await run(form, Path(folder))))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
