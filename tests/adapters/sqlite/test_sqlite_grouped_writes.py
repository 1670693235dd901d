"""Writes that share a transaction: each is promised what it would be alone."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import aiosqlite
import pytest

from extauth import AuditTrail, LinkKey, RefreshFailure, StoreUnavailable, TokenSet
from extauth.adapters.audit import AuditedStore
from extauth.adapters.sqlite import SqliteLinkStore, grouped_writes
from extauth.domain.errors import LinkUnreadable
from extauth.domain.outcomes import Absent, Claimed, Held, Recorded, Saved, Stale
from extauth.services.uninterrupted import defer_cancellation, start_protected
from tests.support.held_thread import HOLDING, at_once, held, waiting

TTL = timedelta(minutes=5)
NEW = TokenSet("at-2", "rt-2")
USERS = ("ann", "bob", "cat", "dan")


@pytest.fixture
def path(tmp_path):
    """A file for the store."""
    return tmp_path / "links.db"


def key(user: str) -> LinkKey:
    """A user's link."""
    return LinkKey("github", user)


def mark(reason: str = "invalid_grant") -> RefreshFailure:
    """A permanent mark on version 1."""
    return RefreshFailure(reason=reason, at=datetime.now(UTC), version=1)


@asynccontextmanager
async def filled(path: Any, **options: Any):
    """A store with a link for each of the users."""
    async with SqliteLinkStore.open(path, **options) as store:
        for user in USERS:
            await store.put(key(user), TokenSet("at-1", "rt-1"))
        yield store


def change(path: Any, *statements: str) -> None:
    """Change the database under the store."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        for statement in statements:
            other.execute(statement)


async def versions(store: Any) -> list[int]:
    """The users' versions."""
    return [(await store.get(key(user))).version for user in USERS]


async def said(store: Any) -> list[str]:
    """With which word the statements begin that are run from now on, of several alike in a row once."""
    told: list[str] = []

    def tell(sql: str) -> None:
        word = sql.removeprefix("-- ").split()[0]
        if told[-1:] != [word]:
            told.append(word)

    await store._connection.set_trace_callback(tell)
    return told


async def on_thread(store: Any, method: str, *arguments: Any) -> None:
    """Call a method of the driver's connection where it may be called."""
    await store._connection._execute(getattr(store._connection._conn, method), *arguments)


async def test_one_transaction(path):
    """Writes that wait together are committed together, and one that is alone needs no other statement."""
    async with filled(path) as store:
        told = await said(store)
        for users in (USERS, USERS[:2]):
            claims = await at_once(store, *(store.claim(key(user), 1, user, TTL) for user in users))
            assert [claim.link.key.user_id for claim in claims] == [*users]
            assert told == ["BEGIN", "UPDATE", "COMMIT"]
            told.clear()
        await store.release(key("ann"), 1, "ann")
        assert told == ["UPDATE"]
        assert (await store.get(key("ann"))).pending is None  # it has a known end, if nothing else is said


async def test_each_has_its_own_outcome(path):
    """Whatever else is in the transaction."""
    async with filled(path) as store:
        await store.claim(key("bob"), 1, "another", TTL)
        outcomes = await at_once(
            store,
            store.claim(key("ann"), 1, "one", TTL),
            store.release(key("bob"), 1, "another"),
            store.release(key("bob"), 1, "nobody"),
            store.save(key("cat"), 1, NEW),
            store.record_failure(key("dan"), 1, mark()),
            store.put(key("eve"), NEW),
        )
        assert [type(outcome) for outcome in outcomes[:1]] == [Claimed]
        assert outcomes[1:3] == [True, False]
        assert outcomes[3] == Saved(await store.get(key("cat")))
        assert outcomes[4] == Recorded(await store.get(key("dan")))
        assert outcomes[5] == await store.get(key("eve"))


