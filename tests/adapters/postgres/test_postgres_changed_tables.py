"""Tables that are not as extauth has made them: what a copy left out, what somebody has changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from extauth import ConfigurationError, LinkKey, RefreshFailure, StoreUnavailable, open_store
from extauth.adapters.postgres import PostgresLinkStore
from extauth.adapters.postgres.ddl import ddl, stored_version
from extauth.adapters.postgres.schema import COLUMNS, MIGRATIONS, migrate
from extauth.domain.audit import AuditEntry, AuditKind
from extauth.domain.hidden import Hidden
from tests.support.postgres_admin import role_of, run, session
from tests.support.swallowed_writes import KEY, TOKENS

DEAD = RefreshFailure("invalid_grant", datetime.now(UTC), 1)
BOB = LinkKey("github", "bob")
NUMBERED = {
    "external_auth_audit": "INSERT INTO external_auth_audit (kind) SELECT 'put' FROM generate_series(1, 3)",
    "external_auth_outbox": """INSERT INTO external_auth_outbox
        (event_id, type, provider_id, user_id, version, happened_at, due_at)
        SELECT n, 'link.broken', 'github', 'carol', 1, now(), now() FROM generate_series(1, 3) AS n""",
}
LISTENING = "UPDATE external_auth_meta SET outbox_until = 'infinity'"
UNNUMBERED = (
    "ALTER SEQUENCE external_auth_audit_entry_id_seq RESTART",
    "ALTER SEQUENCE external_auth_outbox_number_seq RESTART",
)


@pytest.fixture
async def linked(postgres_dsn: str) -> str:
    """The DSN of a database with alice's link."""
    async with open_store(postgres_dsn) as store:
        await store.put(KEY, TOKENS)
    return postgres_dsn


async def refused(dsn: str, match: str, **options: Any) -> None:
    """Opening says so."""
    with pytest.raises(ConfigurationError, match=match):
        async with open_store(dsn, **options):
            raise AssertionError


async def marked_and_noted(dsn: str) -> None:
    """A mark is written, of which the outbox gets an event, and an entry of the audit trail."""
    async with PostgresLinkStore.open(dsn) as store:
        await store.record_failure(KEY, 1, DEAD)
        await store.audit.append([AuditEntry(AuditKind.EXPORTED, provider_id="github", user_id="alice")])


async def test_numbers_go_on_where_a_copy_left_them_behind(linked):
    """As a logical replication does, which copies rows and no sequences: no write fails for that."""
    await run(linked, *NUMBERED.values(), LISTENING, *UNNUMBERED)
    await marked_and_noted(linked)
    async with session(linked) as admin:
        assert await admin.fetchval("SELECT array_agg(number) FROM external_auth_outbox") == [1, 2, 3, 4]
        # One number was tried, and one more drawn.
        assert await admin.fetchval("SELECT max(entry_id) FROM external_auth_audit") == 4


@pytest.mark.parametrize("table", NUMBERED)
async def test_a_role_that_may_not_number_is_told_what_the_owner_runs(table, linked):
    """Before a mark or an entry is lost; doing it works."""
    await run(linked, NUMBERED[table], LISTENING, *UNNUMBERED)
    async with role_of(linked) as dsn:
        with pytest.raises(ConfigurationError, match=f"as the owner of {table}") as caught:
            async with open_store(dsn):
                raise AssertionError
        await run(linked, str(caught.value).partition("run: ")[2])
        await marked_and_noted(dsn)


@pytest.mark.parametrize("by", ["opening", "its SQL"])
async def test_what_an_upgrade_makes_stands_beside_the_older_tables(by, postgres_dsn):
    """Not in the schema of the role's name, which has come into being since, and is looked into first."""
    async with asyncpg.create_pool(postgres_dsn, min_size=0) as pool, pool.acquire() as connection:
        await migrate(connection, MIGRATIONS[:7])
    await run(postgres_dsn, "CREATE SCHEMA postgres", *(ddl(7) if by == "its SQL" else ()))
    async with open_store(postgres_dsn) as store:
        await store.put(KEY, TOKENS)
        await run(postgres_dsn, LISTENING)
        await store.record_failure(KEY, 1, DEAD)
        assert (await store.delete(KEY)).version == 1
    async with session(postgres_dsn) as admin:
        made = "SELECT count(*) FROM pg_class WHERE relnamespace = 'postgres'::regnamespace"
        assert await admin.fetchval(made) == 0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("ALTER TABLE external_auth_links DROP COLUMN account_login", "account_login"),
        ("ALTER TABLE external_auth_links DROP CONSTRAINT external_auth_links_pkey", "ON CONFLICT"),
        ("ALTER TABLE external_auth_links ADD COLUMN tenant int NOT NULL", "column tenant"),
        (
            "ALTER TABLE external_auth_registrations DROP CONSTRAINT external_auth_registrations_pkey",
            "ON CONF",
        ),
        ("ALTER TABLE external_auth_audit ALTER entry_id DROP IDENTITY", "column entry_id"),
    ],
)
async def test_a_table_that_is_not_as_it_was_made(change, named, postgres_dsn):
    """As copied by CREATE TABLE AS, or with a column that nobody fills: found before a user connects."""
    async with open_store(postgres_dsn):
        pass
    await run(postgres_dsn, change)
    await refused(postgres_dsn, named)


