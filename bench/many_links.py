"""Very many links, made by the database itself, with every index that the store has."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import asyncpg

from bench.links import LIFETIME
from extauth import LinkKey, open_store

PARTITIONS: Final = 16

_COLUMNS = """provider_id, user_id, version, created_at, updated_at, oauth_written_at, oauth_access_token,
  oauth_refresh_token, oauth_expiry, oauth_issued_at, oauth_scopes, oauth_token_type, oauth_extra,
  oauth_refresh_token_expiry"""

_SPAN = (LIFETIME + timedelta(hours=1)) // timedelta(microseconds=1)

# 7919 and the sizes have no common divisor: the expiries are spread, and every link has its own.
_SQLITE = """INSERT INTO external_auth_links ({columns})
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {size} - 1)
SELECT CASE n % 2 WHEN 0 THEN 'github' ELSE 'gitlab' END,
  printf('user-%08d', n / 2), 1, {now}, {now}, {now} - n, printf('at-%037d', n), printf('rt-%073d', n),
  {now} + (n * 7919 % {size}) * {span} / {size} - 3600000000, {now}, '["repo"]', 'Bearer', '',
  CASE n % 4 / 2 WHEN 0 THEN {now} + 15552000000000 + n END
FROM numbers"""

_POSTGRES = """INSERT INTO external_auth_links ({columns})
SELECT CASE n % 2 WHEN 0 THEN 'github' ELSE 'gitlab' END,
  'user-' || lpad((n / 2)::text, 8, '0'), 1, now(), now(), now() - n * interval '1 microsecond',
  'at-' || lpad(n::text, 37, '0'), 'rt-' || lpad(n::text, 73, '0'),
  now() + (n * 7919 % {size}) * interval '{span} microseconds' / {size} - interval '1 hour', now(),
  '["repo"]', 'Bearer', '',
  CASE n % 4 / 2 WHEN 0 THEN now() + interval '180 days' + n * interval '1 microsecond' END
FROM generate_series(0::bigint, {size} - 1) AS n"""


def _into_partitions(by: str) -> Sequence[str]:
    return (
        "ALTER TABLE external_auth_links RENAME TO whole",
        f"CREATE TABLE external_auth_links (LIKE whole INCLUDING ALL) PARTITION BY HASH ({by})",
        *(
            f"CREATE TABLE links_{number} PARTITION OF external_auth_links"
            f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
            for number in range(PARTITIONS)
        ),
        "DROP TABLE whole",
    )


def key_of(number: int) -> LinkKey:
    """Return the key of the link of that number; each user has two."""
    return LinkKey(("github", "gitlab")[number % 2], f"user-{number // 2:08d}")


async def fill_sqlite(path: Path, size: int) -> str:
    """Make a file with so many links, and return its URL."""
    url = f"sqlite:///{path}"
    async with open_store(url, keys="plain"):
        pass
    db = sqlite3.connect(path, isolation_level=None)
    indexes = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'external_auth_links' AND type = 'index'"
        " AND sql IS NOT NULL"
    ).fetchall()
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")
    db.execute("PRAGMA synchronous = OFF")
    db.execute(_SQLITE.format(columns=_COLUMNS, size=size, now=int(time.time() * 1e6), span=_SPAN))
    for _, sql in indexes:
        db.execute(sql)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return url


async def fill_postgres(dsn: str, size: int, *, partitioned_by: str | None = None) -> None:
    """Put so many links into an empty database; in partitions by a hash of columns, if they are given."""
    async with open_store(dsn, keys="plain"):
        pass
    connection = await asyncpg.connect(dsn)
    try:
        for statement in () if partitioned_by is None else _into_partitions(partitioned_by):
            await connection.execute(statement)
        indexes = await connection.fetch(
            "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE tablename = 'external_auth_links' AND indexname NOT LIKE '%pkey%'"
        )
        for row in indexes:
            await connection.execute(f"DROP INDEX {row['indexname']}")
        await connection.execute(_POSTGRES.format(columns=_COLUMNS, size=size, span=_SPAN))
        for row in indexes:
            await connection.execute(row["indexdef"].replace(" ON ONLY ", " ON "))
        await connection.execute("VACUUM ANALYZE external_auth_links")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
