"""The schema as SQL to be run by something else, and which version a file has: nothing is changed here."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from extauth.adapters.sqlite.failures import refused
from extauth.adapters.sqlite.files import cannot_open, checked_files
from extauth.adapters.sqlite.schema import META_TABLE, MIGRATIONS, known_version
from extauth.domain.hidden import HiddenText

NEWEST: Final = len(MIGRATIONS)

_PATIENCE: Final = 5.0
"""Seconds, for another process' write."""


def ddl(since: int = 0) -> Sequence[str]:
    """Return the statements that lead from a version of the schema to the newest; 0 is an empty file.

    :raises ValueError: if there is no such version.
    """
    if not 0 <= since <= NEWEST:
        msg = f"there are versions 0 to {NEWEST} of the schema, not {since}"
        raise ValueError(msg)
    if since == NEWEST:
        return ()
    return (
        "BEGIN IMMEDIATE",
        *(META_TABLE if since == 0 else ()),
        *(statement for statements in MIGRATIONS[since:] for statement in statements),
        f"UPDATE external_auth_meta SET schema_version = {NEWEST}",  # noqa: S608 - a number of ours
        "COMMIT",
    )


async def stored_version(file: HiddenText) -> int | None:
    """Return the version of the schema in a file; None if there is no file, 0 if nothing of ours is in it.

    :raises StoreUnavailable: if it cannot be read, or is no database.
    :raises ConfigurationError: if this process could not write it, or the tables are not extauth's.
    """
    await checked_files(file)
    try:
        return await asyncio.to_thread(_version, file)
    except sqlite3.Error as error:
        problem = refused(error, f"{cannot_open(file)}, and be a database")
    raise problem


def _version(file: HiddenText) -> int | None:
    path = Path(file)
    if not path.exists():
        return None
    address = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'external_auth_meta'").fetchone():
            return 0
        [said] = database.execute("SELECT max(schema_version) FROM external_auth_meta").fetchone()
        return 0 if said is None else known_version(said)
