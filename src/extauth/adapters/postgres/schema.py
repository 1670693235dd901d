"""The tables of :class:`PostgresLinkStore` and their versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from extauth.adapters.postgres.audit_schema import AUDIT_TABLES
from extauth.adapters.postgres.due_schema import DUE_INDEXES
from extauth.adapters.postgres.inventory import INVENTORY_TABLES
from extauth.adapters.postgres.meta_row import ONE_ROW, make_it_one, schema_version
from extauth.adapters.postgres.outbox_schema import OUTBOX
from extauth.adapters.postgres.pools import Connection
from extauth.adapters.postgres.probes import Suspects, refuse_what_is_no_store
from extauth.adapters.postgres.sending import fetch_value, fetch_whole
from extauth.adapters.postgres.statements import DURABLE
from extauth.domain.errors import ConfigurationError

MIGRATIONS: Sequence[Sequence[str]] = (
    (
        """CREATE TABLE external_auth_links (
  provider_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  oauth_access_token text NOT NULL,
  oauth_access_token_key_id text,
  oauth_refresh_token text,
  oauth_refresh_token_key_id text,
  oauth_expiry timestamptz,
  oauth_issued_at timestamptz,
  oauth_scopes text NOT NULL,
  oauth_token_type text NOT NULL,
  oauth_extra text NOT NULL,
  oauth_client_id text,
  oauth_token_endpoint text,
  oauth_refresh_failure_reason text,
  oauth_refresh_failure_at timestamptz,
  oauth_refresh_failure_version bigint,
  oauth_refresh_failure_retry_at timestamptz,
  oauth_refresh_failure_attempts bigint,
  lease_owner text,
  lease_taken_at timestamptz,
  lease_expires_at timestamptz,
  unresolved_since timestamptz,
  PRIMARY KEY (provider_id, user_id)
)""",
        "CREATE INDEX external_auth_links_user ON external_auth_links (user_id)",
        "ALTER TABLE external_auth_meta ADD COLUMN retired_version bigint NOT NULL DEFAULT 0",
    ),
    (
        "ALTER TABLE external_auth_links ADD COLUMN oauth_refresh_token_expiry timestamptz",
        "ALTER TABLE external_auth_links ADD COLUMN oauth_resource_tokens text NOT NULL DEFAULT ''",
        "ALTER TABLE external_auth_links ADD COLUMN account_id text",
        "ALTER TABLE external_auth_links ADD COLUMN account_login text",
        "ALTER TABLE external_auth_links ADD COLUMN account_display_name text",
        "ALTER TABLE external_auth_links ADD COLUMN account_avatar_url text",
        """CREATE TABLE external_auth_authorizations (
  state_hash text PRIMARY KEY NOT NULL,
  provider_id text NOT NULL,
  user_id text NOT NULL,
  redirect_uri text NOT NULL,
  salt text,
  scopes text NOT NULL,
  resources text NOT NULL,
  expires_at timestamptz NOT NULL,
  taken_at timestamptz
)""",
        """CREATE INDEX external_auth_authorizations_link
ON external_auth_authorizations (provider_id, user_id)""",
        "CREATE INDEX external_auth_authorizations_expiry ON external_auth_authorizations (expires_at)",
        """CREATE TABLE external_auth_registrations (
  name text PRIMARY KEY NOT NULL,
  issuer text NOT NULL,
  client_id text NOT NULL,
  client_secret text,
  client_secret_expires_at timestamptz,
  client_auth text NOT NULL,
  redirect_uris text NOT NULL,
  registration_uri text,
  registration_token text
)""",
    ),
    ("ALTER TABLE external_auth_links ADD COLUMN oauth_resource text",),
    (
        """CREATE INDEX external_auth_authorizations_user
ON external_auth_authorizations (user_id, expires_at)""",
    ),
    (
        "ALTER TABLE external_auth_authorizations ADD COLUMN sent_challenge boolean",
        "ALTER TABLE external_auth_authorizations ADD COLUMN sent_nonce boolean",
    ),
    (ONE_ROW, "ALTER TABLE external_auth_links ADD COLUMN oauth_written_at timestamptz"),
    (
        "ALTER TABLE external_auth_authorizations ADD COLUMN client_id text",
        "ALTER TABLE external_auth_registrations ADD COLUMN scopes text",
    ),
    (*DUE_INDEXES, *INVENTORY_TABLES, *OUTBOX, *AUDIT_TABLES),
    ("ALTER TABLE external_auth_meta ADD COLUMN history text",),
    ("ALTER TABLE external_auth_meta ADD COLUMN restored_at timestamptz",),
)
"""How to get from each version of the schema to the next, beginning with an empty database.

