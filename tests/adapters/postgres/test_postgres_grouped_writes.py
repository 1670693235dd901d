"""Writes that go to the server as one statement: each is promised what it would be alone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from unittest.mock import patch

import asyncpg
import pytest

from extauth import (
    AuditTrail,
    GrantOrigin,
    LinkKey,
    RefreshFailure,
    ResourceToken,
    StoreUnavailable,
    TokenSet,
)
from extauth.adapters.audit import AuditedStore
from extauth.adapters.postgres import PostgresLinkStore, grouped_writes
from extauth.domain.errors import LinkUnreadable
from extauth.domain.outcomes import Absent, Claimed, Held, Recorded, Saved, Stale
from extauth.services.uninterrupted import start_protected
from tests.support.grouped_in_postgres import at_once, sent, together
from tests.support.postgres_admin import run, session

TTL = timedelta(minutes=5)
NEW = TokenSet("at-2", "rt-2")
PATIENCE = 10.0
"""Seconds, after which a test that hangs has failed."""
USERS = ("ann", "bob", "cat", "dan")

# Whoever writes this user's row waits for a lock that is not the row's.
SLOW = """CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE UPDATE ON external_auth_links FOR EACH ROW
  WHEN (NEW.user_id = 'ann') EXECUTE FUNCTION slow();"""

REFUSING = """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'secret'; END $$;
CREATE {kind} TRIGGER refuse {when} ON {table} {deferred} FOR EACH ROW
  WHEN (NEW.user_id = '{user}') EXECUTE FUNCTION refuse();"""


def refusing(table: str, when: str, user: str = "cat", *, deferred: bool = False) -> str:
    """A trigger that refuses a user's rows, at once or when the transaction is committed."""
    kind, later = ("CONSTRAINT", "DEFERRABLE INITIALLY DEFERRED") if deferred else ("", "")
    return REFUSING.format(table=table, when=when, user=user, kind=kind, deferred=later)


def key(user: str) -> LinkKey:
    """A user's link."""
    return LinkKey("github", user)


def mark() -> RefreshFailure:
    """A permanent mark on version 1."""
    return RefreshFailure(reason="invalid_grant", at=datetime.now(UTC), version=1)


@asynccontextmanager
async def filled(dsn: str, **options: Any):
    """A store with a link for each of the users."""
    async with PostgresLinkStore.open(dsn, **options) as store:
        for user in USERS:
            await store.put(key(user), TokenSet("at-1", "rt-1"))
        yield store


async def versions(store: Any) -> list[int]:
    """The users' versions."""
    return [(await store.get(key(user))).version for user in USERS]


def saves(store: Any, users: Any = USERS) -> list[Any]:
    """A save of each user's."""
    return [store.save(key(user), 1, NEW) for user in users]


@asynccontextmanager
async def slow(dsn: str, sessions: int = 1):
    """Hold what writes of ann's wait for; yields what returns when that many sessions wait."""
    async with session(dsn) as admin, admin.transaction():
        await admin.execute("SELECT pg_advisory_xact_lock(1)")

        async def awaited() -> None:
            waiting = 0
            while waiting < sessions:
                await admin.execute("SELECT pg_stat_clear_snapshot()")
                waiting = await admin.fetchval(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )

        yield awaited


@pytest.mark.parametrize("pooling", [None, True])
async def test_one_statement(postgres_dsn, pooling):
    """Writes of a kind that wait together are one statement, and one that is alone is as it was."""
    async with filled(postgres_dsn, transaction_pooling=pooling) as store:
        told = sent(store)
        claims = await at_once(*(store.claim(key(user), 1, user, TTL) for user in USERS))
        assert [(type(claim), claim.link.key.user_id) for claim in claims] == [
            (Claimed, user) for user in USERS
        ]
        assert told == ["many"]
        told.clear()
        assert await store.release(key("ann"), 1, "ann")
        assert told == ["one"]


