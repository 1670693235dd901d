"""A fresh token by ``access_token()`` on an encrypted store, beside the same store without keys."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench.links import PROVIDER, database, fill_postgres, fill_sqlite, user
from bench.reads import ALONE, LINKS, READS_TOGETHER, ROUNDS, TOGETHER, Read, random_users, timed
from bench.report import Figure, Part
from bench.rounds import Side, interleaved, median, ratio
from extauth import LinkKey, TokenService, open_store
from extauth.adapters.encryption import EncryptionKey, opened
from extauth.testing.scripted.provider import ScriptedProvider

PLAIN = "plain"
ENCRYPTED = "encrypted"
OPENED = ", every text decrypted"

METHOD = f"""{LINKS:,} links; each side reads the same random users of them, one after the other
(concurrency 1) or from {TOGETHER} tasks, after every link was read once. Both sides are `access_token()` on a
database of their own with the same links, of which one is encrypted. Times are the process's, on all of its
threads, without the database server's. The side "every text decrypted" has switched off what a store
remembers to have opened: each read then decrypts two texts."""


async def _sealed(url: str, key: EncryptionKey) -> None:
    async with open_store(url, keys=key) as store:
        for number in range(LINKS):
            link = await store.get(LinkKey(PROVIDER, user(number)))
            assert link is not None
            await store.reseal(link.key, link.version, link.tokens)


def _nothing_opened(measure: Side) -> Side:
    async def measured() -> float:
        kept, opened.MOST_REMEMBERED = opened.MOST_REMEMBERED, 0
        try:
            return await measure()
        finally:
            opened.MOST_REMEMBERED = kept

    return measured


async def _measured(name: str, urls: dict[str, str], key: EncryptionKey) -> tuple[list[Figure], list[Any]]:
    """Measure the reads of both databases, alone and together."""
    figures, rows = [], []
    async with AsyncExitStack() as stack:
        reads: dict[str, Read] = {}
        for side, url in urls.items():
            for memory in ("", OPENED) if side == ENCRYPTED else ("",):
                keys: Any = key if side == ENCRYPTED else "plain"
                store = await stack.enter_async_context(open_store(url, keys=keys))
                tokens = TokenService(store, [ScriptedProvider(PROVIDER)])
                await stack.enter_async_context(tokens)
                read = reads[side + memory] = partial(tokens.access_token, PROVIDER)
                for number in range(0 if memory else LINKS):
                    await read(user(number))
        for tasks, count, most in ((1, ALONE, 1.25), (TOGETHER, READS_TOGETHER, 1.5)):
            sides: dict[str, Callable[[], Awaitable[float]]] = {}
            for side, read in reads.items():
                measure = timed(read, random_users(LINKS, count), tasks, clock=time.process_time)
                sides[side] = _nothing_opened(measure) if side.endswith(OPENED) else measure
            times = await interleaved(sides, ROUNDS)
            figures.append(
                Figure(
                    f"{name}, concurrency {tasks}: encrypted beside plain",
                    ratio(times[ENCRYPTED], times[PLAIN]),
                    most,
                )
            )
            for side, taken in times.items():
                rows.append(
                    (
                        f"{name}, concurrency {tasks}: {side}",
                        f"{median(taken) * 1e6:.0f} us",
                        f"{ratio(taken, times[PLAIN]):.2f} x",
                    )
                )
    return figures, rows


async def measure(server: str) -> Part:
    key = EncryptionKey.generate("bench")
    with tempfile.TemporaryDirectory() as folder:
        paths = {side: Path(folder) / f"{side}.db" for side in (PLAIN, ENCRYPTED)}
        for path in paths.values():
            await fill_sqlite(path, LINKS)
        urls = {side: f"sqlite:///{path}" for side, path in paths.items()}
        await _sealed(urls[ENCRYPTED], key)
        sqlite = await _measured("SQLite", urls, key)
    async with database(server, "encryption_plain") as plain, database(server, "encryption") as encrypted:
        for dsn in (plain, encrypted):
            await fill_postgres(dsn, LINKS)
        await _sealed(encrypted, key)
        postgres = await _measured("Postgres", {PLAIN: plain, ENCRYPTED: encrypted}, key)
    return Part(
        title="Reading a fresh token that is encrypted",
        method=METHOD,
        figures=[*sqlite[0], *postgres[0]],
        header=("side", "time of the process per call", "beside plain"),
        rows=[*sqlite[1], *postgres[1]],
    )