async def test_what_does_not_keep_rows_from_being_written_is_no_matter(linked):
    """As a column more, or a trail that may be written and not be read."""
    await run(
        linked,
        "ALTER TABLE external_auth_links ADD COLUMN tenant int NOT NULL DEFAULT 1, ADD COLUMN note text",
        'ALTER TABLE external_auth_links ADD COLUMN "user" text',
        "ALTER TABLE external_auth_audit ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY written ON external_auth_audit FOR INSERT WITH CHECK (true)",
        "ALTER TABLE external_auth_audit ADD COLUMN shipped boolean",
    )
    async with role_of(linked) as dsn, open_store(dsn) as store:
        assert (await store.put(BOB, TOKENS)).version == 1


@pytest.mark.parametrize(
    "theirs",
    [
        "CREATE TABLE external_auth_links (a int)",
        "CREATE VIEW external_auth_links AS SELECT 1",
        "CREATE TYPE external_auth_links AS (a int)",
        "CREATE TABLE external_auth_meta (a int)",
        "CREATE TABLE external_auth_meta (schema_version text); INSERT INTO external_auth_meta VALUES ('x')",
        "CREATE FUNCTION external_auth_outbox_write() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
async def test_tables_of_somebody_elses_are_refused(theirs, postgres_dsn):
    """No waiting mends that; nothing of ours is made beside them."""
    await run(postgres_dsn, theirs)
    await refused(postgres_dsn, "not as it has made them")
    if "meta" in theirs:
        with pytest.raises(ConfigurationError, match="not as it has made them"):
            await stored_version(Hidden(postgres_dsn))
    async with session(postgres_dsn) as admin:
        found = (
            "SELECT count(*) FROM pg_class WHERE relname LIKE 'external_auth%' AND relkind IN ('r', 'v', 'c')"
        )
        assert await admin.fetchval(found) == ("FUNCTION" not in theirs)


async def test_how_many_columns_each_table_has(postgres_dsn):
    """No more and no fewer, so that a table as it was made is not tried out."""
    async with open_store(postgres_dsn):
        pass
    async with session(postgres_dsn) as admin:
        found = await admin.fetch(
            "SELECT table_name, count(*) FROM information_schema.columns"
            " WHERE table_name LIKE 'external_auth%' GROUP BY 1"
        )
    assert dict(COLUMNS) == dict(found)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["REVOKE UPDATE ON external_auth_links FROM {role}"], "extauth schema postgres --role"),
        (
            ["ALTER TABLE external_auth_links RENAME TO elsewhere"],
            "not as it has made them.*external_auth_links",
        ),
        (
            ["ALTER TABLE external_auth_links ADD CONSTRAINT few CHECK (version < 2) NOT VALID"],
            "constraint few",
        ),
        (
            ["ALTER TABLE external_auth_links ALTER oauth_access_token TYPE varchar(1) USING 'a'"],
            "without a limit",
        ),
        (["CREATE UNIQUE INDEX one_each ON external_auth_links (oauth_token_type)"], "constraint one_each"),
        (
            [
                "ALTER TABLE external_auth_links ADD tenant int NOT NULL DEFAULT 1",
                "ALTER TABLE external_auth_links ALTER tenant DROP DEFAULT",
            ],
            "column tenant",
        ),
        (
            [
                "ALTER TABLE external_auth_links REPLICA IDENTITY NOTHING",
                "CREATE PUBLICATION everything FOR ALL TABLES",
            ],
            "replica identity",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_changed_under_a_store_that_is_open(changes, said, linked):
    """The error says what, in names of the database's and in no value of a row."""
    async with role_of(linked) as dsn, open_store(dsn) as store:
        role = dsn.partition("://")[2].partition(":")[0]
        await run(linked, *(change.format(role=role) for change in changes))
        with pytest.raises(StoreUnavailable, match=said):
            await saved_and_put(store)


async def saved_and_put(store: Any) -> None:
    """Save alice's link, and put bob's."""
    await store.save(KEY, 1, TOKENS)
    await store.put(BOB, TOKENS)


@pytest.mark.parametrize("setting", ["statement_timeout", "lock_timeout", "command_timeout"])
async def test_a_lock_that_is_in_the_way_is_told(setting, linked):
    """Of a session that was left open; whichever time-out ends the wait."""
    async with role_of(linked) as dsn, session(linked) as admin:
        role = dsn.partition("://")[2].partition(":")[0]
        if setting != "command_timeout":
            await admin.execute(f"ALTER ROLE {role} SET {setting} = 200")
        patience = timedelta(milliseconds=200 if setting == "command_timeout" else 10_000)
        async with open_store(dsn, command_timeout=patience) as store, admin.transaction():
            await admin.execute("SELECT FROM external_auth_links FOR UPDATE")
            with pytest.raises(StoreUnavailable, match=r"left (a transaction )?open"):
                await store.save(KEY, 1, TOKENS)


async def test_a_search_path_that_leads_nowhere(linked):
    """The error says so, and where the links are."""
    async with role_of(linked) as dsn:
        await run(linked, f"ALTER ROLE {dsn.partition('://')[2].partition(':')[0]} SET search_path = nowhere")
        await refused(dsn, "leads to no schema .* schema public holds")


@pytest.mark.parametrize("kind", ["interval", "timestamptz", "bytea", "jsonb"])
async def test_a_pool_that_decodes_otherwise(kind, linked):
    """As asyncpg's documentation shows it for intervals: rows that are right would be called unreadable."""

    async def init(connection: Any) -> None:
        await connection.set_type_codec(kind, schema="pg_catalog", encoder=str, decoder=str, format="text")

    async with asyncpg.create_pool(linked, min_size=0, init=init) as pool:
        if kind == "jsonb":  # which the store's tables have not
            async with PostgresLinkStore(pool) as store:
                assert (await store.get(KEY)).version == 1
        else:
            with pytest.raises(ConfigurationError, match="set_type_codec"):
                async with PostgresLinkStore(pool):
                    raise AssertionError
