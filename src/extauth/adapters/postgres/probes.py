"""What an opening looks for in a database that answers and yet is no store.

Tables that are looked up elsewhere than before, rows that are hidden, a copy that another server writes to,
and triggers that swallow a write. Each would say "not connected" of links that are there, or exclude nobody.
What only a write shows is written and undone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from secrets import token_hex
from typing import TypeAlias, cast, final

import asyncpg
import attrs

from extauth.adapters.postgres import statements
from extauth.adapters.postgres.connections import Connections
from extauth.adapters.postgres.failures import presentable
from extauth.adapters.postgres.leases import claim_parameters
from extauth.adapters.postgres.linking import Authorizations, Registrations
from extauth.adapters.postgres.pools import Connection
from extauth.adapters.postgres.row import Row
from extauth.adapters.postgres.rows import Parameters, key_parameters, origin_parameters, token_parameters
from extauth.adapters.postgres.sending import Rows, fetch_value, fetch_whole
from extauth.adapters.postgres.sqlstates import numbers_behind
from extauth.adapters.sql import link_columns as column
from extauth.adapters.sql.conditional_writes import swallowed
from extauth.domain.errors import ConfigurationError, StoreUnavailable
from extauth.domain.link import LinkKey
from extauth.domain.linking import ClientRegistration, PendingAuthorization
from extauth.domain.linking_outcomes import Taken
from extauth.domain.token_set import TokenSet

_Probe: TypeAlias = "Callable[[_OnOne, str], Awaitable[None]]"

META, LINKS = "external_auth_meta", "external_auth_links"
AUTHORIZATIONS, REGISTRATIONS = "external_auth_authorizations", "external_auth_registrations"
OUTBOX, AUDIT = "external_auth_outbox", "external_auth_audit"

# All sets of tables in this database, beginning with the one that the names mean here.
_TABLES = """SELECT relname::text, nspname::text, is_used, row_security_active(class.oid),
  EXISTS (SELECT FROM pg_trigger WHERE tgrelid = class.oid AND NOT tgisinternal AND tgenabled <> 'D'
    AND tgtype & 2 = 2),
  EXISTS (SELECT FROM pg_subscription_rel WHERE srrelid = class.oid),
  (SELECT count(*) FROM pg_attribute WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped),
  EXISTS (SELECT FROM pg_index WHERE indrelid = class.oid AND indisprimary)
    AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = class.oid AND attname IN ('number', 'entry_id')
      AND attidentity = '' AND NOT atthasdef),
  has_schema_privilege(relnamespace, 'USAGE') AND has_table_privilege(class.oid, 'SELECT')
