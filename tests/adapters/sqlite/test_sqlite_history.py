"""Which history a SQLite file has: it is told from an older state of it, and from a copy."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import aiosqlite
import pytest

from extauth import (
    LinkDoubtful,
    ReauthorizationRequired,
    RefreshFailure,
    RefreshPolicy,
    TokenService,
    open_store,
)
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.adapters.sqlite import history as module
from extauth.adapters.sqlite.files import watch_files
from extauth.adapters.sqlite.note import SUFFIX, Note, name_of, read_note, write_note
from extauth.domain.doubt import doubt
from extauth.domain.events import StoreRestored
from extauth.domain.fence import fence
from extauth.domain.link import LinkKey
from extauth.domain.store_history import HistorySeen
from extauth.domain.token_set import TokenSet
from extauth.testing.scripted.provider import ScriptedProvider

KEY = LinkKey("github", "alice")
TOKENS = TokenSet("at-1", refresh_token="rt-1")


def copy(source: Path, target: Path) -> None:
    """Back a file up, or put a backup back, as SQLite does it."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


async def seen_in(store: SqliteLinkStore) -> HistorySeen:
    """Look at its history."""
    seen = await store.history.look()
    assert seen is not None
    return seen


async def accepted_in(store: SqliteLinkStore) -> None:
    """Accept the history that it has, and write."""
    await store.history.accept(await seen_in(store))
    await store.put(KEY, TOKENS)


async def accepted(file: Path) -> None:
    """Use a file so."""
    async with SqliteLinkStore.open(file) as store:
        await accepted_in(store)


async def is_the_one(file: Path) -> bool:
    """Whether it is the one that was used last."""
    async with SqliteLinkStore.open(file) as store:
        seen = await seen_in(store)
        return seen.accepted == seen.current


@pytest.fixture
def file(tmp_path):
    """Where the file is."""
    return tmp_path / "links.db"


async def test_it_goes_on(file):
    """Opening and using it again is no other history; nor is a process that was killed."""
    async with SqliteLinkStore.open(file) as store:
        seen = await store.history.look()
        assert seen.accepted is None
        await store.history.accept(seen)
        await store.history.accept(seen)
        assert (await store.history.look()).accepted == seen.current
    await accepted(file)
    assert await is_the_one(file)


@pytest.mark.parametrize("way", ["backup", "same file", "another file", "moved"])
async def test_a_backup_that_was_put_back(file, tmp_path, way):
    """By SQLite, by writing over the file, and by another one in its place."""
    await accepted(file)
    copy(file, tmp_path / "copy.db")
    await accepted(file)
    if way == "backup":
        copy(tmp_path / "copy.db", file)
    elif way == "same file":
        shutil.copyfile(tmp_path / "copy.db", file)
    elif way == "another file":
        file.unlink()
        shutil.copyfile(tmp_path / "copy.db", file)
    else:
        (tmp_path / "copy.db").rename(file)
    assert not await is_the_one(file)
    async with SqliteLinkStore.open(file) as store:
        seen = await store.history.look()
        assert await store.history.restored(seen) == 1
        assert await store.history.restored(seen) is None
        again = await store.history.look()
        assert (again.accepted, again.current, again.restored_at) == (seen.current, seen.current, seen.at)
        await store.history.agree()
        assert (await store.history.look()).restored_at is None
    assert await is_the_one(file)


async def test_a_copy_elsewhere(file, tmp_path):
    """It has no note beside it; one that was moved with its note is the same."""
    await accepted(file)
    shutil.copyfile(file, tmp_path / "elsewhere.db")
    assert not await is_the_one(tmp_path / "elsewhere.db")
    (tmp_path / "moved").mkdir()
    for name in (file.name, file.name + SUFFIX):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    assert await is_the_one(tmp_path / "moved" / file.name)


