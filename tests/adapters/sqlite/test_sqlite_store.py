"""What is SQLite's own: the file, its processes, its schema, its failures."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import traceback
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import aiosqlite
import attrs
import pytest

from extauth import (
    ConfigurationError,
    GrantOrigin,
    Link,
    LinkingService,
    LinkKey,
    LinkUnreadable,
    PendingExchange,
    RefreshFailure,
    StoreUnavailable,
    TokenSet,
    open_store,
)
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.adapters.sqlite import schema as sqlite_schema
from extauth.adapters.sqlite.schema import MIGRATIONS, migrate
from extauth.adapters.sqlite.unseen import WITHHELD
from extauth.domain.due import DueBy
from extauth.domain.link import Account
from extauth.domain.linking import PendingAuthorization
from extauth.domain.linking_outcomes import NoSuchState, Taken
from extauth.domain.outcomes import Claimed, Recorded
from tests.support.fourth_schema import OLD_PENDING
from tests.support.held_thread import waiting
from tests.support.sixth_schema import OLD_REGISTRATION

KEY = LinkKey("github", "alice")
CLAIMER = Path(__file__).parents[2] / "support" / "claimer.py"


@pytest.fixture
def path(tmp_path):
    """Where the file will be."""
    return tmp_path / "links.db"


def make_schema(database, version):
    """Make the tables as that version of the schema had them."""
    database.execute("CREATE TABLE external_auth_meta (schema_version INTEGER NOT NULL)")
    database.execute("INSERT INTO external_auth_meta VALUES (1)")
    for statement in chain.from_iterable(MIGRATIONS[:version]):
        database.execute(statement)
    database.execute("UPDATE external_auth_meta SET schema_version = ?", (version,))


class TestProcesses:
    async def test_start_together_and_share_one_file(self, path):
        """Processes that open a new file at once all get it, and one of them gets the lease."""
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                str(CLAIMER),
                f"sqlite:///{path}",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            for _ in range(6)
        ]
        ready = [await process.stdout.readline() for process in processes]
        assert ready == [b"ready\n"] * 6
        async with open_store(f"sqlite:///{path}") as store:
            await store.put(KEY, TokenSet("at"))
        outcomes = [await process.communicate(b"\n") for process in processes]
        assert sorted(out for out, _ in outcomes) == [b"Claimed\n"] + [b"Held\n"] * 5
        assert [err for _, err in outcomes] == [b""] * 6

    async def test_a_writer_elsewhere_is_waited_for(self, path):
        """A write waits for another connection's transaction, up to the busy timeout."""
        async with SqliteLinkStore.open(path) as store:
            with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
                other.execute("BEGIN IMMEDIATE")
                write = asyncio.create_task(store.put(KEY, TokenSet("at")))
                assert await store.get(KEY) is None  # reading goes on meanwhile
                other.execute("COMMIT")
                assert (await write).version == 1

    async def test_a_writer_elsewhere_that_never_ends(self, path):
        """When the busy timeout has passed the store is unavailable, with SQLite's error as the cause."""
        async with SqliteLinkStore.open(path, busy_timeout=timedelta(milliseconds=1)) as store:
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreUnavailable, match="locked for longer than busy_timeout") as caught:
                    await store.put(KEY, TokenSet("at-1"))
                assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
                assert "at-1" not in repr(caught.value.__cause__)
                other.execute("COMMIT")
            assert (await store.put(KEY, TokenSet("at-1"))).version == 1

    async def test_a_full_disk(self, path):
        """It is told as what it is; when there is room again all works."""
        async with SqliteLinkStore.open(path) as store:
            pages = (await (await store._connection.execute("PRAGMA page_count")).fetchone())[0]
            await store._connection.execute(f"PRAGMA max_page_count = {pages}")
            with pytest.raises(StoreUnavailable, match="is full; nothing was written"):
                await store.put(KEY, TokenSet("at" * 10 * pages * 4096))
            await store._connection.execute("PRAGMA max_page_count = 1000000")
            assert (await store.put(KEY, TokenSet("at-1"))).version == 1


