"""Finding links by what they are like, in either database: the statements differ in how they write time.

A call looks at one stretch of the primary key, from a key to the one :data:`LOOKED_AT` links later, and what
only some of the links match is a condition within it. So no call reads a whole table, however rare they are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeAlias, cast, final

import attrs

from extauth.adapters.sql.indexed_row import IndexedRow
from extauth.adapters.sql.json_columns import scopes_from_text
from extauth.adapters.sql.link_columns import WRITTEN_AT
from extauth.adapters.sql.readable import UndecodableRows, readable
from extauth.domain.inventory import (
    LOOKED_AT,
    BegunAuthorization,
    CountedLinks,
    FoundLinks,
    LinkFilter,
    LinkState,
    LinkSummary,
)
from extauth.domain.link import Account, LinkKey, PendingExchange, RefreshFailure
from extauth.domain.linking import ACCOUNT_SEPARATOR
from extauth.one_loop import OneLoop, on_one_loop

MARKED_INDEX = """CREATE INDEX external_auth_links_marked ON external_auth_links (provider_id, user_id)
WHERE oauth_refresh_failure_reason IS NOT NULL"""
"""Of the links with a failure mark, in both databases; there are few, and saves rarely touch it."""

Run: TypeAlias = Callable[[str, Sequence[object]], Awaitable[Sequence[IndexedRow]]]
"""Runs a statement that only reads, and raises StoreUnavailable when it cannot."""

_KEY = "provider_id, user_id"


@final
@attrs.frozen
class Dialect:
    """How one of the databases writes what the other writes otherwise."""

    parameter: str
    """What a parameter's number comes after."""
    now: str
    soon: str
    write_instant: Callable[[datetime], object]
    read_instant: Callable[[Any], datetime | None]

    @property
    def state(self) -> str:
        """What :func:`extauth.domain.inventory.state_of` says, as an expression."""
        marked = "oauth_refresh_failure_reason IS NOT NULL AND oauth_refresh_failure_version = version"
        return f"""CASE
  WHEN {marked} AND oauth_refresh_failure_retry_at IS NULL THEN 'broken'
  WHEN lease_expires_at > {self.now} THEN 'leased'
  WHEN coalesce(unresolved_since, lease_taken_at) IS NOT NULL THEN 'unresolved'
  WHEN {marked} AND oauth_refresh_failure_retry_at > {self.now} THEN 'cooling'
  WHEN oauth_expiry <= {self.now} THEN 'expired'
  WHEN oauth_expiry <= {self.soon} THEN 'expiring'
  ELSE 'ok' END"""

    @property
    def columns(self) -> str:
        """What a summary is made of, in the order in which :meth:`SqlInventory.find` reads it."""
        return f"""{_KEY}, {self.state}, version, created_at, {WRITTEN_AT}, oauth_expiry,
  oauth_refresh_token IS NOT NULL, oauth_refresh_token_expiry, oauth_scopes, oauth_access_token_key_id,
  oauth_client_id, oauth_refresh_failure_reason, oauth_refresh_failure_at, oauth_refresh_failure_version,
  oauth_refresh_failure_retry_at, oauth_refresh_failure_attempts, account_id, account_login,
  account_display_name, account_avatar_url, coalesce(unresolved_since, lease_taken_at),
  coalesce(lease_expires_at > {self.now}, 1 = 0)"""


@final
class _Conditions:
    """Conditions of a statement, and the values of their parameters."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.values: list[object] = []
        self._all: list[str] = []

    def add(self, condition: str, *values: object) -> None:
        """Add one with ``{}`` for each of its values; instants are written as the database has them."""
        names: list[str] = []
        for value in values:
            self.values.append(self._dialect.write_instant(value) if isinstance(value, datetime) else value)
            names.append(f"{self._dialect.parameter}{len(self.values)}")
        self._all.append(condition.format(*names))

    def select(self, columns: str, more: str = "") -> str:
        """Write the statement."""
        where = f" WHERE {' AND '.join(f'({each})' for each in self._all)}" if self._all else ""
        return f"SELECT {columns} FROM external_auth_links{where}{more}"  # noqa: S608 - values are parameters


@final
@on_one_loop
class SqlInventory:
    """A :class:`~extauth.domain.inventory.LinkInventory` of the tables of a database."""

    def __init__(self, home: OneLoop, dialect: Dialect, run: Run) -> None:
        self._home = home
        self._dialect = dialect
        self._run = run

    async def find(self, wanted: LinkFilter, *, after: LinkKey | None = None, limit: int = 100) -> FoundLinks:
        if limit < 1:
            msg = f"limit must be at least 1, not {limit}"
            raise ValueError(msg)
        conditions, edge = await self._stretch(wanted, after)
        order = f" ORDER BY {_KEY} LIMIT {limit}"
        try:
            rows = await self._run(conditions.select(self._dialect.columns, order), conditions.values)
            links = [_summary(self._dialect, row) for row in rows]
        except UndecodableRows:
            rows = await self._run(conditions.select(_KEY, order), conditions.values)
            links = [await self._alone(LinkKey(row[0], row[1])) for row in rows]
        return FoundLinks(tuple(links), links[-1].key if len(links) == limit else edge)

    async def count(self, wanted: LinkFilter, *, after: LinkKey | None = None) -> CountedLinks:
        conditions, edge = await self._stretch(wanted, after)
        rows = await self._run(
            conditions.select(f"provider_id, {self._dialect.state}, count(*)", " GROUP BY 1, 2"),
            conditions.values,
        )
        counts: dict[tuple[str, LinkState], int] = {
            (cast("str", row[0]), cast("LinkState", row[1])): int(row[2]) for row in rows
        }
        return CountedLinks(counts, edge)

    async def authorizations_of(self, user_id: str) -> list[BegunAuthorization]:
        sql = f"""SELECT provider_id, expires_at, taken_at IS NOT NULL FROM external_auth_authorizations