async def test_on_a_pool_of_the_applications(postgres_dsn):
    """With the pool's own connections, too."""
    async with (
        asyncpg.create_pool(postgres_dsn, min_size=1, max_size=2) as pool,
        PostgresLinkStore(pool) as store,
    ):
        for user in USERS:
            await store.put(key(user), TokenSet("at-1", "rt-1"))
        told = sent(store)
        assert [type(save) for save in await at_once(*saves(store))] == [Saved] * 4
        assert told == ["many"]


async def test_the_driver_asks_nothing_and_sets_nothing(postgres_dsn):
    """No type is looked up, for which asyncpg would set something in the session."""
    asked = []

    async def asking(*arguments: Any, **options: Any) -> None:
        asked.append((arguments, options))

    async with filled(postgres_dsn) as store:
        with patch.object(asyncpg.Connection, "_introspect_types", asking):
            await at_once(*(store.claim(key(user), 1, user, TTL) for user in USERS))
            await at_once(*(store.record_failure(key(user), 1, mark()) for user in USERS))
            await at_once(*(store.release(key(user), 1, user, unresolved=True) for user in USERS))
            await at_once(*saves(store))
        assert await versions(store) == [2] * 4
        assert asked == []


async def test_all_that_a_write_says_arrives(postgres_dsn):
    """What is written together is what is written alone, to the microsecond and to the ends of time."""
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    moment = datetime(2031, 2, 3, 4, 5, 6, 789012, tzinfo=timezone(timedelta(hours=5)))
    sets = [
        TokenSet("at", None, last, frozenset({"a", "b"}), issued_at=first),
        TokenSet('at-\u00e9,{}"\\', "rt", moment, refresh_token_expires_at=moment, extra={"n": [1, None]}),
        TokenSet("NULL", "null", datetime(44, 3, 15, tzinfo=UTC), access_token_key_id="", token_type=""),
        TokenSet(
            "at", "rt", resource_tokens={"https://api.example": ResourceToken("at-3", expires_at=moment)}
        ),
    ]
    origin = GrantOrigin("client", "https://server.example/token", "https://api.example")
    async with filled(postgres_dsn) as store:
        together_ = await at_once(
            *(store.save(key(user), 1, new, origin=origin) for user, new in zip(USERS, sets, strict=True))
        )
        alone = [
            await store.save(key(user), 2, new, origin=origin) for user, new in zip(USERS, sets, strict=True)
        ]
        assert [save.link.tokens for save in together_] == [save.link.tokens for save in alone]
        assert [save.link.tokens for save in alone] == sets
        assert [save.link.origin for save in together_] == [origin] * 4
        written = [await store.get(key(user)) for user in USERS]
        marks = [
            RefreshFailure("later", moment, 3, retry_at=last, attempts=7),
            RefreshFailure("never", first, 3),
        ]
        marked = await at_once(
            *(
                store.record_failure(link.key, 3, each, written_at=link.updated_at)
                for link, each in zip(written, marks, strict=False)
            )
        )
        assert [outcome.link.failure for outcome in marked] == marks
        claims = [await store.claim(key(user), 3, "one", timedelta(microseconds=1)) for user in USERS[:2]]
        assert [type(claim) for claim in claims] == [Claimed] * 2
        seen = [await store.claim(key(user), 3, "two", TTL, takeover=False) for user in USERS[:2]]
        taken = await at_once(
            *(
                store.claim(key(user), 3, "two", TTL, takeover=held.lease)
                for user, held in zip(USERS, seen, strict=False)
            )
        )
        assert [type(claim) for claim in taken] == [Claimed] * 2


async def test_those_who_come_meanwhile_are_sent_together(postgres_dsn):
    """Without any help: the first is sent alone, and the rest as one."""
    async with filled(postgres_dsn) as store:
        told = sent(store)
        assert [type(save) for save in await asyncio.gather(*saves(store))] == [Saved] * 4
        assert told == ["one", "many"]
        assert store._writes._kinds
        assert all(kind.idle for kind in store._writes._kinds.values())


