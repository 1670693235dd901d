"""How many pages of its file a store keeps."""

from __future__ import annotations

import aiosqlite

from extauth.adapters.sqlite import SqliteLinkStore


async def kept(connection) -> int:
    """Return what SQLite says, in KiB."""
    [[size]] = await connection.execute_fetchall("PRAGMA cache_size")
    return -int(size)


async def test_the_connection_for_reads_keeps_more(tmp_path):
    """That for writes keeps what is SQLite's own measure."""
    async with SqliteLinkStore.open(tmp_path / "links.db") as store:
        assert await kept(store._reader) == 8000
        assert await kept(store._connection) == 2000


async def test_a_given_connection_is_as_the_application_has_set_it_up(tmp_path):
    """It may have its own reasons."""
    async with aiosqlite.connect(tmp_path / "links.db", isolation_level=None) as connection:
        await connection.execute("PRAGMA cache_size = -3000")
        async with SqliteLinkStore(connection):
            assert await kept(connection) == 3000
