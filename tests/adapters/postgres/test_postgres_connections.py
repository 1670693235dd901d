"""Which connection a call runs on, and what becomes of the call when the connection fails."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import anyio
import asyncpg
import pytest

from extauth.adapters.postgres import PostgresLinkStore, connections
from extauth.adapters.postgres.failures import presentable
from extauth.domain.due import DueBy
from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import LinkKey, RefreshFailure
from extauth.domain.outcomes import Absent, Claimed, Recorded, Saved, Stale
from extauth.domain.token_set import TokenSet
from extauth.services.uninterrupted import start_protected
from tests.servers.forgetful_relay import forgetful_relay
from tests.servers.row_lock import locked

KEY = LinkKey("github", "alice")
OTHER = LinkKey("github", "bob")
TOKENS = TokenSet("at-1", "rt-1")
PID = "SELECT pg_backend_pid()"


@pytest.fixture
async def admin(postgres_dsn):
    """A session beside the store's."""
    connection = await asyncpg.connect(postgres_dsn)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def store(postgres_dsn):
    """A store with a pool of its own and one link."""
    async with PostgresLinkStore.open(postgres_dsn) as opened:
        await opened.put(KEY, TOKENS)
        yield opened


async def _kept_pid(store: PostgresLinkStore) -> int:
    rows = await store._connections.read_by_key(PID)
    pid: int = rows[0][0]
    return pid


async def _cut(admin: asyncpg.Connection[asyncpg.Record], wait: str = "%") -> None:
    """End the other sessions, or those that wait for something of this kind."""
    await admin.fetch(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND coalesce(wait_event_type, '') LIKE $1",
        wait,
    )


async def test_an_application_may_share_a_pool_of_one_connection(postgres_dsn):
    """The store holds no connection between calls, so that the application gets its turn."""
    async with asyncpg.create_pool(postgres_dsn, min_size=1, max_size=1) as pool:
        async with PostgresLinkStore(pool) as store:
            await store.put(KEY, TOKENS)
            links = await asyncio.gather(*(store.get(key) for key in (KEY, OTHER, KEY)))
            async with pool.acquire() as connection:
                assert await connection.fetchval("SELECT 1") == 1
            saved = await store.save(KEY, 1, TOKENS)

            assert pool.get_idle_size() == 1
        assert await pool.fetchval("SELECT 1") == 1

    assert [link and link.tokens for link in links] == [TOKENS, None, TOKENS]
    assert isinstance(saved, Saved)


async def test_one_connection_is_enough_for_a_store_of_its_own(postgres_dsn):
    """With a pool of one, reads and writes take turns on it."""
    async with PostgresLinkStore.open(postgres_dsn, max_size=1) as store:
        await asyncio.gather(*(store.put(KEY, TOKENS) for _ in range(3)))
        link, _ = await asyncio.gather(store.get(KEY), store.put(KEY, TOKENS))

        assert link is not None


async def test_reads_by_key_keep_their_connection(store):
    """A store with a pool of its own does not acquire a connection for each read."""
    assert await _kept_pid(store) == await _kept_pid(store)


async def test_a_read_that_loses_its_connection_is_repeated(store, admin, postgres_dsn):
    """Cut off in the middle, a read runs again on a new connection; nobody notices."""
    for read in (lambda: store.get(KEY), lambda: store.links_of("alice")):
        async with locked(postgres_dsn, reads=True) as gate:
            reading = asyncio.create_task(read())
            await gate.awaited()
            await _cut(admin, "Lock")
            await gate.awaited()
        assert await reading


async def test_reads_go_on_after_connections_were_cut_between_them(store, admin):
    """Whether or not the loop has seen that the kept connection is gone."""
    pid = await _kept_pid(store)
    for _ in range(3):
        await _cut(admin)
        assert await store.get(KEY) is not None
    assert pid != await _kept_pid(store)