class TestDurability:
    async def test_commits_survive_a_power_cut(self, path):
        """Both connections sync the write-ahead log at each commit."""
        async with SqliteLinkStore.open(path) as store:
            for connection in (store._connection, store._reader):
                assert list(await connection.execute_fetchall("PRAGMA journal_mode")) == [("wal",)]
                assert list(await connection.execute_fetchall("PRAGMA synchronous")) == [(2,)]

    async def test_a_cancelled_write_is_carried_out(self, path):
        """A cancelled call has an unknown outcome: once it was begun, the statement runs."""
        async with SqliteLinkStore.open(path) as store:
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                write = asyncio.create_task(store.put(KEY, TokenSet("at")))
                await waiting(store, 1)
                await waiting(store, 0)  # it waits for the other's transaction
                write.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await write
                other.execute("COMMIT")
            await store.links_of("alice")  # behind the write in the connection's queue
            assert (await store.get(KEY)).version == 1

    async def test_links_survive(self, path):
        """What was stored is there when the file is opened again."""
        async with SqliteLinkStore.open(path) as store:
            link = await store.put(KEY, TokenSet("at"))
        async with SqliteLinkStore.open(path) as store:
            assert await store.get(KEY) == link


class TestSchema:
    async def test_a_newer_schema_is_refused(self, path):
        """A file written by a later extauth is left alone."""
        async with SqliteLinkStore.open(path):
            pass
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE external_auth_meta SET schema_version = 99")
        with pytest.raises(ConfigurationError, match=r"version 99.*upgrade"):
            async with SqliteLinkStore.open(path):
                pass

    async def test_an_older_schema_is_migrated(self, path):
        """Missing migrations run, once, and links stay."""
        async with SqliteLinkStore.open(path) as store:
            link = await store.put(KEY, TokenSet("at"))
            later = (*MIGRATIONS, ("ALTER TABLE external_auth_links ADD COLUMN note TEXT",))
            await migrate(store._writer, later)
            await migrate(store._writer, later)
            assert await store.get(KEY) == link
            notes = await store._connection.execute_fetchall("SELECT note FROM external_auth_links")
            assert list(notes) == [(None,)]

    async def test_links_of_the_first_schema_stay(self, path):
        """A file of schema version 1 gets what later versions keep, beside its links and their marks."""
        with closing(sqlite3.connect(path)) as other, other:
            make_schema(other, 1)
            other.execute("UPDATE external_auth_meta SET retired_version = 6")
            other.execute(
                """INSERT INTO external_auth_links VALUES ('github', 'alice', 7, 1000000, 2000000, 'at', 'k1',
                'rt', 'k2', 3000000, 2500000, '["a"]', 'Bearer', '{"team": 1}', 'client', 'https://as/token',
                'invalid_grant', 4000000, 7, NULL, 2, 'owner', 5000000, 6000000, NULL)"""
            )
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        async with SqliteLinkStore.open(path) as store:
            link = await store.get(KEY)
            assert link == Link(
                KEY,
                TokenSet(
                    "at",
                    "rt",
                    epoch + timedelta(seconds=3),
                    {"a"},
                    extra={"team": 1},
                    access_token_key_id="k1",
                    refresh_token_key_id="k2",
                    issued_at=epoch + timedelta(seconds=2.5),
                ),
                7,
                epoch + timedelta(seconds=1),
                epoch + timedelta(seconds=2),
                RefreshFailure("invalid_grant", epoch + timedelta(seconds=4), 7, attempts=2),
                GrantOrigin("client", "https://as/token"),
                PendingExchange(epoch + timedelta(seconds=5), live=False),
            )
            recorded = await store.record_account(KEY, 7, Account("1"))
            assert recorded == Recorded(attrs.evolve(link, account=Account("1")))
            assert await store.purge_authorizations() == 0
            assert await store.registration("name") is None
            assert (await store.put(LinkKey("github", "bob"), TokenSet("at"))).version == 7

    async def test_authorizations_of_the_fourth_schema_stay(self, path):
        """What was begun before an upgrade can be completed after it; nothing was noted of what was sent."""
        with closing(sqlite3.connect(path)) as other, other:
            make_schema(other, 4)
            other.execute(
                """INSERT INTO external_auth_authorizations VALUES
                ('hash', 'github', 'alice', 'https://app.example/', 'salt', '["a"]', '["r"]', ?, NULL)""",
                (2**62,),
            )
        async with SqliteLinkStore.open(path) as store:
            assert await store.take_authorization("hash") == Taken(OLD_PENDING)

    async def test_registrations_of_the_sixth_schema_stay(self, path):
        """Of what they were registered for nothing was noted."""
        with closing(sqlite3.connect(path)) as other, other:
            make_schema(other, 6)
            other.execute(
                """INSERT INTO external_auth_registrations VALUES
                ('name', 'https://as', 'client', NULL, NULL, 'none', '["https://app/"]', NULL, NULL)"""
            )
        async with SqliteLinkStore.open(path) as store:
            assert await store.registration("name") == OLD_REGISTRATION

    async def test_a_migration_that_fails_changes_nothing(self, path):
        """A migration is one transaction."""
        async with SqliteLinkStore.open(path) as store:
            broken = (*MIGRATIONS, ("CREATE TABLE note (n)", "CREATE TABLE note (n)"))
            with pytest.raises(sqlite3.OperationalError):
                await migrate(store._writer, broken)
            await migrate(store._writer)
            assert (await store.put(KEY, TokenSet("at"))).version == 1

    async def test_overtaken_by_another_process(self, path, monkeypatch):
        """Who finds, once it is its turn, that another has migrated already leaves everything as it is."""
        found = iter([0, len(MIGRATIONS)])

        async def schema_version(connection):
            return next(found)

        async with SqliteLinkStore.open(path) as store:
            link = await store.put(KEY, TokenSet("at"))
            monkeypatch.setattr(sqlite_schema, "_schema_version", schema_version)
            await migrate(store._writer)
            assert await store.get(KEY) == link

    async def test_the_applications_own_tables_stay(self, path):
        """The file may be the application's own database."""
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("CREATE TABLE users (name)")
            other.execute("PRAGMA user_version = 7")
        async with SqliteLinkStore.open(path):
            pass
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("SELECT count(*) FROM users").fetchone() == (0,)
            assert other.execute("PRAGMA user_version").fetchone() == (7,)

    async def test_deleted_by_hand(self, path):
        """Versions don't come back either where an operator deletes rows himself."""
        async with SqliteLinkStore.open(path) as store:
            await store.put(KEY, TokenSet("at"))
            with closing(sqlite3.connect(path)) as other, other:
                other.execute("DELETE FROM external_auth_links")
            assert (await store.put(KEY, TokenSet("at"))).version == 2


