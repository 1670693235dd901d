"""Making a database ready when a store is entered."""

from __future__ import annotations

import sqlite3

from extauth.adapters.sqlite.failures import refused, unprepared
from extauth.adapters.sqlite.files import checked_files, watch_files
from extauth.adapters.sqlite.schema import make_durable, migrate, overwrite_what_is_deleted
from extauth.adapters.sqlite.unseen import Unseen
from extauth.adapters.sqlite.whole import check_whole


async def prepare(writer: Unseen, reader: Unseen) -> None:
    """Look at the files, bring the schema up to date, and watch the files from then on.

    :raises ConfigurationError: if the files cannot be shared like that, the schema is newer than this version
        of extauth knows, not whole or not extauth's, or SQLite cannot do what is needed.
    :raises StoreUnavailable: if it is no database, or cannot be used.
    """
    try:
        file = await writer.file()
        await checked_files(file)
        await make_durable(writer)
        if reader is not writer:
            await make_durable(reader)
        await overwrite_what_is_deleted(writer)
    except (sqlite3.Error, TimeoutError) as error:
        raise unprepared(error) from error
    try:
        await migrate(writer)
        await check_whole(writer)
    except sqlite3.Error as error:
        raise refused(error) from error
    watch_files(file, writer, reader)
