"""Whether a file has all of the schema that its version says.

A copy may have some of the tables. A table that is rebuilt, as tools do it where ``ALTER TABLE`` falls short
(https://www.sqlite.org/lang_altertable.html, section 7), loses its triggers and indexes. One of the triggers
keeps versions from coming back, and nothing fails without it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from itertools import chain
from typing import Final, TypeAlias, final

import attrs

from extauth.adapters.sqlite.schema import META_TABLE, MIGRATIONS
from extauth.adapters.sqlite.unseen import Unseen
from extauth.domain.errors import ConfigurationError

_RETIRE: Final = "external_auth_links_retire"
"""That trigger."""

_COLUMNS: Final = """SELECT tables.name, columns.name, columns.pk
FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns
WHERE tables.type = 'table' AND tables.name LIKE 'external\\_auth\\_%' ESCAPE '\\'"""

_ON_TABLES: Final = """SELECT name, sql FROM sqlite_master
WHERE type IN ('trigger', 'index') AND sql IS NOT NULL"""

# As for the one row of Postgres' table: what was deleted meanwhile was no higher, as far as can be known.
_RETIRE_ALL: Final = """UPDATE external_auth_meta SET retired_version =
  max(retired_version, (SELECT coalesce(max(version), 0) FROM external_auth_links))"""

_Column: TypeAlias = tuple[str, str, int]
"""Of which table, its name, and its place in the primary key, from 1 on; 0 if it is not in it."""


@final
@attrs.frozen
class _Whole:
    columns: frozenset[_Column]
    on_tables: Mapping[str, str]
    """Triggers and indexes, with the statements that make them."""


async def check_whole(connection: Unseen) -> None:
    """Make the triggers and indexes that are missing, in one transaction.

    :raises ConfigurationError: if a table or a column is missing. It names them.
    """
    whole = _whole()
    found = {(str(row[0]), str(row[1]), int(row[2])) for row in await connection.execute(_COLUMNS)}
    if lacking := whole.columns - found:
        tables = {table for table, _, _ in found}
        named = {f"{table}.{column}" if table in tables else table for table, column, _ in lacking}
        msg = (
            f"the SQLite file lacks {', '.join(sorted(named))}, or its part in the primary key, as a copy of"
            " some of extauth's tables does, or one without their keys; restore the whole file"
        )
        raise ConfigurationError(msg)
    if not await _missing(connection, whole):
        return
    await connection.execute("BEGIN IMMEDIATE")
    try:
        missing = await _missing(connection, whole)
        for name in missing:
            await connection.execute(whole.on_tables[name])
        if _RETIRE in missing:
            await connection.execute(_RETIRE_ALL)
        await connection.execute("COMMIT")
    except BaseException:
        await connection.rollback()
        raise


async def _missing(connection: Unseen, whole: _Whole) -> list[str]:
    found = {row[0] for row in await connection.execute(_ON_TABLES)}
    return [name for name in whole.on_tables if name not in found]


@cache
def _whole() -> _Whole:
    with closing(sqlite3.connect(":memory:")) as made:
        for statement in chain(META_TABLE, *MIGRATIONS):
            made.execute(statement)
        return _Whole(frozenset(made.execute(_COLUMNS)), dict(made.execute(_ON_TABLES)))