class TestClaiming:
    async def test_a_lease_that_is_released_before_it_is_explained(self, path):
        """A lease that ends between the two statements of a claim is no answer: the claim is made again."""
        async with SqliteLinkStore.open(path) as store:
            await store.put(KEY, TokenSet("at"))
            await store.claim(KEY, 1, "one", timedelta(minutes=5))
            read_now = store._lost._read

            async def released_meanwhile(key):
                await store.release(KEY, 1, "one")
                return await read_now(key)

            store._lost._read = released_meanwhile
            assert isinstance(await store.claim(KEY, 1, "two", timedelta(minutes=5)), Claimed)

    async def test_a_clock_that_was_put_back(self, path):
        """An unresolved exchange seems to be of the future then: it is young, its age not negative."""
        async with SqliteLinkStore.open(path) as store:
            await store.put(KEY, TokenSet("at"))
            await store.claim(KEY, 1, "one", timedelta(minutes=5))
            await store.release(KEY, 1, "one", unresolved=True)
            with closing(sqlite3.connect(path)) as other, other:
                other.execute(
                    "UPDATE external_auth_links SET unresolved_since = unresolved_since + 3600000000"
                )
            claim = await store.claim(KEY, 1, "two", timedelta(minutes=5))
        assert claim.unresolved_for == timedelta(0)