FROM pg_class AS class JOIN pg_namespace ON pg_namespace.oid = relnamespace
CROSS JOIN LATERAL (SELECT class.oid IS NOT DISTINCT FROM to_regclass(relname::text) AS is_used) AS lookup
WHERE (relkind IN ('r', 'p') OR is_used) AND relname = ANY($1::text[]) ORDER BY is_used DESC, nspname"""

# What is done with events and entries is the administrator's affair, as long as they can be written.
_NUMBERED = f"""SELECT CASE WHEN EXISTS (SELECT FROM {OUTBOX}) THEN '{OUTBOX}' END,
  CASE WHEN EXISTS (SELECT FROM {AUDIT}) THEN '{AUDIT}' END"""  # noqa: S608
_EVENT = f"""INSERT INTO {OUTBOX} (event_id, type, provider_id, user_id, version, happened_at, due_at)
VALUES ($1, $1, $1, $1, 1, clock_timestamp(), clock_timestamp()) RETURNING true"""  # noqa: S608
_ENTRY = f"INSERT INTO {AUDIT} (kind) VALUES ($1) RETURNING true"  # noqa: S608

_NOT_EMPTY = f"SELECT EXISTS (SELECT FROM {META})"  # noqa: S608

_ENABLED = """SELECT EXISTS (SELECT FROM pg_subscription_rel
JOIN pg_subscription ON pg_subscription.oid = srsubid
WHERE srrelid = to_regclass($1::text) AND subenabled)"""

_HIDDEN = (
    "row-level security keeps rows of {table} from this role, so that links would seem not to be there; give"
    " the role BYPASSRLS, or a policy that lets it read and write every row of extauth's tables"
)
_SUBSCRIBER = (
    "{table} is the target of a logical replication: what is claimed here excludes nobody who uses the"
    " publisher; give the publisher's address, or drop the subscription if this is the database from now on"
)
_ELSEWHERE = (
    "the search_path leads to {here}, where extauth's tables hold nothing, while those in the schema {other}"
    " hold links; set the search_path back, or open the store with schema={here!r} if it is to have its own"
)
_NOWHERE = (
    "the search_path leads to no schema that there is, or that this role may use, while the schema {other}"
    " holds extauth's links; set the search_path back"
)
_NOT_THERE = "extauth's tables are to be in the schema {schema}, but the search_path leads to {here}; set it"


@final
@attrs.frozen
class Suspects:
    """Tables of which rows may be hidden, those on which a trigger may swallow a write, and those that have
    other columns than they were made with, no primary key, or rows that are not numbered."""

    hiding: frozenset[str]
    triggered: frozenset[str]
    changed: frozenset[str]


async def refuse_what_is_no_store(
    connection: Connection, schema: str | None, columns: Mapping[str, int]
) -> Suspects:
    """Look at the tables that there are, before anything is read from them or made.

    ``columns`` says how many each is to have.

    :raises ConfigurationError: if they are hidden, another server's, or not those that were used before.
    """
    tables = await fetch_whole(connection, _TABLES, [*columns])
    used = [row for row in tables if row[2]]
    of_links = [row for row in used if row[0] not in {OUTBOX, AUDIT}]
    for table, _, _, hides, _, subscribes, *_ in of_links:
        if hides and table == META and not await fetch_value(connection, _NOT_EMPTY):
            raise ConfigurationError(_HIDDEN.format(table=table))
        if subscribes and await _is_subscribed(connection, table):
            raise ConfigurationError(_SUBSCRIBER.format(table=table))
    others = [row[1] for row in tables if row[0] == LINKS and not row[2] and row[8]]
    here = used[0][1] if used else await fetch_value(connection, "SELECT current_schema()::text")
    if schema is not None:
        if schema != here:
            raise ConfigurationError(_NOT_THERE.format(schema=schema, here=here))
        others = []
    if others and not (used and await _was_used(connection)):
        await _refuse_links_elsewhere(connection, here, others)
    return Suspects(
        hiding=frozenset(row[0] for row in of_links if row[3]),
        triggered=frozenset(row[0] for row in of_links if row[4]),
        changed=frozenset(row[0] for row in used if row[6] != columns[row[0]] or not row[7]),
    )


async def _refuse_links_elsewhere(connection: Connection, here: str | None, others: Sequence[str]) -> None:
    for other in others:
        quoted = '"' + other.replace('"', '""') + '"'
        if await fetch_value(connection, f"SELECT EXISTS (SELECT FROM {quoted}.{LINKS})"):  # noqa: S608
            raise ConfigurationError(
                (_NOWHERE if here is None else _ELSEWHERE).format(here=here, other=other)
            )


async def _is_subscribed(connection: Connection, table: str) -> bool:
    readable = "SELECT has_column_privilege('pg_catalog.pg_subscription', 'oid', 'SELECT')"
    if not await fetch_value(connection, readable):
        return True  # before Postgres 14 nobody else may know whether it is enabled
    return bool(await fetch_value(connection, _ENABLED, table))


async def _was_used(connection: Connection) -> bool:
    found = await fetch_value(
        connection, f"SELECT to_regclass('{LINKS}') IS NOT NULL AND to_regclass('{META}') IS NOT NULL"
    )
    if not found:
        return False
    any_link = f"SELECT EXISTS (SELECT FROM {LINKS}) OR EXISTS (SELECT FROM {META} WHERE retired_version > 0)"  # noqa: S608
    return bool(await fetch_value(connection, any_link))


async def refuse_lost_rows(connection: Connection, suspects: Suspects) -> None:
    """Write a row to each table that has triggers, row-level security or other columns, read and undo it.

    So it is with those whose rows are numbered, if they have any: a copy may number from the beginning.

    :raises ConfigurationError: if what is written is hidden or swallowed.
    """
    [numbered] = await fetch_whole(connection, _NUMBERED)
    filled = {str(table) for table in numbered if table is not None}
    suspected = suspects.hiding | suspects.triggered | suspects.changed | filled
    for table, probe in _PROBES.items():
        concerned = {table, META} if table == LINKS else {table}
        if concerned & suspected:
            await _try_out(connection, table, probe, hides=bool(concerned & suspects.hiding))


async def _try_out(connection: Connection, table: str, probe: _Probe, *, hides: bool) -> None:
    refused: Exception | None = None
    behind: asyncpg.UniqueViolationError | None = None
    undone = connection.transaction(isolation="read_committed")
    await undone.start()
    try:
        await probe(_OnOne(connection), f"extauth probe {token_hex(16)}")
    except StoreUnavailable as error:
        refused = error
    except asyncpg.InsufficientPrivilegeError as error:
        if not hides:
            raise
        refused = presentable(error)
    except asyncpg.UniqueViolationError as error:
        behind = error
    finally:
        await undone.rollback()
    if behind is not None:
        await _number(connection, behind)
    if refused is not None:
        raise ConfigurationError(_HIDDEN.format(table=table) if hides else str(refused)) from refused


async def _number(connection: Connection, behind: asyncpg.UniqueViolationError) -> None:
    onward = numbers_behind(behind)
    if onward is None:
        raise behind
    try:
        await connection.execute(onward)
    except asyncpg.InsufficientPrivilegeError:
        pass
    else:
        return
    raise behind  # it says what the owner is to run


@final
class _OnOne:
    """Runs statements within the transaction of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, sql: str, *arguments: object) -> Rows:
        return await fetch_whole(self._connection, sql, *arguments)

    write = read


