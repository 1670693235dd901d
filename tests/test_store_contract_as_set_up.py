"""The contracts on Postgres as administrators set it up: one row per set-up.

Each is one database, emptied before every test, and a role that may read and write rows alone.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import attrs
import pytest

from extauth import open_store
from extauth.adapters.postgres.outbox_schema import TRIGGERS
from tests.servers.postgres_server import PostgresServer
from tests.support.postgres_admin import run
from tests.test_store_contract import TestPostgresLinkStore as _Contracts

TOUCH = """CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN NEW.updated_at = clock_timestamp() + interval ''1 second''; RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON external_auth_links FOR EACH ROW EXECUTE FUNCTION touch()"""

PARTITIONS = """ALTER TABLE external_auth_links RENAME TO whole;
CREATE TABLE external_auth_links (LIKE whole INCLUDING ALL) PARTITION BY HASH (provider_id, user_id);
CREATE TABLE links_0 PARTITION OF external_auth_links FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE links_1 PARTITION OF external_auth_links FOR VALUES WITH (MODULUS 2, REMAINDER 1);
DROP TABLE whole;
""" + ";".join(TRIGGERS.values())

POLICIES = "".join(
    f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; CREATE POLICY everything ON {table} USING (true);"
    for table in ("external_auth_links", "external_auth_authorizations", "external_auth_registrations")
)


@contextmanager
def set_up(server: PostgresServer, changes: Sequence[str], settings: Mapping[str, str]) -> Iterator[_SetUp]:
    """A database with these changes to extauth's tables, and a role with these settings."""
    role = f"app_{uuid.uuid4().hex}"
    database = server.fresh_database()

    async def made(dsn: str) -> None:
        async with open_store(dsn):
            pass
        await run(
            dsn,
            f"CREATE ROLE {role} LOGIN PASSWORD 'app'",
            *(f"ALTER ROLE {role} SET {name} = '{value}'" for name, value in settings.items()),
            *changes,
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        )

    with asyncio.Runner() as runner:
        dsn = runner.run(database.__aenter__())
        runner.run(made(dsn))
        yield _SetUp(dsn, dsn.replace("://postgres@", f"://{role}:app@", 1))
        runner.run(run(dsn, f"DROP OWNED BY {role}", f"DROP ROLE {role}"))
        runner.run(database.__aexit__(None, None, None))


@attrs.frozen
class _SetUp:
    owner: str
    role: str


class _AsSetUp(_Contracts):
    @pytest.fixture(scope="module")
    @staticmethod
    def shared_postgres_dsn(given: _SetUp) -> str:
        return given.owner

    @pytest.fixture(autouse=True)
    def _role(self, given: _SetUp) -> None:
        self.of_role = given.role

    def open_store(self):
        return open_store(self.of_role)

    open_another = open_store


class TestPostgresOfStrictAdministrators(_AsSetUp):
    """Serializable, with every time-out, another encoding of the client's, and a trigger on each change."""

    @pytest.fixture(scope="module")
    @staticmethod
    def given(postgres_server: PostgresServer) -> Iterator[_SetUp]:
        settings = {
            "default_transaction_isolation": "serializable",
            "statement_timeout": "5s",
            "lock_timeout": "2s",
            "idle_in_transaction_session_timeout": "5s",
            "client_encoding": "LATIN1",
            "synchronous_commit": "off",
            "TimeZone": "Asia/Kolkata",
            "DateStyle": "German",
            "IntervalStyle": "sql_standard",
        }
        with set_up(postgres_server, [TOUCH], settings) as given:
            yield given


class TestPostgresOfPartitions(_AsSetUp):
    """Repeatable read, with links in partitions, and policies for rows that let all through."""

    @pytest.fixture(scope="module")
    @staticmethod
    def given(postgres_server: PostgresServer) -> Iterator[_SetUp]:
        settings = {"default_transaction_isolation": "repeatable read"}
        with set_up(postgres_server, [PARTITIONS, POLICIES], settings) as given:
            yield given