async def test_losers_are_told_why(path):
    """A write that matched no row is explained as one that was alone."""
    async with filled(path) as store:
        await store.claim(key("ann"), 1, "another", TTL)
        await store.save(key("bob"), 1, NEW)
        outcomes = await at_once(
            store,
            store.claim(key("ann"), 1, "one", TTL),
            store.save(key("bob"), 1, NEW),
            store.record_failure(key("eve"), 1, mark()),
        )
        assert [type(outcome) for outcome in outcomes] == [Held, Stale, Absent]


async def test_the_same_link_twice(path):
    """They are carried out in the order in which they were asked for, and each sees the one before."""
    async with filled(path) as store:
        claims = await at_once(store, *(store.claim(key("ann"), 1, owner, TTL) for owner in ("one", "two")))
        assert [type(claim) for claim in claims] == [Claimed, Held]
        saved, marked, put = await at_once(
            store,
            store.save(key("ann"), 1, NEW),
            store.record_failure(key("ann"), 1, mark()),
            store.put(key("ann"), TokenSet("at-3", "rt-3")),
        )
        assert (saved.link.version, saved.link.tokens) == (2, NEW)
        assert (type(marked), put.version, put.failure) == (Stale, 3, None)
        gone, stale, new = await at_once(
            store, store.delete(key("ann")), store.save(key("ann"), 3, NEW), store.put(key("ann"), NEW)
        )
        assert (gone.version, type(stale), new.version) == (3, Stale, 4)


@pytest.mark.parametrize("raising", ["ABORT", "FAIL", "ROLLBACK"])
async def test_a_row_that_cannot_be_written(path, raising):
    """A trigger refuses one row: its call fails, and the others are done, also the ones before it."""
    async with filled(path) as store:
        change(
            path,
            "CREATE TRIGGER no BEFORE UPDATE ON external_auth_links WHEN new.user_id = 'cat' BEGIN"
            f" SELECT RAISE({raising}, 'secret'); END",
        )
        outcomes = await at_once(store, *(store.save(key(user), 1, NEW) for user in USERS))
        assert [type(outcome) for outcome in outcomes] == [Saved, Saved, StoreUnavailable, Saved]
        assert await versions(store) == [2, 2, 1, 2]
        assert outcomes[2].__cause__.sqlite_errorname == "SQLITE_CONSTRAINT_TRIGGER"
        assert "secret" not in repr(outcomes[2].__cause__)


async def test_what_is_refused_when_all_is_committed(path):
    """A constraint that is looked at then fails the call whose row violates it."""
    async with filled(path) as store:
        await store._connection.execute("PRAGMA foreign_keys = ON")
        change(
            path,
            "CREATE TABLE users (id PRIMARY KEY)",
            "CREATE TABLE seen (id REFERENCES users DEFERRABLE INITIALLY DEFERRED)",
            "INSERT INTO users VALUES ('ann'), ('bob'), ('dan')",
            "CREATE TRIGGER note AFTER UPDATE ON external_auth_links BEGIN"
            " INSERT INTO seen VALUES (new.user_id); END",
        )
        outcomes = await at_once(store, *(store.save(key(user), 1, NEW) for user in USERS))
        assert [type(outcome) for outcome in outcomes] == [Saved, Saved, StoreUnavailable, Saved]
        assert await versions(store) == [2, 2, 1, 2]


async def test_what_cannot_be_bound(path):
    """An argument that SQLite cannot take is its caller's alone."""
    async with filled(path) as store:
        outcomes = await at_once(
            store,
            store.save(key("ann"), 1, NEW),
            store.save(key("bob"), 1 << 64, NEW),
            store.save(key("cat"), 1, NEW),
        )
        assert [type(outcome) for outcome in outcomes] == [Saved, OverflowError, Saved]
        assert await versions(store) == [2, 1, 2, 1]


