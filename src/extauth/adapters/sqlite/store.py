"""Links in a SQLite file, shared by any number of processes on one machine, through aiosqlite.

Every write is one statement. By itself it is in autocommit mode: SQLite then takes its write lock before it
reads the row (as BEGIN IMMEDIATE does), waits up to the busy timeout for other writers, and syncs the
write-ahead log before it answers. Writes that are asked for meanwhile wait for that, and then share a
transaction (:mod:`extauth.adapters.sqlite.grouped_writes`). Time is SQLite's ``'now'``, as each statement
reads it.

A write that is cancelled while it waits is not carried out. Any other cancelled call is: aiosqlite hands the
statement to a thread, which does not notice.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final, Self, final

import aiosqlite

from extauth.adapters.sql.arguments import checked_claim, checked_failure
from extauth.adapters.sql.batching import BatchedReads
from extauth.adapters.sql.change_watch import ChangeWatch
from extauth.adapters.sql.conditional_writes import ConditionalWrites, repeated, swallowed
from extauth.adapters.sql.due_rows import due_links
from extauth.adapters.sql.inventory import SqlInventory
from extauth.adapters.sql.link_columns import RowKey
from extauth.adapters.sql.linking_methods import LinkingMethods
from extauth.adapters.sql.listing import listed, whole
from extauth.adapters.sql.races import LostRaces
from extauth.adapters.sql.readable import LinkOrError, links_by_key, read_apart
from extauth.adapters.sql.sealed_rows import SqlSealedRows
from extauth.adapters.sqlite import statements
from extauth.adapters.sqlite.audit import SqliteAudit, written
from extauth.adapters.sqlite.connections import connected
from extauth.adapters.sqlite.files import made_private, path_text, watch_files
from extauth.adapters.sqlite.grouped_writes import GroupedWrites
from extauth.adapters.sqlite.history import SqliteHistory
from extauth.adapters.sqlite.imports import SqliteImports
from extauth.adapters.sqlite.inventory import SQLITE, named
from extauth.adapters.sqlite.leases import claim_parameters, claimed, held, time_read
from extauth.adapters.sqlite.linking import Authorizations, Registrations
from extauth.adapters.sqlite.outbox import SqliteOutbox
from extauth.adapters.sqlite.preparing import prepare
from extauth.adapters.sqlite.row import Row, instant_from_micros, instant_to_micros
from extauth.adapters.sqlite.rows import (
    Values,
    account_parameters,
    due_parameters,
    failure_parameters,
    key_parameters,
    link_from_row,
    origin_parameters,
    provider_parameters,
    saved_from_row,
    sealed_parameters,
    token_parameters,
    version_parameters,
)
from extauth.adapters.sqlite.sealed_rows import SqliteTexts
from extauth.adapters.sqlite.unseen import Parameters, Unseen
from extauth.domain.due import Due, DueBy
from extauth.domain.errors import ConfigurationError
from extauth.domain.link import Account, GrantOrigin, Link, LinkKey, RefreshFailure
from extauth.domain.outcomes import (
    Absent,
    ClaimOutcome,
    Held,
    Recorded,
    RecordOutcome,
    Resealed,
    ResealOutcome,
    Saved,
    SaveOutcome,
    Stale,
)
from extauth.domain.own_writes import OwnWrites, tells_of_writes
from extauth.domain.ports import Takeover
from extauth.domain.token_set import TokenSet
from extauth.one_loop import OneLoop, on_one_loop

_LINKS: Final = partial(links_by_key, link_from_row)


@final
@tells_of_writes
@on_one_loop
class SqliteLinkStore(LinkingMethods):
    """A :class:`~extauth.domain.linking_ports.Store` in a SQLite file.

    Enter it as an async context manager: that creates or migrates the schema. A given connection must
    have been opened with ``isolation_level=None`` and belong to the store alone, because statements of
    the application's own transactions would otherwise mix with the store's; it is not closed.
    :meth:`open` opens a file and closes it again. The store serves the event loop that it is entered on, in
    one process, and raises ``RuntimeError`` elsewhere. On one given connection it goes over to another loop
    when that one has been closed.
    """

    def __init__(
        self, connection: aiosqlite.Connection, *, reader: aiosqlite.Connection | None = None
    ) -> None:
        self._connection = connection
        self._reader = reader or connection
        self._writer = Unseen(self._connection)
        self._writes = GroupedWrites(self._writer)
        self._by_key = self._writer if reader is None else Unseen(reader)
        """Reads by key go here, so that they don't queue behind a write that waits for the disk."""
        self.own_writes: Final = OwnWrites()
        self._home = OneLoop("SqliteLinkStore", goes_over=None if reader else self._begin_anew)
        self._begin_anew()
        self._lost = LostRaces(self._read_now, link_from_row, held)
        self._conditional = ConditionalWrites(self._write, self._lost)
        self._authorizations = Authorizations(self._writer.fetch_all)
        self._registrations = Registrations(self._writer.fetch_all)
        self.sealed: Final = SqlSealedRows(SqliteTexts(self._writer), self._home.check)
        self.imports: Final = SqliteImports(self._home, self._writer.fetch_all, self.own_writes)
        self.audit: Final = SqliteAudit(self._writer, self._writes, self._home.check)
        self.inventory: Final = SqlInventory(
            self._home, SQLITE, lambda sql, values: self._writer.fetch_all(sql, named(values))
        )
        self.outbox = SqliteOutbox(self._writer.fetch_all, self._home)
        self.history: Final = SqliteHistory(self._writer, self._home)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: str | Path, *, busy_timeout: timedelta = timedelta(seconds=5)
    ) -> AsyncGenerator[SqliteLinkStore, None]:
        """Open the file, making it if there is none; ``busy_timeout`` is for other processes' writes.

        A new file, its write-ahead log and the index of that are for their owner alone (mode 0600), whatever
        the umask. One that others may use is used all the same, and a warning is logged.

        :raises ValueError: on entering, if ``path`` is text that is an address instead.
        :raises StoreUnavailable: if it cannot be opened or is no database.
        :raises ConfigurationError: if its schema is newer than this version of extauth knows, not whole, or
            not extauth's, or if this process or the file's owner could not write one of the three files.
        """
        timeout = busy_timeout.total_seconds()
        file = path_text(path)
        del path
        await made_private(file)
        async with (
            connected(file, timeout) as writer,
            connected(file, timeout) as reader,
            cls(writer, reader=reader) as store,
        ):
            watch_files(file, store._writer, store._by_key)  # by the path given, which may be a link
            await store._by_key.fetch_all(statements.LARGER_CACHE, ())
            yield store

    async def __aenter__(self) -> Self:
        if self._connection.isolation_level is not None:
            msg = "give SqliteLinkStore a connection opened with isolation_level=None"
            raise ConfigurationError(msg)
        self._home.check()
        await prepare(self._writer, self._by_key)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if not self._home.inherited:
            await self.history.leave()

    async def get(self, key: LinkKey) -> Link | None:
        self._home.check()
        return await self._reads.get((key.provider_id, key.user_id))

    async def links_of(self, user_id: str) -> list[Link]:
        return whole(await self._listed(statements.LINKS_OF, {"user_id": user_id}))

    async def put(self, key: LinkKey, tokens: TokenSet, *, origin: GrantOrigin | None = None) -> Link:
        parameters = Parameters(
            {**key_parameters(key), **token_parameters(tokens), **origin_parameters(origin)}
        )
        row = await self._write(statements.PUT, parameters)
        if row is None:
            raise swallowed()
        return link_from_row(row)

    async def delete(self, key: LinkKey) -> Link | None:
        parameters = Parameters(key_parameters(key))
        row = await repeated(lambda: self._write(statements.DELETE, parameters), lambda: self._gone(key))
        return None if isinstance(row, Absent) else link_from_row(row)

    async def claim(
        self, key: LinkKey, version: int, owner: str, ttl: timedelta, *, takeover: Takeover = True
    ) -> ClaimOutcome:
        self._home.check()
        checked_claim(owner, ttl)
        parameters = claim_parameters(key, version, owner, ttl, takeover)
        row = await self._conditional.claim(key, version, takeover, statements.CLAIM, parameters)
        return row if isinstance(row, Held | Stale | Absent) else claimed(row, key)

    async def time(self) -> datetime:
        return time_read((await self._writer.fetch_all(statements.TIME, Parameters()))[0])

    async def ping(self) -> None:
        await self._by_key.fetch_all(statements.PING, ())

    async def save(
        self,
        key: LinkKey,
        version: int,
        tokens: TokenSet,
        *,
        origin: GrantOrigin | None = None,
        written_at: datetime | None = None,
        other_grant: bool = False,
    ) -> SaveOutcome:
        self._home.check()
        at = version_parameters(key, version, written_at)
        parameters = Parameters({**at, **token_parameters(tokens), **origin_parameters(origin)})
        sql = statements.SAVE_OTHER_GRANT if other_grant else statements.SAVE
        row = await self._conditional.at_version(key, version, sql, parameters, written_at)
        return row if isinstance(row, Stale | Absent) else Saved(saved_from_row(row, key, tokens))

    async def record_failure(
        self, key: LinkKey, version: int, failure: RefreshFailure, *, written_at: datetime | None = None
    ) -> RecordOutcome:
        checked_failure(version, failure)
        at = version_parameters(key, version, written_at)
        parameters = Parameters({**at, **failure_parameters(failure)})
        row = await self._conditional.mark(key, version, statements.RECORD_FAILURE, parameters, written_at)
        return row if isinstance(row, Recorded | Stale | Absent) else Recorded(link_from_row(row))

    async def lift_failure(
        self,
        provider_id: str,
        *,
        user_id: str | None = None,
        reason: str | None = None,
        since: datetime | None = None,
    ) -> int:
        asked = {"user_id": user_id, "reason": reason, "since": instant_to_micros(since)}
        parameters = Parameters({**provider_parameters(provider_id), **asked})
        return len(await written(self._writes, statements.LIFT_FAILURE, parameters))

    async def release(self, key: LinkKey, version: int, owner: str, *, unresolved: bool = False) -> bool:
        parameters = Parameters(
            {**key_parameters(key), "version": version, "owner": owner, "unresolved": unresolved}
        )
        return await self._write(statements.RELEASE, parameters) is not None

    async def reseal(
        self, key: LinkKey, version: int, tokens: TokenSet, *, written_at: datetime | None = None
    ) -> ResealOutcome:
        if tokens.resource_tokens or tokens.extra:
            link = await self._lost.foreseen(key, version, written_at)
            if not isinstance(link, Link):
                return link
            # No expiry changes as long as the version does not, so that there may be time in between.
            tokens = link.tokens.resealed(tokens)
        parameters = Parameters({**version_parameters(key, version, written_at), **sealed_parameters(tokens)})
        row = await self._conditional.at_version(key, version, statements.RESEAL, parameters, written_at)
        return row if isinstance(row, Stale | Absent) else Resealed(link_from_row(row))

    async def due(
        self, provider_id: str, by: DueBy, before: datetime, *, after: Due | None = None, limit: int = 100
    ) -> list[Due]:
        parameters = Parameters(due_parameters(provider_id, before, after, limit))
        rows = await self._writer.fetch_all(statements.DUE[by], parameters)
        return due_links(rows, instant_from_micros)

    async def wait_for_change(self, key: LinkKey, version: int, timeout: timedelta) -> Link | None:
        return await self._watch.wait((key.provider_id, key.user_id), version, timeout)

    async def record_account(self, key: LinkKey, version: int, account: Account) -> RecordOutcome:
        parameters = Parameters({**key_parameters(key), **account_parameters(account), "version": version})
        row = await self._conditional.at_version(key, version, statements.RECORD_ACCOUNT, parameters)
        return row if isinstance(row, Stale | Absent) else Recorded(link_from_row(row))

    def _begin_anew(self) -> None:
        self._reads = BatchedReads(partial(read_apart, self._rows_of, _LINKS))
        self._watch = ChangeWatch(self._reads.get_many)
        self._writes.begin_anew()

    async def _read_now(self, key: LinkKey) -> Row | None:
        rows = await self._writer.fetch_all(statements.LOST, (key.provider_id, key.user_id))
        return rows[0] if rows else None

    async def _gone(self, key: LinkKey) -> Absent | None:
        return Absent() if await self._read_now(key) is None else None

    def _rows_of(self, keys: Sequence[RowKey]) -> Awaitable[list[Row]]:
        sql = statements.GET if len(keys) == 1 else statements.GET_MANY % ",".join(["(?,?)"] * len(keys))
        return self._by_key.fetch_all(sql, [*chain.from_iterable(keys)])

    async def _listed(self, sql: str, parameters: Values) -> list[LinkOrError]:
        def run(sql: str) -> Awaitable[list[Row]]:
            return self._writer.fetch_all(sql, Parameters(parameters))

        return await listed(run, sql, _LINKS, self._reads.get_many)

    async def _write(self, sql: str, parameters: Parameters) -> Row | None:
        rows = await written(self._writes, sql, parameters)
        return rows[0] if rows else None
