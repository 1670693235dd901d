"""The tables of :class:`SqliteLinkStore`, their versions, and what makes a commit durable."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import timedelta

from extauth.adapters.sqlite.audit_schema import AUDIT_TABLES
from extauth.adapters.sqlite.due_schema import DUE_INDEXES
from extauth.adapters.sqlite.failures import others_tables, primary_code
from extauth.adapters.sqlite.inventory import INVENTORY_TABLES
from extauth.adapters.sqlite.outbox_schema import OUTBOX
from extauth.adapters.sqlite.unseen import Unseen
from extauth.domain.errors import ConfigurationError

OLDEST_SQLITE = (3, 35)
"""The first SQLite with ``UPDATE ... RETURNING``."""

MIGRATIONS: Sequence[Sequence[str]] = (
    (
        """CREATE TABLE external_auth_links (
  provider_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  oauth_access_token TEXT NOT NULL,
  oauth_access_token_key_id TEXT,
  oauth_refresh_token TEXT,
  oauth_refresh_token_key_id TEXT,
  oauth_expiry INTEGER,
  oauth_issued_at INTEGER,
  oauth_scopes TEXT NOT NULL,
  oauth_token_type TEXT NOT NULL,
  oauth_extra TEXT NOT NULL,
  oauth_client_id TEXT,
  oauth_token_endpoint TEXT,
  oauth_refresh_failure_reason TEXT,
  oauth_refresh_failure_at INTEGER,
  oauth_refresh_failure_version INTEGER,
  oauth_refresh_failure_retry_at INTEGER,
  oauth_refresh_failure_attempts INTEGER,
  lease_owner TEXT,
  lease_taken_at INTEGER,
  lease_expires_at INTEGER,
  unresolved_since INTEGER,
  PRIMARY KEY (provider_id, user_id)
)""",
        "CREATE INDEX external_auth_links_user ON external_auth_links (user_id)",
        "ALTER TABLE external_auth_meta ADD COLUMN retired_version INTEGER NOT NULL DEFAULT 0",
        """CREATE TRIGGER external_auth_links_retire AFTER DELETE ON external_auth_links BEGIN
  UPDATE external_auth_meta SET retired_version = max(retired_version, old.version);
END""",
    ),
    (
        "ALTER TABLE external_auth_links ADD COLUMN oauth_refresh_token_expiry INTEGER",
        "ALTER TABLE external_auth_links ADD COLUMN oauth_resource_tokens TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE external_auth_links ADD COLUMN account_id TEXT",
        "ALTER TABLE external_auth_links ADD COLUMN account_login TEXT",
        "ALTER TABLE external_auth_links ADD COLUMN account_display_name TEXT",
        "ALTER TABLE external_auth_links ADD COLUMN account_avatar_url TEXT",
        """CREATE TABLE external_auth_authorizations (
  state_hash TEXT PRIMARY KEY NOT NULL,
  provider_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  salt TEXT,
  scopes TEXT NOT NULL,
  resources TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  taken_at INTEGER
)""",
        """CREATE INDEX external_auth_authorizations_link
ON external_auth_authorizations (provider_id, user_id)""",
        "CREATE INDEX external_auth_authorizations_expiry ON external_auth_authorizations (expires_at)",
        """CREATE TABLE external_auth_registrations (
  name TEXT PRIMARY KEY NOT NULL,
  issuer TEXT NOT NULL,
  client_id TEXT NOT NULL,
  client_secret TEXT,
  client_secret_expires_at INTEGER,
  client_auth TEXT NOT NULL,
  redirect_uris TEXT NOT NULL,
  registration_uri TEXT,
  registration_token TEXT
)""",
    ),
    ("ALTER TABLE external_auth_links ADD COLUMN oauth_resource TEXT",),
    (
        """CREATE INDEX external_auth_authorizations_user
ON external_auth_authorizations (user_id, expires_at)""",
    ),
    (
        "ALTER TABLE external_auth_authorizations ADD COLUMN sent_challenge INTEGER",
        "ALTER TABLE external_auth_authorizations ADD COLUMN sent_nonce INTEGER",
    ),
    # One row for good: a key that only one can have, and no way to delete it.
    (
        "CREATE TEMP TABLE external_auth_meta_kept (schema_version, retired_version)",
        """INSERT INTO external_auth_meta_kept