class TestTaking:
    async def test_an_authorization_that_is_purged_before_it_is_taken(self, path):
        """Between reading and taking it may go: then there is no such state."""
        pending = PendingAuthorization(state_hash="hash", key=KEY, redirect_uri="uri", salt="salt")
        async with SqliteLinkStore.open(path) as store:
            await store.begin_authorization(pending, timedelta(minutes=5))
            find = store._authorizations._find

            async def forgotten_meanwhile(state_hash):
                row = await find(state_hash)
                await store.forget_authorizations(KEY)
                return row

            store._authorizations._find = forgotten_meanwhile
            assert await store.take_authorization("hash") == NoSuchState()


class TestReading:
    @pytest.mark.parametrize("count", [1, 2, 3])
    async def test_links_read_at_once(self, path, count):
        """However many are asked for at the same moment, each reader gets his own."""
        keys = [("github", f"user-{number}") for number in range(count)]
        async with SqliteLinkStore.open(path) as store:
            links = [await store.put(LinkKey(*key), TokenSet("at")) for key in keys]
            assert await store._reads.get_many(keys) == dict(zip(keys, links, strict=True))

    async def test_a_page_has_100_links(self, path):
        """Unless the caller wants more or fewer."""
        now = datetime.now(UTC)
        async with SqliteLinkStore.open(path) as store:
            for number in range(101):
                await store.put(LinkKey("github", f"user-{number}"), TokenSet("at", "rt", expires_at=now))
            assert len(await store.due("github", DueBy.EXPIRY, now + timedelta(hours=1))) == 100


