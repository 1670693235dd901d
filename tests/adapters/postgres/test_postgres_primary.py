"""What keeps statements on the primary where a pooler reads on standbys as well.

That it does is seen with the real pgpool-II (`test_postgres_pgpool.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import asyncpg
import pytest

from extauth.adapters.postgres import PostgresLinkStore, UniqueNamesConnection
from extauth.adapters.postgres.sending import ON_THE_PRIMARY
from tests.adapters.postgres.whole_store import look_at_all_of, use_all_of

_NO_CHOICE = (
    *("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "ALTER TABLE", "CREATE ", "INSERT INTO external_auth_meta"),
    "SELECT pg_advisory_xact_lock",  # volatile, at the head of a transaction that writes
    "SELECT pg_advisory_unlock_all();",  # the driver's
)
"""What no load balancer has a choice about."""

_VOLATILE = (
    "clock_timestamp()",
    "pg_current_wal_lsn()",
    "pg_is_in_recovery()",
    "pg_backend_pid()",
    "set_config(",
    "pg_control_system()",
)

_BY_THE_COMMENT_ALONE = {
    "ORDER BY split_part(provider_id": "what is due; a flight reads the link itself before it presents it",
    "substr(oauth_access_token, 1, 8)": "which keys are in use",
    "substr(client_secret, 1, 8)": "the same",
    "substr(salt, 1, 8)": "the same",
    "FROM external_auth_registrations WHERE name": "a registration, which is written once",
    "taken_at IS NOT NULL FROM external_auth_authorizations": "a list for people",
    "FROM external_auth_audit": "a list for people",
    "FROM external_auth_outbox": "a list for people",
    "oauth_refresh_token IS NOT NULL,\n": "what ends soon; telling of it is a write with its own conditions",
    "LIMIT 1 OFFSET": "where a stretch of a list ends",
    "FROM pg_class": "of tables, when the store is opened",
    "to_regclass(": "the same",
    "FROM external_auth_meta": "the same",
    "current_": "of a setting or a schema, when the store is opened",
    "pg_prepared_statements": "of the connection itself",
}
"""The statements that have no volatile function, and what they are for."""


if TYPE_CHECKING:
    _Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection  # generic in the stubs only


class _Plain(_Connection):
    """One that keeps what it is given."""

    sent: ClassVar[set[str]]

    async def execute(self, query: str, *args: Any, **options: Any) -> Any:
        self.sent.add(query)
        return await super().execute(query, *args, **options)

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        self.sent.add(query)
        return await super().fetch(query, *args, **options)

    async def prepare(self, query: str, **options: Any) -> Any:
        self.sent.add(query)
        return await super().prepare(query, **options)


class _Named(_Plain, UniqueNamesConnection):
    """The same, with statements that have names."""


@pytest.fixture(params=[_Named, _Plain], ids=["by name", "whole"])
async def sent(
    request: pytest.FixtureRequest, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> set[str]:
    """All that a store sends, from the making of its tables on."""
    found = set[str]()
    monkeypatch.setattr(_Plain, "sent", found, raising=False)
    async with (
        asyncpg.create_pool(postgres_dsn, min_size=0, max_size=3, connection_class=request.param) as pool,
        PostgresLinkStore(pool) as store,
    ):
        await use_all_of(store)
        await look_at_all_of(store)
    return found


def test_every_statement_begins_with_the_comment(sent):
    """But for those of which nobody has a choice."""
    others = {each for each in sent if not each.startswith(_NO_CHOICE)}
    assert len(others) > 30
    assert {each for each in others if not each.startswith(ON_THE_PRIMARY)} == set()


def test_what_reads_links_has_a_volatile_function_besides(sent):
    """With which it stays there even where comments are nothing. Of what has none it is said what it is."""
    read = [each for each in sent if each.startswith(f"{ON_THE_PRIMARY}SELECT")]
    balanced = [each for each in read if not any(name in each for name in _VOLATILE)]
    without = [each for each in balanced if not any(part in each for part in _BY_THE_COMMENT_ALONE)]
    needless = {part for part in _BY_THE_COMMENT_ALONE if not any(part in each for each in balanced)}
    assert without == []
    assert needless <= {"pg_prepared_statements"}  # where statements have names