@pytest.mark.parametrize("whose", ["own pool", "given pool"])
async def test_reads_do_not_try_one_dead_connection_after_the_other(postgres_dsn, whose):
    """When all connections are dead without knowing it, the second attempt is on a new one."""
    async with forgetful_relay(postgres_dsn) as (relay, dsn), AsyncExitStack() as stack:
        if whose == "own pool":
            store = await stack.enter_async_context(PostgresLinkStore.open(dsn))
        else:
            pool = await stack.enter_async_context(asyncpg.create_pool(dsn, min_size=4, max_size=4))
            store = await stack.enter_async_context(PostgresLinkStore(pool))
        for read in (lambda: store.get(KEY), lambda: store.links_of("alice")):
            await store.put(KEY, TOKENS)
            await asyncio.gather(*(store.links_of("alice") for _ in range(3)))
            assert await store.get(KEY) is not None
            relay.forget()

            assert await read()


async def test_a_read_gives_up_when_its_second_connection_breaks_too(store, admin, postgres_dsn):
    """One repetition, not more: the caller is told."""
    async with locked(postgres_dsn, reads=True) as gate:
        reading = asyncio.create_task(store.get(KEY))
        for _ in range(2):
            await gate.awaited()
            await _cut(admin, "Lock")
        with pytest.raises(StoreUnavailable) as caught:
            await reading

    assert isinstance(caught.value.__cause__, asyncpg.PostgresConnectionError)


async def test_an_opening_on_a_dead_connection_is_no_fault_of_the_deployment(postgres_dsn):
    """The next attempt may succeed: this server does not hang up whenever a transaction begins."""
    async with (
        forgetful_relay(postgres_dsn) as (relay, dsn),
        asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool,
    ):
        relay.forget()
        with pytest.raises(StoreUnavailable) as caught:
            await PostgresLinkStore(pool).__aenter__()
        async with PostgresLinkStore(pool) as store:
            assert await store.get(KEY) is None

    assert isinstance(caught.value.__cause__, asyncpg.PostgresConnectionError)


async def test_a_write_that_loses_its_connection_is_not_repeated(store, admin, postgres_dsn):
    """Nobody knows whether it was carried out: the caller is told, and can find out."""
    async with locked(postgres_dsn) as gate:
        writing = asyncio.create_task(store.save(KEY, 1, TOKENS))
        await gate.awaited()
        await _cut(admin, "Lock")
        with pytest.raises(StoreUnavailable) as caught:
            await writing

    assert isinstance(caught.value.__cause__, asyncpg.PostgresConnectionError)
    assert isinstance(await store.save(KEY, 1, TOKENS), Saved)


async def open_later(gate: AsyncExitStack) -> None:
    """Let go of a lock when others had time to give up."""
    for _ in range(20):
        await asyncio.sleep(0)
    await gate.aclose()


async def test_closing_in_a_cancelled_scope_lets_what_is_under_way_end(postgres_dsn):
    """Which anyio cancels in every turn of the loop; there as elsewhere a store is closed in good order."""
    async with PostgresLinkStore.open(postgres_dsn) as store:
        await store.put(KEY, TOKENS)
    with anyio.CancelScope() as scope:
        async with PostgresLinkStore.open(postgres_dsn) as store, AsyncExitStack() as held:
            gate = await held.enter_async_context(locked(postgres_dsn))
            writing = asyncio.create_task(store.save(KEY, 1, TOKENS))
            await gate.awaited()
            opening = asyncio.create_task(open_later(held.pop_all()))
            scope.cancel()
    await opening
    assert isinstance(await writing, Saved)


async def test_a_connection_that_was_quiet_for_long_is_not_used_again(store):
    """A firewall may have forgotten it, and then nothing would ever be answered."""
    pid = await _kept_pid(store)
    store._connections._used_at -= connections.IDLE_LIMIT + 1

    assert pid != await _kept_pid(store)


