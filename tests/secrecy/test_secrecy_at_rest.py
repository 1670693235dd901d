"""With keys no file of the database has a secret, be it of a table or a log, while it is open or after."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.secrecy.acts import ACTS, play
from tests.secrecy.canaries import Canaries
from tests.secrecy.places import ENCRYPTED, place
from tests.secrecy.watch import Watch
from tests.servers.postgres_server import OwnPostgresServer, own_postgres

TALKATIVE = {"log_min_duration_statement": "0", "log_parameter_max_length": "-1", "wal_level": "logical"}

AT_REST = {
    "access token",
    "refresh token",
    "id token",
    "client secret",
    "registration token",
    "state or salt",
}
"""What is stored plain without keys, and so is found there by what looks for it here."""


FILES = """WITH ours AS (SELECT oid, reltoastrelid FROM pg_class WHERE relname LIKE 'external_auth_%')
SELECT pg_relation_filepath(oid) AS file FROM ours
UNION ALL SELECT pg_relation_filepath(reltoastrelid) FROM ours WHERE reltoastrelid <> 0"""
"""Of our tables, their indexes, and what is too long for them."""


@pytest.fixture(scope="module")
def talkative() -> Iterator[OwnPostgresServer]:
    """A server that logs every statement with its parameters."""
    with own_postgres(TALKATIVE) as server:
        yield server


def text_of(path: Path) -> str:
    """Return the bytes of a file, or of all files in a folder, as text to search."""
    files = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
    return "\n".join(each.read_bytes().decode("latin-1") for each in files if each.exists())


async def played(kind: str, folder: Path, server: OwnPostgresServer) -> tuple[Canaries, dict[str, str]]:
    """Play everything that an application does, each on a store of its own; return what was kept where."""
    canaries, kept = Canaries(), dict[str, str]()
    for act in ACTS:
        of_act, files = Canaries(), folder / act.__name__
        files.mkdir()
        async with place(kind, files, server) as opened:
            await play(act, opened, Watch(), of_act)
            found = await _of_postgres(server) if kind.startswith("postgres") else _of_sqlite(files)
        found |= {f"{name}, closed": text for name, text in _of_sqlite(files).items()}
        for where, text in found.items():
            kept[where] = kept.get(where, "") + text
        canaries._forms.update(of_act._forms)
    if kind.startswith("postgres"):
        kept |= {"log": server.log(), "write-ahead log": text_of(server._data / "pg_wal")}
    return canaries, kept


def _of_sqlite(folder: Path) -> dict[str, str]:
    return {path.name: text_of(path) for path in folder.glob("links.db*")}


async def _of_postgres(server: OwnPostgresServer) -> dict[str, str]:
    connection = await asyncpg.connect(server.dsn)
    try:
        [name] = [
            row["datname"]
            for row in await connection.fetch(
                "SELECT DISTINCT datname FROM pg_stat_activity WHERE datname LIKE 'extauth_test_%'"
            )
        ]
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    dsn = server.dsn_of(name)
    kept: dict[str, str] = {}
    connection = await asyncpg.connect(dsn)
    try:
        files = [row["file"] for row in await connection.fetch(FILES)]
        kept["files"] = "\n".join(text_of(server._data / file) for file in files)
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [await connection.fetch(f'TABLE "{table["tablename"]}"') for table in tables]
    finally:
        await connection.close()
    kept["tables"] = repr(rows)
    dump = server._binaries / "pg_dump"
    if dump.exists():
        kept["pg_dump"] = _output_of(dump, "--dbname", dsn)
    return kept


def _output_of(*command: object) -> str:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_no_secret_at_rest(kind, tmp_path, talkative):
    """Not a token, salt or secret in a file, its write-ahead log, the tables, a dump or the server's log."""
    canaries, kept = await played(kind + ENCRYPTED, tmp_path, talkative)
    assert {where: found for where, text in kept.items() if (found := canaries.found_in(text))} == {}
    assert canaries.kinds() >= AT_REST
    where = {
        "sqlite": {"links.db-wal", "links.db-shm", "links.db, closed"},
        "postgres": {"files", "write-ahead log", "log"},
    }
    assert where[kind] <= kept.keys()
    assert "$extauth1$2026-11$$" in "".join(kept.values())


@pytest.mark.parametrize(
    ("kind", "everywhere"),
    [
        ("sqlite", ["links.db-wal", "links.db, closed"]),
        ("postgres", ["files", "write-ahead log", "log", "tables"]),
    ],
)
async def test_without_keys_it_is_all_there(kind, everywhere, tmp_path, talkative):
    """So the search finds what there is: the same acts without keys leave every kind of it everywhere."""
    canaries, kept = await played(kind, tmp_path, talkative)
    for where in everywhere:
        found = canaries.found_in(kept[where])
        assert {"access token", "refresh token", "id token", "client secret"} <= found, where
    assert set().union(*(canaries.found_in(text) for text in kept.values())) >= AT_REST
