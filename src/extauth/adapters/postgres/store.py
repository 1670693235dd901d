"""Links in a Postgres database, shared by any number of processes on any number of machines, by asyncpg.

Every method is one statement in a transaction of its own, and a condition on the version stands in that
statement. Writes that are asked for at the same moment may be one statement together
(:mod:`extauth.adapters.postgres.grouped_writes`). The store keeps no state in a session: no advisory lock, no
setting, no open transaction.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Self, final

from extauth.adapters.postgres import statements
from extauth.adapters.postgres.audit import PostgresAudit, written
from extauth.adapters.postgres.connections import Connections, run
from extauth.adapters.postgres.grouped_writes import GroupedWrites
from extauth.adapters.postgres.history import PostgresHistory
from extauth.adapters.postgres.imports import PostgresImports
from extauth.adapters.postgres.inventory import POSTGRES
from extauth.adapters.postgres.leases import claim_parameters, claimed, held
from extauth.adapters.postgres.link_reads import LinkReads
from extauth.adapters.postgres.linking import Authorizations, Registrations
from extauth.adapters.postgres.meta_row import MetaRow
from extauth.adapters.postgres.outbox import PostgresOutbox
from extauth.adapters.postgres.own_pool import own_pool
from extauth.adapters.postgres.pools import Pool
from extauth.adapters.postgres.preparing import prepare
from extauth.adapters.postgres.row import Row, instant
from extauth.adapters.postgres.rows import (
    Parameters,
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
)
from extauth.adapters.postgres.sealed_rows import PostgresTexts
from extauth.adapters.postgres.sending import Sending
from extauth.adapters.sql.arguments import checked_claim, checked_failure
from extauth.adapters.sql.change_watch import ChangeWatch
from extauth.adapters.sql.conditional_writes import ConditionalWrites, repeated
from extauth.adapters.sql.due_rows import due_links
from extauth.adapters.sql.inventory import SqlInventory
from extauth.adapters.sql.linking_methods import LinkingMethods
from extauth.adapters.sql.listing import whole
from extauth.adapters.sql.races import LostRaces
from extauth.adapters.sql.sealed_rows import SqlSealedRows
from extauth.domain.due import Due, DueBy
from extauth.domain.hidden import Hidden
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


@final
@tells_of_writes
@on_one_loop
class PostgresLinkStore(LinkingMethods):
    """A :class:`~extauth.domain.linking_ports.Store` in a Postgres database, on a pool of the application's.

    Enter it as an async context manager: that creates or migrates the schema. No connection is held
    between calls, and the pool is not closed. Its ``command_timeout`` bounds each statement, so it
    should have one. Limits such as Postgres's ``lock_timeout`` belong in its ``server_settings``: what
    asyncpg's ``init`` sets is reset after the first use. :meth:`open` makes a pool and closes it again.

    ``transaction_pooling`` says whether there is a pooler that gives each transaction another server
    connection (PgBouncer in transaction mode). Then every statement is sent whole, which takes one more
    round trip and the parsing. If it is left out, that is found out, when the store is entered or later, and
    logged once; no call fails by it. With False a pooler in session mode, which cannot be told from that, is
    used as a server is. On a pool of the application's statements are sent whole in any case, unless its
    ``connection_class`` is :class:`UniqueNamesConnection`.

    With ``keep_connection`` one connection is kept for reads by key until the store is left, which saves
    acquiring it each time: for a pool of at least two connections that belongs to the store alone.

    It serves the event loop that it is entered on, in one process; elsewhere each method raises
    ``RuntimeError``.

    ``schema`` is the one that the ``search_path`` must lead to, where a database has several sets of tables.
    Without it an empty set is refused beside one that holds links.

    A call waits for a connection of the pool for no longer than ``acquire_timeout``, then it is
    :class:`~extauth.StoreUnavailable`: the application's transactions may have used the pool up, and each be
    waiting for a token.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        transaction_pooling: bool | None = None,
        keep_connection: bool = False,
        schema: str | None = None,
        acquire_timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self.own_writes: Final = OwnWrites()
        self._home = OneLoop("PostgresLinkStore")
        self._pool = pool
        self._schema = schema
        self._sending = Sending(transaction_pooling=transaction_pooling)
        patience = acquire_timeout.total_seconds()
        self._connections = Connections(pool, self._sending, keep=keep_connection, patience=patience)
        self._writes = GroupedWrites(self._connections)
        self._links = LinkReads(self._connections)
        self._reads = self._links.by_key
        self._watch = ChangeWatch(self._reads.get_many)
        self._meta = MetaRow(self._connections)
        self._lost = LostRaces(self._links.now, link_from_row, held)
        self._conditional = ConditionalWrites(self._write, self._lost)
        self._authorizations = Authorizations(self._connections)
        self._registrations = Registrations(self._connections)
        self.sealed: Final = SqlSealedRows(PostgresTexts(self._connections), self._home.check)
        self.imports: Final = PostgresImports(self._home, self._connections, self._meta, self.own_writes)
        self.audit: Final = PostgresAudit(self._connections, self._home.check)
        self.inventory: Final = SqlInventory(self._home, POSTGRES, self._links.rows)
        self.history: Final = PostgresHistory(self._connections)
        self.outbox = PostgresOutbox(self._connections, self._meta, self._home)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        dsn: str,
        *,
        max_size: int = 10,
        transaction_pooling: bool | None = None,
        command_timeout: timedelta = timedelta(seconds=10),
        schema: str | None = None,
    ) -> AsyncGenerator[PostgresLinkStore, None]:
        """Connect with at most ``max_size`` connections; one is kept for reads if there are two or more.

        ``command_timeout`` bounds each statement with its wait for locks, and before that the wait for a
        connection, a new one included. If a server has fallen silent, a call ends a second later.

        Of several servers in the address (``postgresql://user@one,two/database``) the primary is taken,
        unless ``target_session_attrs`` says ``read-write`` or ``any``. Each has its share of the time.

        A server that is not on this machine (loopback or a Unix socket) is verified by its certificate and
        name, as with ``sslmode=verify-full``, unless ``sslmode`` in the DSN or ``PGSSLMODE`` says otherwise.
        Whom to trust ``sslrootcert`` says, or libpq's other ways to say it, or else this machine.

        :raises StoreUnavailable: if no server can be reached, or none that takes writes.
        :raises ConfigurationError: if something is wrong that stays so until somebody mends it: the DSN is
            not valid, the server cannot be verified, user, password or database are not right, the role
            lacks a right on a table, the session is read-only, the database's encoding is not UTF8, the
            schema is newer than this version of extauth knows, a pooler is in statement mode, PGlite serves
            fewer than ``max_size`` connections, or the tables are none for a store: hidden, the target of a
            replication, not those that were used before, or not as extauth has made them.
        """
        address = Hidden(dsn)
        del dsn  # it may hold a password, and tools that report errors show local variables
        asked = partial(own_pool, max_size=max_size, command_timeout=command_timeout)
        async with asked(address, transaction_pooling=transaction_pooling) as pool:
            on_pool = partial(cls, pool, transaction_pooling=transaction_pooling, schema=schema)
            async with on_pool(keep_connection=max_size > 1, acquire_timeout=command_timeout) as store:
                yield store

    async def __aenter__(self) -> Self:
        self._home.check()
        self.history.known = await run(partial(prepare, self._pool, self._sending, self._schema))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if not self._home.inherited:
            await self._connections.close()

    async def get(self, key: LinkKey) -> Link | None:
        self._home.check()
        return await self._reads.get((key.provider_id, key.user_id))

    async def links_of(self, user_id: str) -> list[Link]:
        return whole(await self._links.listed(statements.LINKS_OF, user_id))

    async def put(self, key: LinkKey, tokens: TokenSet, *, origin: GrantOrigin | None = None) -> Link:
        parameters = Parameters(*key_parameters(key), *token_parameters(tokens), *origin_parameters(origin))
        row = await repeated(partial(self._write, statements.PUT, parameters), self._meta.put_back)
        return link_from_row(row)

    async def delete(self, key: LinkKey) -> Link | None:
        why_not = partial(self._meta.missing, partial(self._links.now, key))
        row = await repeated(partial(self._write, statements.DELETE, key_parameters(key)), why_not)
        return None if isinstance(row, Absent) else link_from_row(row)

    async def claim(
        self, key: LinkKey, version: int, owner: str, ttl: timedelta, *, takeover: Takeover = True
    ) -> ClaimOutcome:
        self._home.check()
        checked_claim(owner, ttl)
        parameters = claim_parameters(key, version, owner, ttl, takeover)
        sql = statements.CLAIM if self.history.known else statements.CLAIM_IN_SILENCE
        row = await self._conditional.claim(key, version, takeover, sql, parameters)
        return row if isinstance(row, Held | Stale | Absent) else claimed(row, key)

    async def time(self) -> datetime:
        now: datetime = (await self._connections.read(statements.TIME))[0][0]
        return now

    async def ping(self) -> None:
        await self._connections.read(statements.PING)

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
        parameters = Parameters(
            *key_parameters(key), *token_parameters(tokens), version, *origin_parameters(origin), written_at
        )
        sql = statements.SAVE_OTHER_GRANT if other_grant else statements.SAVE
        row = await self._conditional.at_version(key, version, sql, parameters, written_at)
        return row if isinstance(row, Stale | Absent) else Saved(saved_from_row(row, key, tokens))

    async def record_failure(
        self, key: LinkKey, version: int, failure: RefreshFailure, *, written_at: datetime | None = None
    ) -> RecordOutcome:
        checked_failure(version, failure)
        parameters = Parameters(*key_parameters(key), *failure_parameters(failure), written_at)
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
        parameters = Parameters(*provider_parameters(provider_id), user_id, reason, since)
        return len(await written(self._connections, statements.LIFT_FAILURE, parameters))

    async def release(self, key: LinkKey, version: int, owner: str, *, unresolved: bool = False) -> bool:
        parameters = Parameters(*key_parameters(key), version, owner, unresolved)
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
        parameters = Parameters(*key_parameters(key), *sealed_parameters(tokens, version), written_at)
        row = await self._conditional.at_version(key, version, statements.RESEAL, parameters, written_at)
        return row if isinstance(row, Stale | Absent) else Resealed(link_from_row(row))

    async def due(
        self, provider_id: str, by: DueBy, before: datetime, *, after: Due | None = None, limit: int = 100
    ) -> list[Due]:
        parameters = due_parameters(provider_id, before, after, limit)
        return due_links(await self._connections.read(statements.DUE[by], *parameters), instant)

    async def wait_for_change(self, key: LinkKey, version: int, timeout: timedelta) -> Link | None:
        return await self._watch.wait((key.provider_id, key.user_id), version, timeout)

    async def record_account(self, key: LinkKey, version: int, account: Account) -> RecordOutcome:
        parameters = Parameters(*key_parameters(key), version, *account_parameters(account))
        row = await self._conditional.at_version(key, version, statements.RECORD_ACCOUNT, parameters)
        return row if isinstance(row, Stale | Absent) else Recorded(link_from_row(row))

    async def _write(self, sql: str, parameters: Parameters) -> Row | None:
        rows = await self._writes.fetch_all(sql, parameters)
        return rows[0] if rows else None