async def test_each_has_its_own_outcome(postgres_dsn):
    """Whatever else is in the statement."""
    async with filled(postgres_dsn) as store:
        await store.claim(key("bob"), 1, "another", TTL)
        outcomes = await at_once(
            store.claim(key("ann"), 1, "one", TTL),
            store.claim(key("bob"), 1, "one", TTL),
            store.claim(key("cat"), 2, "one", TTL),
            store.claim(key("eve"), 1, "one", TTL),
            store.claim(key("dan"), 1, "one", TTL),
        )
        assert [type(outcome) for outcome in outcomes] == [Claimed, Held, Stale, Absent, Claimed]
        assert [outcomes[number].link.key for number in (0, 4)] == [key("ann"), key("dan")]
        released = [("ann", "one"), ("bob", "nobody"), ("cat", "one"), ("dan", "one")]
        assert await at_once(*(store.release(key(user), 1, owner) for user, owner in released)) == [
            *(True, False, False, True)
        ]
        outcomes = await at_once(*(store.record_failure(key(user), 1, mark()) for user in ("ann", "eve")))
        assert outcomes == [Recorded(await store.get(key("ann"))), Absent()]
        outcomes = await at_once(*saves(store, ("ann", "eve", "bob")))
        assert outcomes[0] == Saved(await store.get(key("ann")))
        assert [type(outcome) for outcome in outcomes[1:]] == [Absent, Saved]
        again = await at_once(*(store.save(key(user), 1, NEW, other_grant=True) for user in ("ann", "dan")))
        assert [type(outcome) for outcome in again] == [Stale, Saved]


async def test_the_same_link_twice(postgres_dsn):
    """They are carried out one after the other, as they were asked for."""
    async with filled(postgres_dsn) as store:
        told = sent(store)
        owners = ("one", "two", "three")
        claims = await at_once(*(store.claim(key("ann"), 1, owner, TTL) for owner in owners))
        assert [type(claim) for claim in claims] == [Claimed, Held, Held]
        assert told == ["many"] * 3
        twice = await at_once(store.save(key("bob"), 1, NEW), store.save(key("bob"), 1, TokenSet("at-3")))
        assert [type(outcome) for outcome in twice] == [Saved, Stale]
        assert twice[1].link == twice[0].link


@pytest.mark.parametrize("deferred", [False, True])
async def test_a_row_that_cannot_be_written(postgres_dsn, deferred):
    """A trigger refuses one row, at once or at the commit: its call fails, and the others are done."""
    async with filled(postgres_dsn) as store:
        when = "AFTER UPDATE" if deferred else "BEFORE UPDATE"
        await run(postgres_dsn, refusing("external_auth_links", when, deferred=deferred))
        told = sent(store)
        outcomes = await at_once(*saves(store))
        assert [type(outcome) for outcome in outcomes] == [Saved, Saved, StoreUnavailable, Saved]
        assert await versions(store) == [2, 2, 1, 2]
        assert told == ["many", *["one"] * 4]
        assert "secret" not in repr(outcomes[2].__cause__)


async def test_a_write_that_is_swallowed(postgres_dsn):
    """Its caller is told; the others are done."""
    async with filled(postgres_dsn) as store:
        await run(
            postgres_dsn,
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
            "CREATE TRIGGER no BEFORE UPDATE ON external_auth_links FOR EACH ROW"
            " WHEN (NEW.user_id = 'cat') EXECUTE FUNCTION no()",
        )
        outcomes = await at_once(*saves(store))
        assert [type(outcome) for outcome in outcomes] == [Saved, Saved, StoreUnavailable, Saved]


async def test_what_cannot_be_sent(postgres_dsn):
    """An argument that Postgres cannot take is its caller's alone."""
    async with filled(postgres_dsn) as store:
        outcomes = await at_once(
            store.save(key("ann"), 1, NEW),
            store.save(key("bob"), 1 << 64, NEW),
            store.save(key("cat"), 1, NEW),
        )
        assert [type(outcome) for outcome in outcomes] == [Saved, StoreUnavailable, Saved]
        assert await versions(store) == [2, 1, 2, 1]