async def test_a_cancelled_read_takes_nobody_along(store, postgres_dsn):
    """Those who asked meanwhile are answered, and so are later reads."""
    async with locked(postgres_dsn, reads=True) as gate:
        first = asyncio.create_task(store.get(KEY))
        await gate.awaited()
        second = asyncio.create_task(store.get(KEY))
        third = asyncio.create_task(store.get(OTHER))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await gate.awaited()

    link = await second
    assert link is not None
    assert await third is None
    assert link == await store.get(KEY)


async def test_a_cancelled_write_leaves_the_pool_whole(postgres_dsn):
    """Its connection goes back, even when the pool has only this one."""
    async with PostgresLinkStore.open(postgres_dsn, max_size=1) as store:
        await store.put(KEY, TOKENS)
        async with locked(postgres_dsn) as gate:
            writing = asyncio.create_task(store.save(KEY, 1, TOKENS))
            await gate.awaited()
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing

        assert isinstance(await store.save(KEY, 1, TOKENS), Saved)


async def test_a_statement_that_takes_too_long_is_given_up(postgres_dsn):
    """The time-out is the cause, and the store works on."""
    async with PostgresLinkStore.open(postgres_dsn, command_timeout=timedelta(seconds=1)) as store:
        await store.put(KEY, TOKENS)
        async with locked(postgres_dsn, reads=True):
            results = await asyncio.gather(store.get(KEY), store.save(KEY, 1, TOKENS), return_exceptions=True)

        assert [StoreUnavailable] * 2 == [type(result) for result in results]
        assert [TimeoutError] * 2 == [type(result.__cause__) for result in results]
        assert isinstance(await store.save(KEY, 1, TOKENS), Saved)
        assert await store.get(KEY) is not None


async def test_leaving_the_store_ends_its_reads(postgres_dsn):
    """A read under way fails, and so does every call from then on."""
    async with PostgresLinkStore.open(postgres_dsn) as store:
        await store.put(KEY, TOKENS)
    async with locked(postgres_dsn, reads=True) as gate:
        async with PostgresLinkStore.open(postgres_dsn) as store:
            reading = asyncio.create_task(store.get(KEY))
            await gate.awaited()
            late = asyncio.create_task(store.get(OTHER))
            await asyncio.sleep(0)
        results = await asyncio.gather(reading, late, return_exceptions=True)

    assert [StoreUnavailable] * 2 == [type(result) for result in results]
    with pytest.raises(StoreUnavailable):
        await store.get(KEY)
    with pytest.raises(StoreUnavailable):
        await store.put(KEY, TOKENS)


REPEATED = """
CREATE SEQUENCE tries;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('tries') <= {times} THEN RAISE EXCEPTION 'try again' USING ERRCODE = '{code}'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON external_auth_links FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_what_the_server_certainly_undid_is_repeated(store, admin, code):
    """A serialization failure or a deadlock is not the caller's affair."""
    await admin.execute(REPEATED.format(times=3, code=code))

    assert isinstance(await store.save(KEY, 1, TOKENS), Saved)
    assert await admin.fetchval("SELECT last_value FROM tries") == 4


async def test_repetition_has_an_end(store, admin, monkeypatch):
    """A server that undoes everything is unavailable."""
    monkeypatch.setattr(connections, "MOST_CONFLICTS", 4)
    await admin.execute(REPEATED.format(times=1000, code="40001"))

    with pytest.raises(StoreUnavailable) as caught:
        await store.save(KEY, 1, TOKENS)
    assert isinstance(caught.value.__cause__, asyncpg.SerializationError)
    assert await admin.fetchval("SELECT last_value FROM tries") == 5