class TestOpening:
    async def test_a_folder_that_is_missing(self, tmp_path):
        """The error says what to look at."""
        with pytest.raises(StoreUnavailable, match="folder must exist"):
            async with open_store(f"sqlite:///{tmp_path}/missing/links.db"):
                pass

    async def test_a_file_that_is_no_database(self, path):
        """The error says so, and the file stays as it is."""
        path.write_bytes(b"no database at all" * 1000)
        with pytest.raises(StoreUnavailable, match="database") as caught:
            async with SqliteLinkStore.open(path):
                pass
        assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)
        assert path.read_bytes() == b"no database at all" * 1000

    async def test_a_given_connection_must_not_begin_transactions(self, path):
        """A connection that opens transactions by itself would hold the store's writes back."""
        async with aiosqlite.connect(path) as connection:
            with pytest.raises(ConfigurationError, match="isolation_level=None"):
                await SqliteLinkStore(connection).__aenter__()

    async def test_a_given_connection_stays_open(self, path):
        """Whoever opens closes."""
        async with aiosqlite.connect(path, isolation_level=None) as connection:
            async with SqliteLinkStore(connection) as store:
                await store.put(KEY, TokenSet("at"))
            assert list(await connection.execute_fetchall("SELECT 1")) == [(1,)]

    @pytest.mark.parametrize("factory", [sqlite3.Row, lambda _, row: {"all": row}], ids=["Row", "dict"])
    async def test_a_given_connection_makes_its_own_rows(self, path, factory):
        """Whatever rows the application wants of its connection, the store reads its own."""
        async with aiosqlite.connect(path, isolation_level=None) as connection:
            connection.row_factory = factory
            async with SqliteLinkStore(connection) as store:
                link = await store.put(KEY, TokenSet("at"))
                assert await store.get(KEY) == link
                assert connection.row_factory is factory

    async def test_sqlite_too_old(self, path, monkeypatch):
        """A SQLite without RETURNING is refused by name."""
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
        with pytest.raises(ConfigurationError, match=r"3\.35"):
            async with SqliteLinkStore.open(path):
                pass

    async def test_the_oldest_sqlite(self, path, monkeypatch):
        """The first SQLite with RETURNING will do."""
        monkeypatch.setattr(sqlite_schema, "OLDEST_SQLITE", sqlite3.sqlite_version_info)
        async with SqliteLinkStore.open(path) as store:
            assert await store.get(KEY) is None

    async def test_a_database_in_memory(self):
        """A given connection may have one, which needs no write-ahead log."""
        async with (
            aiosqlite.connect(":memory:", isolation_level=None) as connection,
            SqliteLinkStore(connection) as store,
        ):
            assert (await store.put(KEY, TokenSet("at"))).version == 1

    async def test_a_new_file_in_use(self, path, monkeypatch):
        """The switch to a write-ahead log waits for another process to end its transaction."""
        slept = []
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("CREATE TABLE users (name)")
            other.execute("BEGIN IMMEDIATE")

            async def sleep(seconds):
                slept.append(seconds)
                if other.in_transaction:
                    other.execute("COMMIT")

            monkeypatch.setattr(asyncio, "sleep", sleep)
            async with SqliteLinkStore.open(path, busy_timeout=timedelta(milliseconds=100)) as store:
                assert (await store.put(KEY, TokenSet("at"))).version == 1
        assert slept
        assert max(slept) < 0.1

    async def test_a_new_file_in_use_for_ever(self, path, monkeypatch):
        """It gives up at some time."""
        monkeypatch.setattr(sqlite_schema, "_BUSY_PATIENCE", timedelta(milliseconds=20))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("CREATE TABLE users (name)")
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable):
                async with SqliteLinkStore.open(path, busy_timeout=timedelta(0)):
                    pass

    async def test_a_database_without_write_ahead_log(self, path, monkeypatch):
        """A file that cannot have one is refused: readers would block writers."""

        async def delete_mode(connection):
            return "delete"

        monkeypatch.setattr(sqlite_schema, "_write_ahead_log", delete_mode)
        with pytest.raises(ConfigurationError, match="write-ahead log"):
            async with SqliteLinkStore.open(path):
                pass

    async def test_use_after_closing(self, path):
        """A closed store is unavailable; it does not hang or leak the driver's error."""
        async with SqliteLinkStore.open(path) as store:
            pass
        for call in (store.get(KEY), store.delete(KEY)):
            with pytest.raises(StoreUnavailable):
                await call


class TestUrls:
    @pytest.mark.parametrize(
        ("url", "message"),
        [
            ("mysql://host/db", "postgresql://, not with 'mysql'"),
            ("links.db", "no scheme; a file is sqlite:///links.db"),
            ("sqlite://links.db", "sqlite:///"),
            ("sqlite:///", "sqlite:///"),
            ("sqlite:///:memory:", "memory://"),
        ],
    )
    async def test_what_cannot_be_opened(self, url, message):
        """The error names what a URL may be."""
        with pytest.raises(ValueError, match=message):
            open_store(url)

    async def test_a_store_that_was_not_entered(self):
        """Whoever takes the opening for the store is told what to write."""
        with pytest.raises(TypeError, match=r"async with open_store\(url\) as store"):
            LinkingService(open_store("memory://"), [])
        with pytest.raises(AttributeError, match=r"async with open_store\(...\) as store"):
            await open_store("memory://").links_of("alice")

    async def test_no_password_in_the_error(self):
        """A URL may hold a password, so errors don't quote it."""
        with pytest.raises(ValueError, match="mysql") as caught:
            open_store("mysql://user:secret@host/db")
        assert "secret" not in str(caught.value)

    async def test_relative_and_escaped_paths(self, tmp_path, monkeypatch):
        """Three slashes are relative to the working directory, and %20 is a space."""
        monkeypatch.chdir(tmp_path)
        async with open_store("sqlite:///my%20links.db") as store:
            await store.put(KEY, TokenSet("at"))
        assert (tmp_path / "my links.db").exists()

    async def test_memory(self):
        """memory:// forgets everything at the end."""
        async with open_store("memory://") as store:
            await store.put(KEY, TokenSet("at"))
        async with open_store("memory://") as store:
            assert await store.get(KEY) is None

    @pytest.mark.parametrize(("url", "extra"), [("sqlite:///x", "sqlite"), ("postgresql://x", "postgres")])
    async def test_a_missing_driver(self, url, extra, monkeypatch):
        """The error names the extra to install."""
        for module in list(sys.modules):
            if module.startswith(("extauth.adapters.sqlite", "extauth.adapters.postgres")):
                monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, "aiosqlite", None)
        monkeypatch.setitem(sys.modules, "asyncpg", None)
        with pytest.raises(ModuleNotFoundError, match=rf"extauth\[{extra}\]"):
            open_store(url)