async def test_a_row_that_cannot_be_read(postgres_dsn):
    """A date that Python does not have is an error of who wrote the row, and of nobody else."""
    async with filled(postgres_dsn) as store:
        sql = "UPDATE external_auth_links SET {} = '{}' WHERE user_id = '{}'"
        await run(
            postgres_dsn,
            sql.format("created_at", "20000-01-01", "bob"),
            sql.format("oauth_issued_at", "0044-03-15 BC", "cat"),
        )
        told = sent(store)
        outcomes = await at_once(*(store.claim(key(user), 1, "one", TTL) for user in USERS))
        assert [type(outcome) for outcome in outcomes] == [
            *(Claimed, LinkUnreadable, LinkUnreadable, Claimed)
        ]
        assert told == ["many", "one", "one"]
        assert [outcome.key for outcome in outcomes[1:3]] == [key("bob"), key("cat")]


async def test_a_row_that_another_replica_has_locked(postgres_dsn):
    """It holds up its own write; the others of the statement are done meanwhile."""
    async with filled(postgres_dsn) as store, session(postgres_dsn) as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("SELECT FROM external_auth_links WHERE user_id = 'cat' FOR UPDATE")
        tasks = await together(*saves(store))
        done = await asyncio.wait_for(asyncio.gather(tasks[0], tasks[1], tasks[3]), PATIENCE)
        assert [type(outcome) for outcome in done] == [Saved] * 3
        assert not tasks[2].done()
        await transaction.rollback()
        assert type(await tasks[2]) is Saved


async def test_a_lock_that_the_first_one_waits_for(postgres_dsn):
    """A write that was sent alone and waits holds up none of those that come later."""
    async with (
        filled(postgres_dsn, command_timeout=timedelta(minutes=1)) as store,
        session(postgres_dsn) as other,
    ):
        transaction = other.transaction()
        await transaction.start()
        await other.execute("SELECT FROM external_auth_links WHERE user_id = 'ann' FOR UPDATE")
        first = asyncio.ensure_future(store.save(key("ann"), 1, NEW))
        await asyncio.sleep(0)
        assert [kind.alone for kind in store._writes._kinds.values()] == [1]
        for user in USERS[1:]:
            assert type(await asyncio.wait_for(store.save(key(user), 1, NEW), PATIENCE)) is Saved
        assert not first.done()
        await transaction.rollback()
        assert type(await first) is Saved


async def test_two_replicas_with_the_same_links_in_another_order(postgres_dsn):
    """Their statements never wait for each other: no deadlock, and of each link one has the lease."""
    users = [f"user-{number:02d}" for number in range(30)]
    async with PostgresLinkStore.open(postgres_dsn) as one, PostgresLinkStore.open(postgres_dsn) as other:
        for user in users:
            await one.put(key(user), TokenSet("at-1", "rt-1"))
        for version in range(1, 6):
            claims = await asyncio.gather(
                at_once(*(one.claim(key(user), version, "one", TTL) for user in users)),
                at_once(*(other.claim(key(user), version, "other", TTL) for user in reversed(users))),
            )
            theirs = zip(claims[0], reversed(claims[1]), strict=True)
            assert [sorted(type(claim).__name__ for claim in both) for both in theirs] == [
                ["Claimed", "Held"]
            ] * len(users)
            saved = await asyncio.gather(
                at_once(*(one.save(key(user), version, NEW) for user in users)),
                at_once(*(other.save(key(user), version, NEW) for user in reversed(users))),
            )
            theirs = zip(saved[0], reversed(saved[1]), strict=True)
            assert [sorted(type(save).__name__ for save in both) for both in theirs] == [
                ["Saved", "Stale"]
            ] * len(users)
    async with session(postgres_dsn) as admin:
        sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert await admin.fetchval(sql) == 0


