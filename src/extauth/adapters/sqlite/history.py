"""Which history a SQLite file has, by the note beside it: one that was put back, or copied, is told."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, final

from extauth.adapters.sqlite.history_statements import (
    AGREE,
    AT_ONCE,
    HISTORY,
    KEEP,
    LAST_OF_PAGE,
    doubtful_links,
    hold,
)
from extauth.adapters.sqlite.identity import REPLACED
from extauth.adapters.sqlite.note import Note, name_of, read_note, write_note
from extauth.adapters.sqlite.row import Row, instant_from_micros, instant_to_micros, optional_instant
from extauth.adapters.sqlite.transactions import in_one
from extauth.adapters.sqlite.unseen import (
    Outcome,
    Parameters,
    Unseen,
    cursor_on,
    or_unavailable,
    presentable,
)
from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import LinkKey
from extauth.domain.store_history import HeldLinks, HistorySeen
from extauth.one_loop import OneLoop

_RENEWED_EVERY: Final = 60.0
"""Seconds. A backup that is put back within that time may not be told."""

_Work = Callable[[sqlite3.Cursor], Sequence[tuple[Any, ...]]]


@final
class SqliteHistory:
    """A :class:`~extauth.domain.store_history.StoreHistory`.

    The file and the note keep the same mark, which each process that has written replaces by another, once a
    minute and when it leaves the store. Whatever reads or writes the note has SQLite's write lock, so that
    processes take turns. The note is on the disk before the file has the mark that it adds.
    """

    def __init__(self, writer: Unseen, home: OneLoop) -> None:
        self._writer = writer
        self._home = home
        self._renewed_at = float("-inf")
        """On the monotonic clock."""
        self._changes: int | None = None
        """How many rows this process had changed then; None before the first look."""

    async def look(self) -> HistorySeen | None:
        self._home.check()
        file = await self._writer.file()
        if not file:
            return None
        rows = await self._locked(lambda cursor: self._look(cursor, file))
        if not rows:
            return None
        current, accepted, at, restored_at = rows[0]
        return HistorySeen(
            current,
            accepted,
            told=current,
            at=instant_from_micros(at),
            restored_at=optional_instant(restored_at),
            others_may_know=False,
        )

    async def accept(self, seen: HistorySeen) -> None:
        await self._accept(seen, None)

    async def restored(self, seen: HistorySeen, *, spared: Collection[str] = ()) -> int | None:
        if seen.at is None or not await self._accept(seen, seen.at):
            return None
        sql, values = doubtful_links(seen.at, spared)
        return int((await self._writer.fetch_all(sql, values))[0][0])

    async def hold(
        self, before: datetime, *, spared: Collection[str] = (), after: LinkKey | None = None
    ) -> HeldLinks:
        self._home.check()
        begin = ("", "") if after is None else (after.provider_id, after.user_id)

        def step(cursor: sqlite3.Cursor) -> list[tuple[object, ...]]:
            last = cursor.execute(LAST_OF_PAGE, (*begin, AT_ONCE - 1)).fetchone()
            cursor.execute(*hold(before, spared, begin, last))
            return [(cursor.rowcount, *(last or (None, None)))]

        held, provider_id, user_id = (await self._locked(step))[0]
        return HeldLinks(held, None if provider_id is None else LinkKey(provider_id, user_id))

    async def agree(self) -> None:
        self._home.check()
        await self._writer.fetch_all(AGREE, Parameters())

    async def leave(self) -> None:
        """Have what was written until now told from an older state, if it ever was looked here."""
        if self._changes is not None:
            self._renewed_at = float("-inf")
            # Elsewhere than where it was open nobody can, nor on a connection that somebody else has closed.
            with suppress(StoreUnavailable, RuntimeError, ValueError):
                for _ in range(2):  # another mark, and then that one alone
                    await self.look()

    async def _accept(self, seen: HistorySeen, restored_at: datetime | None) -> bool:
        self._home.check()
        file = await self._writer.file()

        def accept(cursor: sqlite3.Cursor) -> list[tuple[object, ...]]:
            note = read_note(file)
            kept = cursor.execute(HISTORY).fetchone()[0]
            if name_of(note, kept) != seen.current or (note is not None and note.name == seen.current):
                return []
            self._keep(cursor, file, Note.begun(seen.current), restored_at)
            return [(True,)]

        return bool(await self._locked(accept))

    def _look(self, cursor: sqlite3.Cursor, file: str) -> list[tuple[object, ...]]:
        note = read_note(file)
        kept, at, restored_at = cursor.execute(HISTORY).fetchone()
        name = name_of(note, kept)
        changes = cursor.connection.total_changes
        if self._changes is None:
            self._changes = changes
        elif note is not None and note.name == name:
            if self._changes != changes and time.monotonic() - self._renewed_at >= _RENEWED_EVERY:
                self._keep(cursor, file, note.renewed(), None)
            elif self._changes == changes and note.newest == kept and len(note.marks) > 1:
                write_note(file, Note(name, note.marks[:1]))  # the other one is an older state's by now
        if kept is None and note is not None:
            kept = ""  # of a version that keeps nothing there
        return [(name, None if kept is None else kept.partition(" ")[0], at, restored_at)]

    def _keep(self, cursor: sqlite3.Cursor, file: str, note: Note, restored_at: datetime | None) -> None:
        write_note(file, note)
        cursor.execute(KEEP, (note.newest, instant_to_micros(restored_at)))
        self._renewed_at, self._changes = time.monotonic(), cursor.connection.total_changes

    async def _locked(self, work: _Work) -> list[Row]:
        """Run it under SQLite's write lock, in one transaction; no rows where the system refuses files."""
        locked = _Locked(await self._writer.database(), self._writer, work)
        return await or_unavailable(self._writer.outcome_of(locked), Parameters())


@final
class _Locked:
    """A transaction that takes the write lock at once."""

    __slots__ = ("_connection", "_database", "_work")

    def __init__(self, database: sqlite3.Connection, connection: Unseen, work: _Work) -> None:
        self._database = database
        self._connection = connection
        self._work = work

    def fetchall(self) -> Outcome:
        if self._connection.replaced():
            return StoreUnavailable(REPLACED)
        try:
            return [*map(Row, in_one(cursor_on(self._database), self._work))]
        except OSError:
            return []
        except (sqlite3.Error, ValueError) as error:
            return presentable(error)