class TestErrors:
    @pytest.mark.parametrize("column", ["oauth_access_token", "oauth_scopes", "oauth_extra", "account_id"])
    async def test_what_cannot_be_decoded_is_not_quoted(self, path, column):
        """sqlite3 repeats the whole text that is no UTF-8, which may be a token."""
        async with SqliteLinkStore.open(path) as store:
            await store.put(KEY, TokenSet("at"))
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                sql = "UPDATE external_auth_links SET %s = CAST(x'736563726574ff' AS TEXT)"
                other.execute(sql % column)
                with pytest.raises(sqlite3.OperationalError, match="secret"):
                    other.execute("SELECT * FROM external_auth_links").fetchall()
            with pytest.raises(LinkUnreadable) as caught:
                await store.get(KEY)
        assert (caught.value.key, caught.value.__cause__, caught.value.__context__) == (KEY, None, None)
        assert "secret" not in "".join(traceback.format_exception(caught.value))

    async def test_what_a_trigger_says_is_not_shown(self, path):
        """It may quote the row. SQLite's own code stays."""
        async with SqliteLinkStore.open(path) as store:
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute(
                    "CREATE TRIGGER no BEFORE INSERT ON external_auth_links BEGIN"
                    " SELECT RAISE(ABORT, 'secret'); END"
                )
            with pytest.raises(StoreUnavailable) as caught:
                await store.put(KEY, TokenSet("at"))
        cause = caught.value.__cause__
        assert (repr(cause), cause.sqlite_errorname) == (
            f"IntegrityError({WITHHELD!r})",
            "SQLITE_CONSTRAINT_TRIGGER",
        )

    async def test_what_sqlite_says_of_the_database_is_shown(self, path):
        """It names tables and states, and helps."""
        async with SqliteLinkStore.open(path) as store:
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("ALTER TABLE external_auth_links RENAME TO elsewhere")
            with pytest.raises(StoreUnavailable) as caught:
                await store.get(KEY)
        assert str(caught.value.__cause__) == "no such table: external_auth_links"

    @pytest.mark.parametrize(
        "damage",
        [
            "oauth_extra = '{'",
            "oauth_extra = '7'",
            "oauth_scopes = '7'",
            "oauth_resource_tokens = '[1]'",
            "oauth_resource_tokens = '{\"a\": {}}'",
            "oauth_access_token = ''",
            "created_at = 'soon'",
            "created_at = 1 << 62",
        ],
    )
    async def test_a_damaged_row_is_a_broken_store(self, path, damage):
        """Nothing but the contract's own error comes of it, and nothing else is in its chain."""
        async with SqliteLinkStore.open(path) as store:
            await store.put(KEY, TokenSet("at"))
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("UPDATE external_auth_links SET " + damage)  # noqa: S608 - ours
            for call in (store.get(KEY), store.links_of("alice")):
                with pytest.raises(StoreUnavailable, match="cannot be read") as caught:
                    await call
                assert (caught.value.__cause__, caught.value.__context__) == (None, None)
