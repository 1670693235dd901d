"""What rotations cost a Postgres server: processor, and write-ahead log. On Linux."""

from __future__ import annotations

import asyncio
import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import attrs

from bench.links import LIFETIME
from bench.many_links import key_of
from extauth import open_store
from extauth.domain.linking_ports import Store
from extauth.domain.outcomes import Claimed, Saved

ROTATIONS = 2_000
AT_ONCE = 16


@attrs.frozen
class Cost:
    """Of one rotation: a read, a claim and a save."""

    cpu: float
    """Seconds of all of the server's processes."""
    written: float
    """Bytes of log. Just after a checkpoint, so that each page that is touched is written whole, as for rows
    at random in a large table most are."""
    written_compressed: float
    """The same with ``wal_compression``."""


async def cost_of_rotations(dsn: str, size: int) -> Cost:
    """Rotate links at random, of so many."""
    connection = await asyncpg.connect(dsn)
    try:
        rng = random.Random(size)
        cpu, written = await _rotated(connection, dsn, size, rng)
        await connection.execute("ALTER SYSTEM SET wal_compression = on")
        await connection.execute("SELECT pg_reload_conf()")
        _, compressed = await _rotated(connection, dsn, size, rng)
        await connection.execute("ALTER SYSTEM RESET wal_compression")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()
    return Cost(cpu, written, compressed)


async def disk(dsn: str) -> int:
    """Return how many bytes the links and their indexes take."""
    connection = await asyncpg.connect(dsn)
    try:
        size: int = await connection.fetchval(
            "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class"
            " WHERE oid = 'external_auth_links'::regclass"
            " OR oid IN (SELECT relid FROM pg_partition_tree('external_auth_links'))"
        )
    finally:
        await connection.close()
    return size


async def _rotated(connection: Any, dsn: str, size: int, rng: random.Random) -> tuple[float, float]:
    postmaster = int((await connection.fetchval("SELECT pg_read_file('postmaster.pid')")).split()[0])
    async with open_store(dsn, keys="plain") as store:
        await connection.execute("CHECKPOINT")
        keys = iter(rng.sample(range(size), ROTATIONS))
        written, cpu = await _log(connection), _cpu(postmaster)

        async def some() -> None:
            for number in keys:
                await _rotate(store, number)

        await asyncio.gather(*(some() for _ in range(AT_ONCE)))
        # Before the connections close: a process that has ended is not counted.
        cpu = _cpu(postmaster) - cpu
        written = await _log(connection) - written
    return cpu / ROTATIONS, written / ROTATIONS


async def _rotate(store: Store, number: int) -> None:
    key = key_of(number)
    link = await store.get(key)
    assert link is not None
    assert isinstance(await store.claim(key, link.version, f"bench {number}", timedelta(minutes=1)), Claimed)
    now = datetime.now(UTC)
    tokens = attrs.evolve(link.tokens, issued_at=now, expires_at=now + LIFETIME)
    assert isinstance(await store.save(key, link.version, tokens), Saved)


async def _log(connection: Any) -> int:
    return int(await connection.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))


def _cpu(postmaster: int) -> float:
    """Return the seconds that a server's processes have had, those that still are."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(fields[1]) == postmaster:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
