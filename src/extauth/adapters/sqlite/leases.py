"""Between what a claim says and is told, and the rows of its statements."""

from __future__ import annotations

from datetime import datetime, timedelta

from extauth.adapters.sql import link_columns as column
from extauth.adapters.sql.plain_links import key_of
from extauth.adapters.sql.readable import readable
from extauth.adapters.sqlite.row import Row, instant_from_micros, instant_to_micros
from extauth.adapters.sqlite.rows import key_parameters, link_from_row, micros
from extauth.adapters.sqlite.unseen import Parameters
from extauth.domain.link import LinkKey
from extauth.domain.outcomes import Claimed, Held, SeenLease
from extauth.domain.ports import Takeover
from extauth.domain.stored_link import keyed


def held(row: Row) -> Held | None:
    """Read which lease a claim lost against: a row of ``statements.LOST``.

    :raises StoreUnavailable: for a row that is damaged.
    """
    return readable(_held, row)


def claim_parameters(
    key: LinkKey, version: int, owner: str, ttl: timedelta, takeover: Takeover
) -> Parameters:
    """Write what a claim says."""
    seen = takeover if isinstance(takeover, SeenLease) else None
    return Parameters(
        {
            **key_parameters(key),
            "version": version,
            "owner": owner,
            "ttl": micros(ttl),
            "lapsed": takeover is True,
            "seen_owner": None if seen is None else seen.owner,
            "seen_expiry": None if seen is None else instant_to_micros(seen.expires_at),
        }
    )


def claimed(row: Row, key: LinkKey) -> Claimed:
    """Read what a claim returns.

    :raises StoreUnavailable: for a row that is damaged.
    """
    link = keyed(link_from_row(row), key_of(row, key))
    return Claimed(link, readable(_unresolved_for, row), instant_from_micros(row[column.CLAIMED_AT]))


def time_read(row: Row) -> datetime:
    """Read the row of ``statements.TIME``."""
    return instant_from_micros(row[0])


def _held(row: Row) -> Held | None:
    owner: str | None = row[column.LEASE_OWNER]
    if owner is None:
        return None
    left = timedelta(microseconds=row[column.LEASE_LEFT])
    return Held(left, SeenLease(owner, instant_from_micros(row[column.LEASE_EXPIRES_AT])))


def _unresolved_for(row: Row) -> timedelta | None:
    age: int | None = row[column.UNRESOLVED_FOR]
    return None if age is None else timedelta(microseconds=max(age, 0))