WHERE user_id = {self._dialect.parameter}1"""  # noqa: S608 - the dialect's
        rows = await self._run(sql, [user_id])
        begun = [readable(self._begun, row) for row in rows]
        return sorted(begun, key=lambda each: (each.provider_id, each.expires_at))

    def _begun(self, row: IndexedRow) -> BegunAuthorization:
        expires_at = self._dialect.read_instant(row[1])
        assert expires_at is not None, "a column that is never null"  # noqa: S101
        return BegunAuthorization(row[0], expires_at, bool(row[2]))

    async def _stretch(self, wanted: LinkFilter, after: LinkKey | None) -> tuple[_Conditions, LinkKey | None]:
        """Return all conditions of a stretch of the links, and its last key; None if it reaches the end."""
        conditions = _bounds(self._dialect, wanted, after)
        # The distance is always the same, so that this costs the same wherever it begins.
        last = f" ORDER BY {_KEY} LIMIT 1 OFFSET {LOOKED_AT - 1}"
        rows = await self._run(conditions.select(_KEY, last), conditions.values)
        edge = LinkKey(rows[0][0], rows[0][1]) if rows else None
        if edge is not None:
            conditions.add(f"({_KEY}) <= ({{}}, {{}})", edge.provider_id, edge.user_id)
        _narrow(self._dialect, conditions, wanted)
        return conditions, edge

    async def _alone(self, key: LinkKey) -> LinkSummary:
        conditions = _Conditions(self._dialect)
        conditions.add("provider_id = {} AND user_id = {}", key.provider_id, key.user_id)
        try:
            rows = await self._run(conditions.select(self._dialect.columns), conditions.values)
            return _summary(self._dialect, rows[0])
        except (IndexError, UndecodableRows):
            return LinkSummary(key, "unreadable")


def _bounds(dialect: Dialect, wanted: LinkFilter, after: LinkKey | None) -> _Conditions:
    """Return the conditions that an index serves."""
    conditions = _Conditions(dialect)
    family = wanted.provider_id
    start = ("", "") if after is None else (after.provider_id, after.user_id)
    if family is not None:
        start = max(start, (family, ""))
        conditions.add("provider_id < {}", family + chr(ord(ACCOUNT_SEPARATOR) + 1))
    if start > ("", ""):
        conditions.add(f"({_KEY}) > ({{}}, {{}})", *start)
    if wanted.user_id is not None:
        conditions.add("user_id = {}", wanted.user_id)
    if wanted.of_marks:
        conditions.add("oauth_refresh_failure_reason IS NOT NULL")
    return conditions


def _narrow(dialect: Dialect, conditions: _Conditions, wanted: LinkFilter) -> None:
    """Add those that are looked up in each row."""
    if (family := wanted.provider_id) is not None:
        # Between the provider and what is named below it there are others, such as github-app.
        conditions.add("provider_id = {} OR provider_id >= {}", family, family + ACCOUNT_SEPARATOR)
    if wanted.state is not None:
        conditions.add(f"{dialect.state} = {{}}", wanted.state)
    if wanted.due_before is not None:
        conditions.add("oauth_refresh_token IS NOT NULL AND oauth_expiry < {}", wanted.due_before)
        conditions.add("oauth_refresh_failure_reason IS NULL OR oauth_refresh_failure_retry_at IS NOT NULL")
    if wanted.reason is not None:
        conditions.add("oauth_refresh_failure_reason = {}", wanted.reason)
    if wanted.marked_since is not None:
        conditions.add("oauth_refresh_failure_at >= {}", wanted.marked_since)


def _summary(dialect: Dialect, row: IndexedRow) -> LinkSummary:
    try:
        return readable(lambda row: _read(dialect.read_instant, row), row)
    except UndecodableRows:
        return LinkSummary(LinkKey(row[0], row[1]), "unreadable")


def _read(instant: Callable[[Any], datetime | None], row: IndexedRow) -> LinkSummary:
    provider_id, user_id, state, version, created_at, updated_at, expires_at = (row[n] for n in range(7))
    refreshable, refresh_expiry, scopes, key_id, client_id = (row[n] for n in range(7, 12))
    reason, failed_at, failed_version, retry_at, attempts = (row[n] for n in range(12, 17))
    account_id, login, display_name, avatar_url, since, live = (row[n] for n in range(17, 23))
    failure = None
    if reason is not None:
        at = cast("datetime", instant(failed_at))
        failure = RefreshFailure(reason, at, failed_version, instant(retry_at), attempts)
    pending = None
    if since is not None:
        pending = PendingExchange(cast("datetime", instant(since)), live=bool(live))
    return LinkSummary(
        key=LinkKey(provider_id, user_id),
        state=state,
        version=version,
        created_at=instant(created_at),
        updated_at=instant(updated_at),
        expires_at=instant(expires_at),
        refreshable=bool(refreshable),
        refresh_token_expires_at=instant(refresh_expiry),
        scopes=scopes_from_text(scopes),
        encrypted_with=key_id,
        client_id=client_id,
        failure=failure,
        pending=pending,
        account=None if account_id is None else Account(account_id, login, display_name, avatar_url),
    )
