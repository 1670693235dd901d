"""The files of a SQLite database are their owner's alone, and keep nothing of what was deleted."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from extauth import LinkKey, StoreUnavailable, TokenSet, open_store
from extauth.adapters.sqlite import SqliteLinkStore, schema

KEY = LinkKey("p", "alice")
WARNER = "extauth.adapters.sqlite.files"


@contextmanager
def umask(mask: int):
    """Set the umask of this process meanwhile."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """Return the mode of each file, by its name."""
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777], ids=oct)
async def test_a_new_file_is_private(mask, tmp_path, caplog):
    """So are its write-ahead log and the index of that, whatever the umask."""
    with umask(mask):
        async with open_store(f"sqlite:///{tmp_path}/links.db") as store:
            await store.put(KEY, TokenSet("at"))
            assert modes(tmp_path) == dict.fromkeys(("links.db", "links.db-wal", "links.db-shm"), "0o600")
    assert [each for each in caplog.records if each.name == WARNER] == []


async def test_a_link_to_a_file_that_is_yet_to_be_made(tmp_path):
    """The file that it names is made, private."""
    (tmp_path / "data").mkdir()
    (tmp_path / "links.db").symlink_to(tmp_path / "data" / "real.db")
    with umask(0):
        async with SqliteLinkStore.open(tmp_path / "links.db"):
            pass
    assert modes(tmp_path / "data") == {"real.db": "0o600"}


@pytest.mark.parametrize(("suffix", "mode"), [("", 0o640), ("", 0o602), ("-wal", 0o644)])
async def test_a_wider_file_is_told_once(suffix, mode, tmp_path, caplog):
    """It is used all the same, and its mode is left: the application may mean it."""
    path = tmp_path / "links.db"
    wide = path.with_name(f"{path.name}{suffix}")
    async with SqliteLinkStore.open(path):
        wide.chmod(mode)
        async with SqliteLinkStore.open(path) as store:
            assert await store.get(KEY) is None
            told = [each for each in caplog.records if each.name == WARNER]
        assert stat.S_IMODE(wide.stat().st_mode) == mode
    assert [each.levelno for each in told] == [logging.WARNING]
    assert f"(mode {mode:04o})" in told[0].getMessage()
    assert "run chmod 600" in told[0].getMessage()


@pytest.mark.parametrize(
    "path", ["no/such/folder/links.db", "nul\0.db", "\ud800.db", "a@b/links.db"], ids=ascii
)
async def test_what_cannot_be_made(path, tmp_path, monkeypatch):
    """It is the contract's own error, and nothing is left of the try."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreUnavailable, match=r"its folder must exist and be writable$") as caught:
        async with SqliteLinkStore.open(path):
            raise AssertionError
    assert ("no/such/folder" in path) == (path in str(caught.value))
    assert list(tmp_path.iterdir()) == []


async def test_a_home_that_nobody_has_looked_up(tmp_path, monkeypatch):
    """A shell would have: here it is the name of a folder."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreUnavailable, match="must exist and be writable, and ~ is not expanded"):
        async with SqliteLinkStore.open("~/links.db"):
            raise AssertionError


async def test_names_that_are_no_file(tmp_path, monkeypatch):
    """SQLite's names for what is gone when it is closed make no file."""
    monkeypatch.chdir(tmp_path)
    async with SqliteLinkStore.open(":memory:"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", ["delete", "save", "put"])
async def test_nothing_is_left_of_what_is_gone(write, tmp_path):
    """Of a token that is deleted or replaced the file keeps no copy in its free space."""
    path = tmp_path / "links.db"
    old = TokenSet("old-" * 20, "refresh-" * 20)
    async with SqliteLinkStore.open(path) as store:
        await store.put(KEY, old)
    assert b"old-old-" in path.read_bytes()
    async with SqliteLinkStore.open(path) as store:
        if write == "delete":
            await store.delete(KEY)
        elif write == "save":
            await store.save(KEY, 1, TokenSet("at", "rt"))
        else:
            await store.put(KEY, TokenSet("at", "rt"))
    assert [each for each in (b"old-old-", b"refresh-refresh-") if each in path.read_bytes()] == []


async def test_it_would_be_left_as_sqlite_comes(tmp_path, monkeypatch):
    """The statement is what removes it, also where a distribution builds SQLite with another default."""
    monkeypatch.setattr(schema, "_OVERWRITE", "PRAGMA secure_delete = OFF")
    path = tmp_path / "links.db"
    async with SqliteLinkStore.open(path) as store:
        await store.put(KEY, TokenSet("old-" * 20))
        await store.delete(KEY)
    assert b"old-old-" in path.read_bytes()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM external_auth_links").fetchone() == (0,)