async def _links(connection: _OnOne, name: str) -> None:
    key = LinkKey(name, name)
    at_key = key_parameters(key)
    put = Parameters(*at_key, *token_parameters(TokenSet("none")), *origin_parameters(None))
    version = (await _found(connection, statements.PUT, put))[column.VERSION]
    await _found(connection, statements.GET, at_key)
    claim = claim_parameters(key, version, name, timedelta(minutes=1), takeover=True)
    await _found(connection, statements.CLAIM_IN_SILENCE, claim)
    await _found(connection, statements.PUT, put)
    await _found(connection, statements.DELETE, at_key)


async def _found(connection: _OnOne, sql: str, parameters: Parameters) -> Row:
    rows = await connection.write(sql, *parameters)
    if not rows:
        raise swallowed()
    return rows[0]


async def _authorizations(connection: _OnOne, name: str) -> None:
    pending = PendingAuthorization(state_hash=name, key=LinkKey(name, name), redirect_uri="none", salt="none")
    authorizations = Authorizations(cast("Connections", connection))
    await authorizations.begin(pending, timedelta(minutes=1), 1)
    if not isinstance(await authorizations.take(name, name), Taken):
        raise swallowed()


async def _registrations(connection: _OnOne, name: str) -> None:
    registrations = Registrations(cast("Connections", connection))
    await registrations.keep(name, ClientRegistration(issuer="none", client_id="none"), None)
    if await registrations.get(name) is None:
        raise swallowed()
    await registrations.keep(name, ClientRegistration(issuer="none", client_id="none"), None)


async def _outbox(connection: _OnOne, name: str) -> None:
    await connection.write(_EVENT, name)


async def _audit(connection: _OnOne, name: str) -> None:
    await connection.write(_ENTRY, name)


_PROBES: Mapping[str, _Probe] = {
    LINKS: _links,
    AUTHORIZATIONS: _authorizations,
    REGISTRATIONS: _registrations,
    OUTBOX: _outbox,
    AUDIT: _audit,
}
"""What is written to each table, by a name like no other, and must be found there by the next statement."""