async def test_a_reply_that_is_lost(postgres_dsn):
    """Nobody can tell what came of it: everybody is told so, as one alone is, and nothing is sent again."""
    async with filled(postgres_dsn) as store:
        fetch = store._sending.fetch

        async def lost(connection: Any, sql: str, arguments: Any) -> Any:
            await fetch(connection, sql, arguments)
            raise ConnectionResetError

        with patch.object(store._sending, "fetch", lost):
            told = sent(store)
            outcomes = await at_once(*saves(store))
        assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 4
        assert len({id(outcome) for outcome in outcomes}) == 4
        assert [type(outcome.__cause__) for outcome in outcomes] == [ConnectionResetError] * 4
        assert told == ["many"]
        assert await versions(store) == [2] * 4


async def test_a_connection_that_is_lost(postgres_dsn):
    """The same where nothing was done; the next ones are served."""
    async with filled(postgres_dsn) as store:
        await run(postgres_dsn, SLOW)
        async with slow(postgres_dsn) as awaited:
            tasks = await together(*saves(store))
            await awaited()
            async with session(postgres_dsn) as admin:
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 4
        assert await versions(store) == [1] * 4
        assert [type(save) for save in await at_once(*saves(store))] == [Saved] * 4


async def test_a_batch_that_takes_long(postgres_dsn):
    """Those who come later do not wait for it."""
    async with filled(postgres_dsn) as store:
        await run(postgres_dsn, SLOW)
        async with slow(postgres_dsn) as awaited:
            first = await together(*saves(store, ("ann", "bob")))
            await awaited()
            later = await together(*saves(store, ("cat", "dan")))
            assert [type(save) for save in await asyncio.wait_for(asyncio.gather(*later), PATIENCE)] == [
                Saved
            ] * 2
            assert not any(save.done() for save in first)
        assert [type(save) for save in await asyncio.gather(*first)] == [Saved] * 2
        for kind in store._writes._kinds.values():
            assert (kind.alone, kind._batch, kind._waiting) == (0, None, [])


async def test_a_call_that_is_cancelled_while_it_waits(postgres_dsn):
    """It is not carried out; the others are."""
    async with filled(postgres_dsn) as store:
        tasks = await together(*saves(store))
        tasks[1].cancel()  # before the statement is sent
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Saved, asyncio.CancelledError, Saved, Saved]
        assert await versions(store) == [2, 1, 2, 2]


async def test_a_call_that_is_cancelled_in_a_batch(postgres_dsn):
    """It may be carried out, here it is; so are the others."""
    async with filled(postgres_dsn) as store:
        await run(postgres_dsn, SLOW)
        async with slow(postgres_dsn) as awaited:
            tasks = await together(*saves(store))
            await awaited()
            tasks[0].cancel()
            tasks[1].cancel()
            await asyncio.wait(tasks[:2])
        assert [type(save) for save in await asyncio.gather(*tasks[2:])] == [Saved] * 2
        assert await versions(store) == [2] * 4


async def test_a_call_that_is_cancelled_in_a_batch_that_is_undone(postgres_dsn):
    """The others are carried out one by one all the same."""
    async with filled(postgres_dsn) as store:
        await run(postgres_dsn, SLOW)
        await run(postgres_dsn, refusing("external_auth_links", "BEFORE UPDATE"))
        async with slow(postgres_dsn) as awaited:
            tasks = await together(*saves(store))
            await awaited()
            tasks[0].cancel()
            await asyncio.wait(tasks[:1])
        outcomes = await asyncio.gather(*tasks[1:], return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Saved, StoreUnavailable, Saved]
        assert (await versions(store))[1:] == [2, 1, 2]


async def test_all_that_can_be_seen_is_cancelled(postgres_dsn):
    """As asyncio.run does at its end: the statement is sent and answered all the same."""
    async with filled(postgres_dsn) as store:
        with patch.object(grouped_writes._Kind, "idle", new=False):
            kept = [start_protected(save) for save in saves(store)]
            await asyncio.sleep(0)
        here = asyncio.current_task()
        for task in asyncio.all_tasks() - {here}:
            task.cancel()
        await asyncio.wait(kept, timeout=PATIENCE)
        assert [save.done() and type(save.result()) for save in kept] == [Saved] * 4