async def test_a_row_that_cannot_be_read(path):
    """It is an error of who wrote it, and gone all the same if that was a delete."""
    async with filled(path) as store:
        change(
            path,
            "UPDATE external_auth_links SET oauth_scopes = CAST(x'736563726574ff' AS TEXT)"
            " WHERE user_id IN ('bob', 'cat')",
        )
        outcomes = await at_once(
            store,
            store.claim(key("ann"), 1, "one", TTL),
            store.claim(key("bob"), 1, "one", TTL),
            store.delete(key("cat")),
            store.claim(key("dan"), 1, "one", TTL),
        )
        assert [type(outcome) for outcome in outcomes] == [Claimed, LinkUnreadable, LinkUnreadable, Claimed]
        assert [outcome.key for outcome in outcomes[1:3]] == [key("bob"), key("cat")]
        assert await store.get(key("cat")) is None


async def test_entries_are_each_with_their_write(path):
    """An entry that cannot be written undoes its own write; the others have theirs."""
    async with filled(path) as store:
        audited: Any = AuditedStore(store, AuditTrail.in_store())
        change(
            path,
            "CREATE TRIGGER no BEFORE INSERT ON external_auth_audit WHEN new.user_id = 'bob' BEGIN"
            " SELECT RAISE(ABORT, 'no'); END",
        )
        outcomes = await at_once(
            store,
            audited.save(key("ann"), 1, NEW),
            audited.save(key("bob"), 1, NEW),
            store.save(key("cat"), 1, NEW),
            audited.put(key("dan"), NEW),
        )
        assert [type(outcome).__name__ for outcome in outcomes] == [
            "Saved",
            "StoreUnavailable",
            "Saved",
            "Link",
        ]
        assert outcomes[1].__cause__.sqlite_errorname == "SQLITE_CONSTRAINT_TRIGGER"
        assert await versions(store) == [2, 1, 2, 2]
        entries = [(entry.user_id, entry.version) for _, entry in await store.audit.find()]
        assert entries == [("ann", 2), ("dan", 2)]


async def test_events_are_each_with_their_write(path):
    """The outbox's triggers fire for each."""
    async with filled(path) as store:
        await store.outbox.keep_on()
        await at_once(store, *(store.record_failure(key(user), 1, mark()) for user in USERS))
        events = await store.outbox.claim("one", TTL, limit=10)
        assert [event.event.key.user_id for event in events] == [*USERS]


async def test_a_commit_that_fails(path):
    """Nothing was done, and everybody gets the error that he would have had, each his own."""
    async with filled(path) as store:

        def no_commit(action: int, what: str | None, *_: object) -> int:
            commits = action == sqlite3.SQLITE_TRANSACTION and what == "COMMIT"
            return sqlite3.SQLITE_DENY if commits else sqlite3.SQLITE_OK

        await on_thread(store, "set_authorizer", no_commit)
        saves = (store.save(key(user), 1, NEW) for user in USERS)
        *outcomes, unbound = await at_once(store, *saves, store.save(key("ann"), 1 << 64, NEW))
        await on_thread(store, "set_authorizer", None)
        assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 4
        causes = [outcome.__cause__ for outcome in outcomes]
        assert [cause.sqlite_errorname for cause in causes] == ["SQLITE_AUTH"] * 4
        assert {cause.args for cause in causes} == {("not authorized",)}
        assert len({id(cause) for cause in causes}) == 4
        assert type(unbound) is OverflowError  # what failed by itself
        assert await versions(store) == [1] * 4
        assert [type(await store.save(key(user), 1, NEW)) for user in USERS] == [Saved] * 4


async def test_a_database_that_is_closed_under_the_connection(path):
    """Everybody gets an error of his own, as one alone does."""
    async with filled(path) as store:
        await on_thread(store, "close")
        outcomes = await at_once(store, *(store.save(key(user), 1, NEW) for user in USERS))
        assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 4
        assert {type(outcome.__cause__) for outcome in outcomes} == {sqlite3.ProgrammingError}