async def test_a_file_of_before_it_was_kept(file, tmp_path):
    """A backup that a version of extauth made which kept no history is an older state, too."""
    async with SqliteLinkStore.open(file):
        pass
    copy(file, tmp_path / "copy.db")
    await accepted(file)
    copy(tmp_path / "copy.db", file)
    async with SqliteLinkStore.open(file) as store:
        assert (await store.history.look()).accepted is not None
    assert not await is_the_one(file)


async def test_looking_changes_nothing(file):
    """Who only looks leaves the note and the file as they are; who has written leaves another mark."""
    await accepted(file)
    note = file.with_name(file.name + SUFFIX)
    before, status = read_note(str(file)), note.stat()
    assert await is_the_one(file)
    assert (read_note(str(file)), note.stat().st_mtime_ns) == (before, status.st_mtime_ns)
    await accepted(file)
    after = read_note(str(file))
    assert after.name == before.name
    assert len(after.marks) == 1
    assert after != before


async def test_a_mark_for_each_minute_of_writing(file, monkeypatch):
    """The one before is good until the next look, since a power cut may leave the file with it."""
    monkeypatch.setattr(module, "_RENEWED_EVERY", 0.0)
    await accepted(file)
    async with SqliteLinkStore.open(file) as store:
        await store.history.look()
        marks = read_note(str(file)).marks
        await store.put(KEY, TOKENS)
        await store.history.look()
        assert read_note(str(file)).marks[1:] == marks
        await store.history.look()
        assert (len(read_note(str(file)).marks), read_note(str(file)).marks[0] in marks) == (1, False)


async def test_a_power_cut_between_note_and_file(file):
    """The note is on the disk first; the file may be left with the mark before."""
    await accepted(file)
    note = read_note(str(file))
    write_note(str(file), note.renewed())
    assert await is_the_one(file)
    assert await is_the_one(
        file
    )  # looking takes the other mark from the note only when the file has the new one


async def test_the_note_is_private(file):
    """As the database is, whatever the umask; who may use that may use the note."""
    await accepted(file)
    note = file.with_name(file.name + SUFFIX)
    assert note.stat().st_mode & 0o777 == 0o600
    file.chmod(0o660)
    write_note(str(file), Note.begun("name"))
    assert note.stat().st_mode & 0o777 == 0o660
    assert (note.stat().st_uid, note.stat().st_gid) == (file.stat().st_uid, file.stat().st_gid)
    for text in ("", "name", "näme mark", "not\na note of\nours at all"):
        note.write_text(text, "utf-8")
        assert read_note(str(file)) is None
    note.write_bytes(b"\xff")
    assert read_note(str(file)) is None


def test_what_does_not_belong_together_has_a_name_of_both():
    """The same one whoever looks, and another one where either is another."""
    note, other = Note("name", ("new", "old")), Note("name", ("newer", "new"))
    kept = ["name new", "name old", "name newer", "", None]
    names = {(each, text): name_of(each, text) for each in (note, other, None) for text in kept}
    theirs = {pair for pair, name in names.items() if name == "name"}
    assert theirs == {(note, "name new"), (note, "name old"), (other, "name newer"), (other, "name new")}
    # The file of a version that keeps nothing there is as one that keeps nothing.
    told = {name for (_, text), name in names.items() if name != "name" and text is not None}
    assert len(told) == len(names) - len(theirs) - 3
    assert all(names[each, None] == names[each, ""] for each in (note, other, None))


async def test_where_there_can_be_no_note(file, tmp_path):
    """In memory, and where the system refuses, it cannot say; links are kept all the same."""
    async with SqliteLinkStore.open(":memory:") as store:
        assert await store.history.look() is None
    file.with_name(file.name + SUFFIX).mkdir()
    async with SqliteLinkStore.open(file) as store:
        assert await store.history.look() is None
        await store.put(KEY, TOKENS)
        assert (await store.get(KEY)).version == 1


