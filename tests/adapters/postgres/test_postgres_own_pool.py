"""What a store's own pool looks for at home, and how long closing it may take."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from extauth.adapters.postgres.own_pool import _authorities_in_home, _close


def test_authorities_are_looked_for_where_libpq_does(tmp_path, monkeypatch):
    """In the file of the user's home that has this name."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not _authorities_in_home()
    (tmp_path / ".postgresql").mkdir()
    assert not _authorities_in_home()
    (tmp_path / ".postgresql" / "root.crt").touch()
    assert _authorities_in_home()


@pytest.mark.parametrize("error", [RuntimeError, PermissionError])
def test_without_a_home_there_are_none(monkeypatch, error):
    """As for a user id that has no name, or whose home is another's."""

    def home():
        raise error

    monkeypatch.setattr(Path, "home", home)
    assert not _authorities_in_home()


async def test_closing_cuts_off_what_takes_too_long(postgres_dsn):
    """Who has a connection loses it."""
    pool = await asyncpg.create_pool(postgres_dsn, min_size=1, max_size=1)
    connection = await pool.acquire()
    await _close(pool, 0.01)
    assert pool.get_size() == 0
    with pytest.raises(asyncpg.InterfaceError):
        await connection.execute("SELECT 1")