async def test_nobody_is_answered_before_the_commit(path):
    """Whoever is told that his write was done finds it in the file."""
    async with filled(path) as store:
        found = []

        async def save(user: str) -> None:
            await store.save(key(user), 1, NEW)
            with closing(sqlite3.connect(path)) as other:
                sql = "SELECT version FROM external_auth_links WHERE user_id = ?"
                found.append(other.execute(sql, (user,)).fetchone())

        assert await at_once(store, *(save(user) for user in USERS)) == [None] * 4
        assert found == [(2,)] * 4


async def test_a_writer_elsewhere_that_never_ends(path):
    """The whole batch waits as long as one write would, and fails as one would; then the store works."""
    async with filled(path, busy_timeout=timedelta(milliseconds=1)) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            outcomes = await at_once(store, *(store.save(key(user), 1, NEW) for user in USERS))
            other.execute("COMMIT")
        assert [outcome.__cause__.sqlite_errorname for outcome in outcomes] == ["SQLITE_BUSY"] * 4
        assert len({id(outcome.__cause__) for outcome in outcomes}) == 4
        assert await versions(store) == [1] * 4
        assert [type(await store.save(key(user), 1, NEW)) for user in USERS] == [Saved] * 4


async def test_a_caller_who_gives_up_while_a_writer_elsewhere_is_waited_for(path):
    """His time is up when it is up; his write was begun and is carried out, and so are the others'."""
    async with filled(path) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with held(store) as gate:
                saves = [asyncio.ensure_future(store.save(key(user), 1, NEW)) for user in USERS]
                await waiting(store, 4)
                gate.set()
                await waiting(store, 0)  # the thread has them
                for save in saves[:2]:  # the one that sent the batch, and another
                    save.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await save
                other.execute("COMMIT")
                assert [type(await save) for save in saves[2:]] == [Saved] * 2
        await store.links_of("ann")  # behind the batch in the connection's queue
        assert await versions(store) == [2] * 4


@pytest.mark.parametrize("number", range(4))
async def test_a_call_that_is_cancelled_while_it_waits(path, number):
    """It is not carried out; the others are, also if it was the one to send them."""
    async with filled(path) as store:
        async with held(store):
            saves = [asyncio.ensure_future(store.save(key(user), 1, NEW)) for user in USERS]
            await waiting(store, 4)
            saves[number].cancel()
            with pytest.raises(asyncio.CancelledError):
                await saves[number]
        outcomes = await asyncio.gather(*(save for save in saves if save is not saves[number]))
        assert [type(outcome) for outcome in outcomes] == [Saved] * 3
        assert await versions(store) == [1 if each == number else 2 for each in range(4)]


async def test_all_are_cancelled_while_they_wait(path):
    """Nothing is carried out, and the next one is served."""
    async with filled(path) as store:
        async with held(store):
            saves = [asyncio.ensure_future(store.save(key(user), 1, NEW)) for user in USERS]
            await waiting(store, 4)
            for save in saves:
                save.cancel()
            await asyncio.wait(saves)
        assert await versions(store) == [1] * 4
        assert [type(await store.save(key(user), 1, NEW)) for user in USERS] == [Saved] * 4


async def test_who_comes_later_is_in_the_next_batch(path):
    """What is asked for while a batch is carried out waits for its end, and then for nobody."""
    async with filled(path) as store:
        first = threading.Event()
        gate = threading.Event()

        def stop() -> int:
            first.set()
            gate.wait(30)
            return 1

        await store._connection.create_function("stop", 0, stop)
        change(
            path,
            "CREATE TABLE log (user)",
            "CREATE TRIGGER stopping AFTER UPDATE ON external_auth_links WHEN new.user_id = 'ann' BEGIN"
            " INSERT INTO log SELECT stop(); END",
        )
        told = await said(store)
        saves = [asyncio.ensure_future(store.save(key("ann"), 1, NEW))]
        assert await asyncio.to_thread(first.wait, 30)
        saves += [asyncio.ensure_future(store.save(key(user), 1, NEW)) for user in USERS[1:]]
        await waiting(store, 3)
        gate.set()
        assert [type(save) for save in await asyncio.gather(*saves)] == [Saved] * 4
        assert told == ["UPDATE", "BEGIN", "UPDATE", "COMMIT"]