SELECT max(schema_version), max(retired_version) FROM external_auth_meta""",
        "DROP TABLE external_auth_meta",
        """CREATE TABLE external_auth_meta (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  schema_version INTEGER NOT NULL,
  retired_version INTEGER NOT NULL
)""",
        "INSERT INTO external_auth_meta SELECT 1, * FROM external_auth_meta_kept",
        "DROP TABLE external_auth_meta_kept",
        """CREATE TRIGGER external_auth_meta_keep BEFORE DELETE ON external_auth_meta BEGIN
  SELECT RAISE(IGNORE);
END""",
        "ALTER TABLE external_auth_links ADD COLUMN oauth_written_at INTEGER",
    ),
    (
        "ALTER TABLE external_auth_authorizations ADD COLUMN client_id TEXT",
        "ALTER TABLE external_auth_registrations ADD COLUMN scopes TEXT",
    ),
    (*DUE_INDEXES, *INVENTORY_TABLES, *OUTBOX, *AUDIT_TABLES),
    (
        "ALTER TABLE external_auth_meta ADD COLUMN history TEXT",
        "ALTER TABLE external_auth_meta ADD COLUMN restored_at INTEGER",
    ),
)
"""How to get from each version of the schema to the next, beginning with an empty file."""

META = "external_auth_meta"

META_TABLE: Sequence[str] = (
    "CREATE TABLE external_auth_meta (schema_version INTEGER NOT NULL)",
    "INSERT INTO external_auth_meta VALUES (0)",
)
"""What comes before the first of them."""

_OVERWRITE = "PRAGMA secure_delete = ON"
"""Off by default, as SQLite comes; some distributions build it with the default on."""

_BUSY_PATIENCE = timedelta(seconds=30)


async def migrate(connection: Unseen, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring the schema up to date in one transaction; several processes may do so at once.

    :raises ConfigurationError: if the schema is newer than ``migrations`` know, nothing says which it is,
        or the tables are not extauth's.
    """
    if await _schema_version(connection) == len(migrations):
        return
    await connection.execute("BEGIN IMMEDIATE")
    try:
        current = await _schema_version(connection)
        if current > len(migrations):
            msg = (
                f"the database has schema version {current}, but this extauth knows only up to"
                f" {len(migrations)}; upgrade extauth"
            )
            raise ConfigurationError(msg)
        if current == 0:
            for statement in META_TABLE:
                await connection.execute(statement)
        for statements in migrations[current:]:
            for statement in statements:
                await connection.execute(statement)
        await connection.execute("UPDATE external_auth_meta SET schema_version = ?", (len(migrations),))
        await connection.execute("COMMIT")
    except BaseException:
        await connection.rollback()
        raise


async def _schema_version(connection: Unseen) -> int:
    exists = await connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'external_auth_meta'"
    )
    if not exists:
        return 0
    rows = await connection.execute("SELECT max(schema_version) FROM external_auth_meta")
    if rows[0][0] is None:
        msg = (
            "the one row of external_auth_meta is missing, as in a copy without data, and nothing else says"
            " which version the schema has; restore the file, or drop extauth's tables if they are empty, so"
            " that they are made anew"
        )
        raise ConfigurationError(msg)
    return known_version(rows[0][0])


def known_version(said: object) -> int:
    """Return a version of the schema.

    :raises ConfigurationError: for what is none.
    """
    if not isinstance(said, int):
        raise others_tables(META)
    return said


async def make_durable(connection: Unseen) -> None:
    """Make a commit survive a power cut, and let readers go on during a write.

    :raises ConfigurationError: if this SQLite is too old or cannot keep a write-ahead log here.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        msg = f"extauth needs SQLite 3.35 or newer, not {sqlite3.sqlite_version}"
        raise ConfigurationError(msg)
    await connection.execute("PRAGMA synchronous = FULL")
    # SQLite doesn't wait out its busy timeout when several processes switch a new file to WAL.
    async with asyncio.timeout(_BUSY_PATIENCE.total_seconds()):
        while (mode := await _write_ahead_log(connection)) == "busy":
            await asyncio.sleep(0.01)
    if mode not in {"wal", "memory"}:
        msg = f"the SQLite file cannot use a write-ahead log (its journal mode is {mode})"
        raise ConfigurationError(msg)


async def overwrite_what_is_deleted(connection: Unseen) -> None:
    """Leave nothing of a deleted or replaced token in the file's free space.

    Older pages stay in the write-ahead log until it is written over, or removed by who closes the file last.
    """
    await connection.execute(_OVERWRITE)


async def _write_ahead_log(connection: Unseen) -> str:
    try:
        rows = await connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if primary_code(error) != sqlite3.SQLITE_BUSY:
            raise
        return "busy"
    return str(rows[0][0])