@pytest.mark.parametrize("how", ["replaced", "closed", "elsewhere"])
async def test_leaving_a_store_that_cannot_be_used(file, how):
    """Nobody is told of what could not be noted, who has other troubles then."""
    async with aiosqlite.connect(file, isolation_level=None) as connection:
        store = await SqliteLinkStore(connection).__aenter__()
        await accepted_in(store)
        if how == "replaced":
            watch_files(str(file), store._writer, store._by_key)
            file.unlink()
        if how == "closed":
            await connection.close()
        if how == "elsewhere":
            await asyncio.to_thread(asyncio.run, store.__aexit__(None, None, None))
        else:
            await store.__aexit__(None, None, None)


async def test_processes_take_turns(file):
    """However many look, write and leave at the same time, none takes the file for another."""
    await accepted(file)

    async def used(number: int) -> bool:
        async with SqliteLinkStore.open(file, busy_timeout=timedelta(seconds=30)) as store:
            seen = await seen_in(store)
            await store.put(LinkKey("github", f"user-{number}"), TOKENS)
            return seen.accepted == seen.current

    assert set(await asyncio.gather(*(used(number) for number in range(8)))) == {True}
    assert await is_the_one(file)


async def test_many_links_are_held_in_steps(file, monkeypatch):
    """Each marks some, and says where to go on; what was written since, is dead or fenced stays as it is."""
    monkeypatch.setattr(module, "AT_ONCE", 2)
    async with SqliteLinkStore.open(file) as store:
        for user in ("a", "b", "c", "d"):
            await store.put(LinkKey("github/work", user), TOKENS)
        await store.put(LinkKey("GitLab", "a"), TOKENS)
        await store.put(LinkKey("google", "a"), TokenSet("at-1"))
        before = await store.time() + timedelta(seconds=1)
        await store.record_failure(LinkKey("github/work", "a"), 1, fence(before))
        await store.record_failure(LinkKey("github/work", "b"), 1, RefreshFailure("invalid_grant", before, 1))
        steps, after = [], None
        while not steps or after:
            step = await store.history.hold(before, spared=["GitLab"], after=after)
            steps.append(step.held)
            after = step.next
        assert steps == [0, 1, 1, 0]
        assert (await store.history.hold(before, spared=["github", "GitLab"])).held == 0
        assert (await store.history.hold(before - timedelta(hours=1))).held == 0
        found = [(await store.get(LinkKey("github/work", user))).failure.reason for user in "abcd"]
        assert found == ["fenced", "invalid_grant", "doubtful", "doubtful"]
        held = await store.get(LinkKey("github/work", "c"))
        assert held.failure == doubt(held.failure.at)
        assert (await store.get(LinkKey("GitLab", "a"))).failure is None


@pytest.mark.parametrize("holds", [True, False])
async def test_a_restored_file_under_no_replica(file, tmp_path, holds):
    """What may be spent is not presented where the policy says so, and is told in any case."""
    provider, told = ScriptedProvider("scripted"), []
    alice = LinkKey("scripted", "alice")

    class Told:
        def notify(self, event) -> None:
            if isinstance(event, StoreRestored):
                told.append(event)

    @asynccontextmanager
    async def replica():
        async with (
            open_store(f"sqlite:///{file}", keys="plain") as store,
            TokenService(
                store, [provider], policy=RefreshPolicy(hold_doubtful=holds), observer=Told()
            ) as tokens,
        ):
            yield tokens, store

    async with replica() as (tokens, store):
        await store.put(alice, provider.grant())
        copy(file, tmp_path / "copy.db")
        await tokens.refresh("scripted", "alice")
    copy(tmp_path / "copy.db", file)
    async with replica() as (tokens, store):
        while not told:  # the first look may have taken too long
            await asyncio.sleep(0.02)
        assert told == [StoreRestored(doubtful=1, held=int(holds))]
        if holds:
            await tokens.link("scripted", "alice")
            with pytest.raises(LinkDoubtful):
                await tokens.refresh("scripted", "alice")
            assert len(provider.presented) == 1
            assert await store.lift_failure("scripted", reason="doubtful") == 1
        with pytest.raises(ReauthorizationRequired):
            await tokens.refresh("scripted", "alice")
    async with replica():
        assert len(told) == 1