async def test_more_than_one_transaction_takes(path, monkeypatch):
    """The rest are the next ones."""
    monkeypatch.setattr(grouped_writes, "MOST_AT_ONCE", 3)
    async with filled(path) as store:
        told = await said(store)
        saves = await at_once(store, *(store.save(key(user), 1, NEW) for user in USERS))
        assert [save.link.key.user_id for save in saves] == [*USERS]
        assert told == ["BEGIN", "UPDATE", "COMMIT", "UPDATE"]


async def test_a_file_that_was_replaced(path):
    """Nobody's write goes to a file that nobody will find."""
    async with filled(path) as store:
        path.rename(path.with_suffix(".old"))
        outcomes = await at_once(store, *(store.save(key(user), 1, NEW) for user in USERS))
        assert ["replaced" in str(outcome) for outcome in outcomes] == [True] * 4
        path.with_suffix(".old").rename(path)
        assert await versions(store) == [1] * 4


async def test_a_store_that_is_closed(path):
    """Everybody is told."""
    async with filled(path) as store:
        pass
    outcomes = await asyncio.gather(
        *(store.save(key(user), 1, NEW) for user in USERS), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 4


async def test_a_connection_that_is_closed_under_waiting_writes(path, monkeypatch):
    """The batch that the thread was given before is carried out; who waits for the next one is told."""
    monkeypatch.setattr(grouped_writes, "MOST_AT_ONCE", 1)
    async with filled(path) as store:
        async with held(store):
            saves = [asyncio.ensure_future(store.save(key(user), 1, NEW)) for user in USERS]
            await waiting(store, 4)
            closing_it = asyncio.ensure_future(store._connection.close())
            await asyncio.sleep(0)
        await closing_it
        outcomes = await asyncio.gather(*saves, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Saved, *[StoreUnavailable] * 3]
        # By the driver: one whose batch the thread had by then, by SQLite's module.
        assert {type(outcome.__cause__) for outcome in outcomes[1:]} <= {ValueError, sqlite3.ProgrammingError}


async def test_a_batch_that_breaks_down(path, monkeypatch):
    """Nobody waits for ever for what the thread did not finish."""

    class Ended(BaseException):
        """What no driver raises."""

    def broken(*_: object) -> None:
        raise Ended

    async with filled(path) as store:
        with monkeypatch.context() as broken_down:
            broken_down.setattr(grouped_writes, "carried_out", broken)
            outcomes = await at_once(store, *(store.save(key(user), 1, NEW) for user in USERS))
        assert [type(outcome) for outcome in outcomes] == [Ended, *[StoreUnavailable] * 3]
        assert [type(await store.save(key(user), 1, NEW)) for user in USERS] == [Saved] * 4


async def test_all_that_can_be_seen_is_cancelled_between_two_batches(path):
    """As asyncio.run does at its end: the next batch is sent, though no task was sending it yet."""
    async with filled(path) as store:
        here, ended = asyncio.current_task(), store._writes._ended

        def swept(*arguments: Any) -> None:
            ended(*arguments)
            for task in asyncio.all_tasks() - {here}:
                if task.get_name() != HOLDING:
                    task.cancel()

        async with held(store):
            saves = [start_protected(store.save(key(user), 1, NEW)) for user in USERS]
            await waiting(store, 4)
            store._writes._ended = swept
            grouped = patch.object(grouped_writes, "MOST_AT_ONCE", 1)
            grouped.start()
        await asyncio.wait(saves, timeout=10)
        grouped.stop()
        assert [save.done() and type(save.result()) for save in saves] == [Saved] * 4


def test_the_end_of_asyncio_run(path):
    """Refreshes under way when asyncio.run ends are saved, though a task is sending their batch by then."""
    gates = threading.Event(), threading.Event()
    saved: list[Any] = []
    opened: list[Any] = []

    async def save(store: Any, user: str) -> None:
        saved.append(await store.save(key(user), 1, NEW))

    async def main() -> None:
        connection = await aiosqlite.connect(path, isolation_level=None)
        opened.append(connection)
        store = await SqliteLinkStore(connection).__aenter__()
        for user in USERS:
            await store.put(key(user), TokenSet("at-1", "rt-1"))
        first_hold = asyncio.ensure_future(connection._execute(gates[0].wait, 30))
        first = asyncio.ensure_future(store.save(key("ann"), 1, NEW))
        await waiting(store, 1)
        second_hold = asyncio.ensure_future(connection._execute(gates[1].wait, 30))
        kept = [
            asyncio.ensure_future(defer_cancellation(start_protected(save(store, user)), gates[1].set))
            for user in USERS[1:]
        ]
        await waiting(store, 4)
        gates[0].set()
        assert type(await first) is Saved
        await asyncio.sleep(0)  # the second batch is sent
        assert first_hold.done()
        assert not any(task.done() for task in (second_hold, *kept))

    with patch.object(grouped_writes, "MOST_AT_ONCE", 1):
        asyncio.run(main())
    opened[0].stop()
    assert [type(outcome) for outcome in saved] == [Saved] * 3


async def test_nobody_is_answered_while_the_thread_needs_the_loop(path):
    """Who is answered may end the loop, and the driver's thread dies if it cannot tell that it is done."""
    loop, fetchall = asyncio.get_running_loop(), grouped_writes._Batch.fetchall
    answered: list[bool] = []

    def looked(batch: Any) -> Any:
        rows = fetchall(batch)
        for _ in range(5):
            turn = threading.Event()
            loop.call_soon_threadsafe(turn.set)
            assert turn.wait(30)
        answered.extend(save.done() for save in saves)
        return rows

    async with filled(path) as store:
        with patch.object(grouped_writes._Batch, "fetchall", looked):
            async with held(store):
                saves = [start_protected(store.save(key(user), 1, NEW)) for user in USERS]
                await waiting(store, 4)
            assert [type(outcome) for outcome in await asyncio.gather(*saves)] == [Saved] * 4
    assert answered == [False] * 4


async def test_a_connection_that_is_stopped_under_a_caller_who_is_gone(path):
    """Those who wait with the one who sent the batch are told, though nobody is left to send it."""
    connection = await aiosqlite.connect(path, isolation_level=None)
    store = await SqliteLinkStore(connection).__aenter__()
    for user in USERS:
        await store.put(key(user), TokenSet("at-1", "rt-1"))
    async with held(store):
        saves = [asyncio.ensure_future(store.save(key(user), 1, NEW)) for user in USERS]
        await waiting(store, 4)
        saves[0].cancel()
        stopped = connection.stop()
        outcomes = await asyncio.wait_for(asyncio.gather(*saves, return_exceptions=True), 30)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError, *[StoreUnavailable] * 3]
    await stopped


def test_another_loop_after_one_that_ended_amid_a_batch(path):
    """A store on one given connection goes over to the next loop, though no batch seemed to end."""
    opened: list[Any] = []

    async def first() -> None:
        connection = await aiosqlite.connect(path, isolation_level=None)
        store = await SqliteLinkStore(connection).__aenter__()
        opened.extend((connection, store, asyncio.ensure_future(store.put(key("ann"), NEW))))
        await asyncio.sleep(0)
        over = threading.Event()
        connection._tx.put_nowait((None, over.set))
        asyncio.get_running_loop().stop()  # after this turn
        assert over.wait(30)

    async def second() -> int:
        found: int = (await opened[1].put(key("bob"), NEW)).version
        return found

    loop = asyncio.new_event_loop()
    ended = loop.create_task(first())
    loop.run_forever()
    loop.close()
    assert ended.done()
    opened[2]._log_destroy_pending = False
    try:
        assert opened[1]._writes._busy
        assert asyncio.run(asyncio.wait_for(second(), 30)) == 1
    finally:
        opened[0].stop()
