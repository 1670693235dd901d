"""Between what a claim says and is told, and the rows of its statements."""

from __future__ import annotations

from datetime import timedelta

from extauth.adapters.postgres.row import Row
from extauth.adapters.postgres.rows import Parameters, key_parameters, lease_left, link_from_row, micros
from extauth.adapters.sql import link_columns as column
from extauth.adapters.sql.plain_links import key_of
from extauth.domain.link import LinkKey
from extauth.domain.outcomes import Claimed, Held, SeenLease
from extauth.domain.ports import Takeover
from extauth.domain.stored_link import keyed


def held(row: Row) -> Held | None:
    """Read which lease a claim lost against: a row of ``statements.LOST``."""
    owner: str | None = row[column.LEASE_OWNER]
    return None if owner is None else Held(lease_left(row), SeenLease(owner, row[column.LEASE_EXPIRES_AT]))


def claim_parameters(
    key: LinkKey, version: int, owner: str, ttl: timedelta, takeover: Takeover
) -> Parameters:
    """Write what a claim says: $1 to $8."""
    seen = (takeover.owner, takeover.expires_at) if isinstance(takeover, SeenLease) else (None, None)
    return Parameters(*key_parameters(key), version, owner, micros(ttl), takeover is True, *seen)


def claimed(row: Row, key: LinkKey) -> Claimed:
    """Read what a claim returns."""
    link = keyed(link_from_row(row), key_of(row, key))
    return Claimed(link, _unresolved_for(row), row[column.CLAIMED_AT], row[column.TIMELINE])


def _unresolved_for(row: Row) -> timedelta | None:
    age: timedelta | None = row[column.UNRESOLVED_FOR]
    return None if age is None else max(age, timedelta(0))