async def test_between_repetitions_is_waited_longer_each_time_and_not_for_long(monkeypatch):
    """At most 2 ms, then twice as long up to 100 ms; of that a part by chance, so that nobody meets again."""
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)

    async def conflict():
        if len(pauses) < 9:
            raise asyncpg.SerializationError
        return "done"

    monkeypatch.setattr(connections, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
    monkeypatch.setattr(connections, "random", SimpleNamespace(random=lambda: 0.5))
    assert await connections.run(conflict) == "done"
    assert pauses == [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.05, 0.05, 0.05]


@pytest.mark.parametrize(
    "sabotage",
    [
        "ALTER TABLE external_auth_links ADD CHECK (oauth_access_token <> 'at-secret')",
        "CREATE UNIQUE INDEX ON external_auth_links (oauth_access_token)",
        """CREATE FUNCTION talk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'bad row: %', NEW; END $$;
CREATE TRIGGER talk BEFORE UPDATE ON external_auth_links FOR EACH ROW EXECUTE FUNCTION talk()""",
        "ALTER TABLE external_auth_links ADD CHECK (oauth_token_type::integer > 0) NOT VALID",
    ],
    ids=["check", "unique", "trigger", "cast"],
)
async def test_no_error_shows_a_row(store, admin, sabotage):
    """Postgres quotes rows and values in its errors; nothing of that reaches a traceback."""
    tokens = TokenSet("at-secret", "rt-secret", token_type="tt-secret")
    await store.put(LinkKey("github", "carol"), tokens)
    if "CHECK (oauth_access" in sabotage:
        await store.delete(LinkKey("github", "carol"))
    await admin.execute(sabotage)

    with pytest.raises(StoreUnavailable) as caught:
        await store.save(KEY, 1, tokens)

    error = caught.value
    assert isinstance(error.__cause__, asyncpg.PostgresError)
    assert error.__context__ is None
    shown = "".join(traceback.format_exception(error)) + repr(vars(error.__cause__))
    assert "secret" not in shown
    assert "withheld" in shown


async def test_an_argument_that_postgres_cannot_take_is_not_shown(store):
    """The driver quotes the arguments that it cannot encode."""
    with pytest.raises(StoreUnavailable) as caught:
        await store.save(KEY, 2**63 + 4711, TOKENS)

    assert isinstance(caught.value.__cause__, asyncpg.DataError)
    assert str(2**63 + 4711) not in "".join(traceback.format_exception(caught.value))


def _sweep() -> None:
    """Cancel what ``asyncio.run`` would cancel at its end."""
    for task in asyncio.all_tasks():
        if task is not asyncio.current_task():
            task.cancel()


async def test_the_final_sweep_does_not_reach_a_write_that_hides_from_it(store, postgres_dsn):
    """The call comes to its end though every visible task was cancelled."""
    async with locked(postgres_dsn) as gate:
        writing = start_protected(store.save(KEY, 1, TOKENS))
        await gate.awaited()
        _sweep()
    assert isinstance(await asyncio.shield(writing), Saved)


async def test_a_result_is_not_lost_with_the_release_of_its_connection(postgres_dsn):
    """The driver releases a connection in a task of its own. When that is swept away, the row is known."""
    releasing, go = asyncio.Event(), asyncio.Event()

    async def reset(_: object) -> None:
        if swept:
            releasing.set()
            await go.wait()

    swept = False
    async with (
        asyncpg.create_pool(postgres_dsn, min_size=0, max_size=2, reset=reset) as pool,
        PostgresLinkStore(pool) as store,
    ):
        await store.put(KEY, TOKENS)
        swept = True
        writing = start_protected(store.save(KEY, 1, TOKENS))
        await releasing.wait()
        _sweep()
        outcome = await writing
        swept = False

        assert isinstance(outcome, Saved)
        assert outcome.link == await store.get(KEY)


async def test_a_cancellation_meant_for_the_drivers_tasks_is_no_cancellation_of_the_call(postgres_dsn):
    """It becomes StoreUnavailable: nobody has cancelled the caller, who may try again."""
    connecting = asyncio.Event()

    async def init(_: object) -> None:
        if swept:
            connecting.set()
            await asyncio.create_task(asyncio.Event().wait())

    swept = False
    async with (
        asyncpg.create_pool(postgres_dsn, min_size=0, max_size=1, init=init) as pool,
        PostgresLinkStore(pool) as store,
    ):
        await pool.expire_connections()
        swept = True
        writing = start_protected(store.put(KEY, TOKENS))
        await connecting.wait()
        _sweep()
        with pytest.raises(StoreUnavailable, match="interrupted"):
            await writing
        swept = False

        assert (await store.put(KEY, TOKENS)).version == 1


async def test_a_release_that_fails_does_not_undo_its_statement(postgres_dsn):
    """The row came, so the write was carried out."""

    async def reset(_: object) -> None:
        if broken:
            raise ConnectionResetError

    broken = False
    async with (
        asyncpg.create_pool(postgres_dsn, min_size=0, max_size=1, reset=reset) as pool,
        PostgresLinkStore(pool) as store,
    ):
        broken = True
        link = await store.put(KEY, TOKENS)
        broken = False

        assert link == await store.get(KEY)


async def test_cancelling_during_the_release_cancels_the_call(postgres_dsn):
    """The caller's own cancellation is never swallowed."""
    releasing, go = asyncio.Event(), asyncio.Event()

    async def reset(_: object) -> None:
        if slow:
            releasing.set()
            await go.wait()

    slow = False
    async with (
        asyncpg.create_pool(postgres_dsn, min_size=0, max_size=1, reset=reset) as pool,
        PostgresLinkStore(pool) as store,
    ):
        slow = True
        writing = asyncio.create_task(store.put(KEY, TOKENS))
        await releasing.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        go.set()
        slow = False

        assert await store.get(KEY) is not None


async def test_a_read_that_gets_its_connection_after_the_store_was_left(store):
    """It gives the connection back, so that the pool can close, and fails."""
    pool = store._pool
    taken = [await pool.acquire() for _ in range(pool.get_max_size())]
    reading = asyncio.create_task(store.get(KEY))
    await asyncio.sleep(0)
    await store._connections.close()
    for connection in taken:
        await pool.release(connection)

    with pytest.raises(StoreUnavailable, match="closed"):
        await reading
    assert pool.get_size() == pool.get_idle_size()


async def test_leaving_does_not_wait_for_ever(postgres_dsn):
    """A connection that does not come back is cut off after the time-out."""
    async with PostgresLinkStore.open(postgres_dsn, command_timeout=timedelta(seconds=1)) as store:
        connection = await store._pool.acquire()

    with pytest.raises(asyncpg.InterfaceError):
        await connection.fetchval("SELECT 1")


async def _leave_late(dsn: str, leaving: asyncio.Event) -> None:
    async with PostgresLinkStore.open(dsn) as store:
        connection = await store._pool.acquire()
        connection.add_termination_listener(lambda _: None)
        leaving.set()


async def test_leaving_can_be_cancelled(postgres_dsn):
    """The cancellation is the caller's and comes out."""
    leaving = asyncio.Event()
    task = asyncio.create_task(_leave_late(postgres_dsn, leaving))
    await leaving.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_final_sweep_does_not_reach_a_leaving_that_hides_from_it(postgres_dsn):
    """The driver closes in tasks of its own; when those are swept away, the connections are cut off."""
    leaving = asyncio.Event()
    task = start_protected(_leave_late(postgres_dsn, leaving))
    await leaving.wait()
    while len(asyncio.all_tasks()) < 2:
        await asyncio.sleep(0)
    _sweep()
    assert await task is None


def test_last_words_of_a_server_are_shown_only_if_they_name_no_values():
    """The driver repeats them in its own error, with the server's as the cause."""
    for words, shown in (
        (asyncpg.RaiseError("at-secret"), "(text withheld: it may quote a row)"),
        (asyncpg.AdminShutdownError("shutting down"), "lost: shutting down"),
    ):
        error = asyncpg.ConnectionDoesNotExistError(f"lost: {words}")
        error.__cause__ = words
        assert shown == str(presentable(error))


async def test_a_lease_that_ends_between_the_claim_and_its_explanation_is_claimed(store, admin):
    """The claim is made again: a lease that is over is no answer."""
    await store.claim(KEY, 1, "one", timedelta(minutes=5))
    read_now = store._lost._read

    async def late(key: LinkKey) -> object:
        await admin.execute("UPDATE external_auth_links SET lease_expires_at = now()")
        return await read_now(key)

    store._lost._read = late
    claimed = await store.claim(KEY, 1, "two", timedelta(minutes=5))

    assert isinstance(claimed, Claimed)
    assert claimed.unresolved_for is not None


async def test_a_lease_that_is_released_between_the_claim_and_its_explanation(store):
    """The claim is made again: that no lease is left is no answer either."""
    await store.claim(KEY, 1, "one", timedelta(minutes=5))
    read_now = store._lost._read

    async def late(key: LinkKey) -> object:
        await store.release(KEY, 1, "one")
        return await read_now(key)

    store._lost._read = late
    assert isinstance(await store.claim(KEY, 1, "two", timedelta(minutes=5)), Claimed)


async def test_a_clock_that_was_put_back(store, admin):
    """An unresolved exchange seems to be of the future then: it is young, its age not negative."""
    await store.claim(KEY, 1, "one", timedelta(minutes=5))
    await store.release(KEY, 1, "one", unresolved=True)
    await admin.execute("UPDATE external_auth_links SET unresolved_since = now() + interval '1 hour'")
    claimed = await store.claim(KEY, 1, "two", timedelta(minutes=5))

    assert isinstance(claimed, Claimed)
    assert timedelta(0) == claimed.unresolved_for


async def test_a_page_has_100_links(store):
    """Unless the caller wants more or fewer."""
    now = datetime.now(UTC)
    keys = [LinkKey("github", f"user-{number}") for number in range(101)]
    await asyncio.gather(*(store.put(key, TokenSet("at", "rt", expires_at=now)) for key in keys))
    assert len(await store.due("github", DueBy.EXPIRY, now + timedelta(hours=1))) == 100


async def test_conditional_writes_say_why_they_missed(store):
    """Absent where there is no link, Stale where it has moved on."""
    failure = RefreshFailure("invalid_grant", datetime(2030, 1, 1, tzinfo=UTC), 7)
    ttl = timedelta(seconds=1)
    link = await store.get(KEY)

    assert [Stale(link)] * 4 == [
        await store.claim(KEY, 7, "one", ttl),
        await store.save(KEY, 7, TOKENS),
        await store.record_failure(KEY, 7, failure),
        await store.reseal(KEY, 7, TOKENS),
    ]
    assert [Absent()] * 4 == [
        await store.claim(OTHER, 7, "one", ttl),
        await store.save(OTHER, 7, TOKENS),
        await store.record_failure(OTHER, 7, failure),
        await store.reseal(OTHER, 7, TOKENS),
    ]
    assert not await store.release(KEY, 7, "one")


async def test_a_permanent_mark_stays_under_a_temporary_one(store):
    """The link is answered with the mark that it has."""
    at = datetime(2030, 1, 1, tzinfo=UTC)
    dead = RefreshFailure("invalid_grant", at, 1)
    await store.record_failure(KEY, 1, dead)
    outcome = await store.record_failure(KEY, 1, RefreshFailure("busy", at, 1, retry_at=at))

    assert isinstance(outcome, Recorded)
    assert dead == outcome.link.failure


async def test_a_pool_that_the_application_has_used_up(postgres_dsn):
    """Its transactions may each be waiting for a token: reads and saves end, and say what to do."""
    async with asyncpg.create_pool(postgres_dsn, min_size=1, max_size=1) as pool:
        patience = timedelta(milliseconds=200)
        async with PostgresLinkStore(pool, acquire_timeout=patience) as store:
            link = await store.put(KEY, TOKENS)
            async with pool.acquire() as transaction, transaction.transaction():
                for call in (store.get(KEY), store.save(KEY, link.version, TOKENS), store.links_of("alice")):
                    with pytest.raises(StoreUnavailable, match="or extauth one of its own"):
                        await call
            assert await store.get(KEY) == link