async def test_a_batch_is_sent_in_nobodys_context(postgres_dsn):
    """What one caller has in his context is not that of the others."""
    who: ContextVar[str] = ContextVar("who", default="nobody")
    async with filled(postgres_dsn) as store:
        seen = []
        write = store._connections.write

        async def seeing(sql: str, *arguments: Any) -> Any:
            seen.append(who.get())
            return await write(sql, *arguments)

        store._connections.write = seeing
        token = who.set("ann")
        await at_once(*saves(store))
        who.reset(token)
        assert seen == ["nobody"]


async def test_more_than_one_statement_takes(postgres_dsn, monkeypatch):
    """The rest are the next ones."""
    monkeypatch.setattr(grouped_writes, "MOST_AT_ONCE", 3)
    async with filled(postgres_dsn) as store:
        told = sent(store)
        assert [save.link.key.user_id for save in await at_once(*saves(store))] == [*USERS]
        assert told == ["many", "many"]


async def test_entries_are_each_with_their_write(postgres_dsn):
    """An entry that cannot be written undoes its own write; the others have theirs."""
    async with filled(postgres_dsn) as store:
        audited: Any = AuditedStore(store, AuditTrail.in_store())
        told = sent(store)
        assert [type(save) for save in await at_once(*saves(audited, ("ann", "dan")))] == [Saved] * 2
        assert told == ["many"]
        await run(postgres_dsn, refusing("external_auth_audit", "BEFORE INSERT", "bob"))
        outcomes = await at_once(*saves(audited, ("bob", "cat", "eve")))
        assert [type(outcome) for outcome in outcomes] == [StoreUnavailable, Saved, Absent]
        assert await versions(store) == [2, 1, 2, 2]
        entries = [(entry.user_id, entry.version) for _, entry in await store.audit.find()]
        assert entries[:2] in ([("ann", 2), ("dan", 2)], [("dan", 2), ("ann", 2)])
        assert entries[2:] == [("cat", 2)]


async def test_an_entry_and_none(postgres_dsn):
    """Writes with an entry and writes without are sent apart, at the same moment."""
    async with filled(postgres_dsn) as store:
        audited: Any = AuditedStore(store, AuditTrail.in_store())
        outcomes = await at_once(*saves(audited, ("ann", "bob")), *saves(store, ("cat", "dan")))
        assert [type(outcome) for outcome in outcomes] == [Saved] * 4
        assert sorted(entry.user_id for _, entry in await store.audit.find()) == ["ann", "bob"]


async def test_events_are_each_with_their_write(postgres_dsn):
    """The outbox's triggers fire for each."""
    async with filled(postgres_dsn) as store:
        await store.outbox.keep_on()
        await at_once(*(store.record_failure(key(user), 1, mark()) for user in USERS))
        events = await store.outbox.claim("one", TTL, limit=10)
        assert sorted(event.event.key.user_id for event in events) == [*USERS]


async def test_the_last_instant_is_kept_as_by_one_alone(postgres_dsn):
    """As Postgres writes it, which has later ones."""
    last = TokenSet("at-2", "rt-2", expires_at=datetime.max.replace(tzinfo=UTC))
    async with filled(postgres_dsn) as store, session(postgres_dsn) as connection:
        await store.save(key("ann"), 1, last)
        told = sent(store)
        await at_once(*(store.save(key(user), 1, last) for user in USERS[1:]))
        assert "many" in told
        kept = await connection.fetch("SELECT oauth_expiry::text FROM external_auth_links")
        assert {row[0] for row in kept} == {"infinity"}


async def test_a_lease_has_its_own_time(postgres_dsn):
    """The clock is read for each write, after its row was had."""
    async with filled(postgres_dsn) as store:
        claims = await at_once(*(store.claim(key(user), 1, "one", TTL) for user in USERS))
        assert len({claim.at for claim in claims}) == 4
        await store.release(key("ann"), 1, "one")
        assert (await store.get(key("ann"))).pending is None  # it has a known end, if nothing else is said


async def test_a_store_that_is_closed(postgres_dsn):
    """Everybody is told."""
    async with filled(postgres_dsn) as store:
        pass
    outcomes = await at_once(*saves(store))
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 4
