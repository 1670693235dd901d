"""A file that is removed or replaced while it is open is noticed at the next call."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta

import aiosqlite
import pytest

from extauth import LinkKey, StoreUnavailable, TokenService, TokenSet
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.testing.scripted.provider import ScriptedProvider

KEY = LinkKey("scripted", "alice")
TOKENS = TokenSet("at", "rt")


@pytest.fixture
def path(tmp_path):
    """Where the store is."""
    return tmp_path / "links.db"


def removed(path):
    """Remove it."""
    path.unlink()


def moved(path):
    """Give it another name."""
    path.rename(path.with_name("moved.db"))


def replaced(path):
    """Put a copy in its place."""
    copy = path.with_name("copy.db")
    shutil.copyfile(path, copy)
    copy.replace(path)


@pytest.mark.parametrize("act", [removed, moved, replaced])
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
async def test_a_write_to_files_that_are_gone_is_refused(act, suffix, path):
    """It would be lost with the process, or with the file that another process makes."""
    async with SqliteLinkStore.open(path) as store:
        await store.put(KEY, TOKENS)
        act(path.with_name(f"links.db{suffix}"))
        with pytest.raises(StoreUnavailable, match="removed or replaced while it was open"):
            await store.save(KEY, 1, TOKENS)


@pytest.mark.parametrize("act", [removed, moved, replaced])
async def test_a_read_of_a_file_that_is_gone_is_refused(act, path):
    """It would see nothing of what other processes write."""
    async with SqliteLinkStore.open(path) as store:
        await store.put(KEY, TOKENS)
        act(path)
        for read in (store.get(KEY), store.links_of("alice")):
            with pytest.raises(StoreUnavailable, match="restart every process"):
                await read


async def test_a_file_that_is_put_back(path):
    """It is the same as before: nothing was lost, and calls go on."""
    async with SqliteLinkStore.open(path) as store:
        await store.put(KEY, TOKENS)
        moved(path)
        with pytest.raises(StoreUnavailable):
            await store.put(KEY, TOKENS)
        path.with_name("moved.db").rename(path)
        assert (await store.put(KEY, TOKENS)).version == 2


async def test_a_link_to_another_file(path, tmp_path):
    """A symbolic link that is turned, as deployments do it, is another file, too."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    current = tmp_path / "current"
    current.symlink_to(tmp_path / "one")
    async with SqliteLinkStore.open(current / "links.db") as store:
        await store.put(KEY, TOKENS)
    async with SqliteLinkStore.open(tmp_path / "two" / "links.db"):
        pass
    async with SqliteLinkStore.open(current / "links.db") as store:
        current.unlink()
        current.symlink_to(tmp_path / "two")
        for call in (store.get(KEY), store.put(KEY, TOKENS)):
            with pytest.raises(StoreUnavailable):
                await call


async def test_a_process_that_goes_to_another_folder(path, monkeypatch):
    """A relative path means what it meant when the store was opened."""
    monkeypatch.chdir(path.parent)
    async with SqliteLinkStore.open("links.db") as store:
        monkeypatch.chdir("/")
        assert (await store.put(KEY, TOKENS)).version == 1
        assert (await store.get(KEY)).version == 1


async def test_a_connection_of_the_applications_is_watched(path):
    """Wherever it was opened."""
    async with (
        aiosqlite.connect(path, isolation_level=None) as connection,
        SqliteLinkStore(connection) as store,
    ):
        await store.put(KEY, TOKENS)
        removed(path)
        with pytest.raises(StoreUnavailable):
            await store.get(KEY)


async def test_an_exchange_whose_file_is_moved_keeps_its_tokens(path):
    """They are kept in memory until the file is back, and are saved then."""
    provider = ScriptedProvider(lifetime=timedelta(0))
    provider.reply_gate = asyncio.Event()
    async with SqliteLinkStore.open(path) as store:
        await store.put(KEY, provider.grant())
        async with TokenService(store, [provider]) as tokens:
            asked = asyncio.ensure_future(tokens.link("scripted", "alice"))
            while provider.exchanges < 1:
                await asyncio.sleep(0)
            moved(path)
            provider.reply_gate.set()
            link = await asked
            path.with_name("moved.db").rename(path)
        stored = await store.get(KEY)

    assert provider.is_live(link.tokens)
    assert stored.tokens.refresh_token == link.tokens.refresh_token


async def test_a_file_that_may_not_be_written_any_more(path):
    """The error says so, and what to look at."""
    async with SqliteLinkStore.open(path) as store:
        await store._connection.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreUnavailable, match="may not be written; look at their owners and modes"):
            await store.put(KEY, TOKENS)