``external_auth_meta`` has one row; ``retired_version`` is the highest version of any deleted link,
``history`` the one that links are refreshed in, and ``restored_at`` when it was found that nobody knows how
it began. The collation makes order by code point what the primary key's index gives."""

_ALL_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")

TABLES: Mapping[str, Sequence[str]] = {
    "external_auth_meta": ("SELECT", "UPDATE"),
    "external_auth_links": _ALL_RIGHTS,
    "external_auth_authorizations": _ALL_RIGHTS,
    "external_auth_registrations": ("SELECT", "INSERT", "UPDATE"),
    "external_auth_outbox": _ALL_RIGHTS,
    "external_auth_audit": ("SELECT", "INSERT"),
}
"""The tables of the newest version, and the rights that the store's statements need on each."""

COLUMNS: Mapping[str, int] = {
    "external_auth_meta": 6,
    "external_auth_links": 35,
    "external_auth_authorizations": 12,
    "external_auth_registrations": 10,
    "external_auth_outbox": 15,
    "external_auth_audit": 11,
}
"""How many each of them has. One that has others is tried out when a store is opened."""

META_TABLE: Sequence[str] = (
    # Looks for the table again even where to_regclass() remembers that there was none.
    "CREATE TABLE IF NOT EXISTS external_auth_meta (schema_version integer NOT NULL)",
    """INSERT INTO external_auth_meta (schema_version)
SELECT 0 WHERE NOT EXISTS (SELECT FROM external_auth_meta)""",
)
"""What comes before the first of the migrations."""

MIGRATING = "pg_advisory_xact_lock(7306583426011583844)"
"""Takes the lock under which a schema is changed: an arbitrary number, the same for all."""


# Else what is new is made in the first schema of the search_path, which may have come into being since: by
# default that is one of the role's name.
BESIDE_IT = """SELECT set_config('search_path', quote_ident(nspname), true)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE pg_class.oid = to_regclass('external_auth_meta')"""


async def migrate(
    connection: Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS, *, schema: str | None = None
) -> Suspects:
    """Bring the schema up to date in one transaction; many replicas may do so at once.

    Returns the tables that are to be tried out by :func:`~extauth.adapters.postgres.probes.refuse_lost_rows`.

    Takes no lock and needs no right to create tables where there is nothing to do. The lock ends with
    the transaction, so that a pooler cannot keep it.

    :raises ConfigurationError: if the schema is newer than ``migrations`` know, the database does not keep
        Unicode, or the tables are none that a store can be in.
    """
    # Under a stricter isolation the second look would see no more than the first.
    async with connection.transaction(isolation="read_committed"):
        encoding = await fetch_value(connection, "SELECT current_setting('server_encoding')")
        if encoding != "UTF8":
            msg = f"extauth needs a Postgres database with the encoding UTF8, not {encoding}"
            raise ConfigurationError(msg)
        # Undone, so that no table stays locked while this waits for who is changing them.
        first_look = connection.transaction()
        await first_look.start()
        try:
            suspects = await refuse_what_is_no_store(connection, schema, COLUMNS)
            exists = await fetch_value(connection, "SELECT to_regclass('external_auth_meta') IS NOT NULL")
            current = _known(await schema_version(connection), len(migrations)) if exists else None
        finally:
            await first_look.rollback()
        if current == len(migrations):
            return suspects
        await connection.execute(f"SELECT {MIGRATING}, {DURABLE}")
        if not exists:
            for statement in META_TABLE:
                await connection.execute(statement)
        else:
            await connection.execute(BESIDE_IT)
        current = _known(await schema_version(connection), len(migrations))
        if current is None:
            current = _known(await make_it_one(connection), len(migrations)) or 0
        for statements in migrations[current:]:
            for statement in statements:
                await connection.execute(statement)
        if current < len(migrations):
            await fetch_whole(
                connection, "UPDATE external_auth_meta SET schema_version = $1", len(migrations)
            )
            await connection.execute(default_version(len(migrations)))
        return suspects


def default_version(version: int) -> str:
    """Write the statement that lets a row which was lost be put back with this version of the schema."""
    return f"ALTER TABLE external_auth_meta ALTER COLUMN schema_version SET DEFAULT {version}"


def _known(version: int | None, newest: int) -> int | None:
    if version is not None and version > newest:
        msg = (
            f"the database has schema version {version}, but this extauth knows only up to {newest};"
            " upgrade extauth"
        )
        raise ConfigurationError(msg)
    return version
