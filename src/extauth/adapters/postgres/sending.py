"""How statements get to the server: by a name that they have there, or whole.

A statement that is prepared under a name is parsed and planned once. The name belongs to one server
connection, and behind a pooler the next message may go to another. So names are used only where no other
connection can have them, and given up at the first sign that they are not kept.

A statement that is sent whole has no name. asyncpg has it described, and then parsed again, bound and
executed. All of that is one transaction to the server; should a pooler part the two nevertheless, the second
can do without the first.

A pooler that reads on standbys (pgpool-II) does so for what it takes for a mere reading: a standby that is
behind would say that a link is not there, or give a refresh token that was used up. So every statement begins
with a comment, which keeps it on the primary.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeAlias, final

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from extauth.adapters.postgres.failures import DRIVER_ERRORS, LOST_NAME
from extauth.adapters.postgres.pools import Connection
from extauth.adapters.postgres.row import Row
from extauth.adapters.postgres.unique_names import prefix_of

Rows: TypeAlias = list[Row]

_log = logging.getLogger(__name__)

LONGEST = 4096
"""Characters: no statement that is sent by name has more."""

ON_THE_PRIMARY = "/* on the primary */ "
"""What each statement begins with: pgpool-II reads on a standby only what begins with SELECT or WITH, unless
``allow_sql_comments`` is on. Source, seen 2026-11: https://www.pgpool.net/docs/43/en/html/runtime-config-load-balancing.html
"""


@lru_cache(maxsize=256)
def on_the_primary(sql: str) -> str:
    """Return a statement with that. Remembered, since drivers look statements up by their text: a new one has
    to be hashed each time."""
    return ON_THE_PRIMARY + sql


@final
class Sending:
    """Sends a store's statements, each of which is a transaction of its own.

    ``transaction_pooling`` says whether each transaction may be on another server connection; with None
    that is found out as far as it can be.
    """

    def __init__(self, *, transaction_pooling: bool | None) -> None:
        self._find_out = transaction_pooling is None
        self._by_name = not transaction_pooling
        self._named: Connection | None = None
        """The last one that was seen to have names of its own."""

    async def look_at(self, connection: Connection) -> None:
        """Find out, on a connection of the pool, whether statements may have names."""
        prefix = prefix_of(connection)
        if prefix is None or not self._by_name:
            self._by_name = False
        elif self._find_out and await pid_is_invented(connection):
            self._by_name = False
            _log.info(
                "the Postgres store reaches its server through a pooler and sends every statement whole;"
                " if the pooler is in session mode, transaction_pooling=False is faster"
            )
        else:
            self._by_name = await _names_are_kept(connection, prefix)

    async def fetch(self, connection: Connection, sql: str, arguments: Iterable[object]) -> Rows:
        """Run a statement, in no transaction, and return its rows."""
        try:
            if self._by_name and self._has_names(connection):
                try:
                    return await connection.fetch(on_the_primary(sql), *arguments, record_class=Row)
                except LOST_NAME:
                    self._give_names_up()
            # It was not executed, or undone: an error ends the transaction that the statement is.
            return await fetch_whole(connection, sql, *arguments)
        except asyncpg.DataError as error:
            refused = error
        # Perhaps an argument could not be sent, and the server, asked what the statement is, waits for it. A
        # pooler waits with it. Not in the handler: the error quotes the argument.
        with suppress(*DRIVER_ERRORS):
            await connection.execute("SELECT 1")
        raise refused

    def _has_names(self, connection: Connection) -> bool:
        # Asked of a proxy that takes a microsecond, and reads by key have one proxy for minutes.
        if connection is not self._named:
            if prefix_of(connection) is None:
                return False
            self._named = connection
        return True

    def _give_names_up(self) -> None:
        if self._by_name:
            self._by_name = False
            _log.warning(
                "the Postgres server did not know a statement that was prepared, so the store sends every"
                " statement whole from now on; behind a pooler in transaction mode open it with"
                " transaction_pooling=True"
            )


async def fetch_whole(connection: Connection, sql: str, *arguments: object) -> Rows:
    """Run a statement that has no name on the server, and return its rows.

    On any connection, whatever its cache of statements and whatever lies between it and the server.
    """
    sql = on_the_primary(sql)
    statement = await connection.prepare(sql, name="", record_class=Row)
    if parsed_with_each_execution(statement):
        return await statement.fetch(*arguments)
    async with connection.transaction():
        statement = await connection.prepare(sql, name="", record_class=Row)
        return await statement.fetch(*arguments)


async def fetch_value(connection: Connection, sql: str, *arguments: object) -> Any:
    """Do as :func:`fetch_whole` and return the one value that the statement has."""
    return (await fetch_whole(connection, sql, *arguments))[0][0]


def parsed_with_each_execution(statement: PreparedStatement[Any]) -> bool:
    """Make asyncpg send a statement's text with its parameters, as it does where it has no cache.

    That is an internal of asyncpg's: if it is not there, the answer is False.
    """
    state: Any = getattr(statement, "_state", None)
    try:
        state.mark_unprepared()
        unprepared: bool = state.prepared is False
    except AttributeError:
        return False
    return unprepared


async def pid_is_invented(connection: Connection) -> bool:
    """Whether there is a pooler: its clients are not given the id of a server process."""
    # PgBouncer gives a random number.
    pid = await fetch_value(connection, "SELECT pg_backend_pid()")
    return bool(pid != connection.get_server_pid())


async def _names_are_kept(connection: Connection, prefix: str) -> bool:
    """Whether a statement of full length is prepared on the server, by a name that is the connection's.

    It is not where asyncpg names statements otherwise than it did, or does not cache them on this pool.
    """
    looked_for = f"SELECT name FROM pg_prepared_statements WHERE statement LIKE '%{prefix}%'"  # noqa: S608
    sql = on_the_primary(looked_for)
    try:
        # Whatever the name: within a transaction it is looked for where it was given.
        async with connection.transaction():
            rows = await connection.fetch(sql.ljust(LONGEST))
    except LOST_NAME:
        return False
    return [row[0].startswith(prefix) for row in rows] == [True]
