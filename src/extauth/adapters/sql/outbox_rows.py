"""Rows of the outbox, in the order in which both databases select them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from extauth.adapters.sql.readable import readable
from extauth.domain.health import Lifetimes
from extauth.domain.link import LinkKey
from extauth.domain.outbox import ClaimedEvent, DeadLetter, EndingLink, OutboxCounts, StoredEvent

EVENT: Final = "number, event_id, type, provider_id, user_id, version, happened_at, detail, ends_at, attempts"

ENDING: Final = """provider_id, user_id, version, created_at, {written_at}, oauth_refresh_token IS NOT NULL,
  oauth_issued_at, oauth_expiry, oauth_refresh_token_expiry, outbox_ends_at, {ends_at}"""

Instant: TypeAlias = Callable[[Any], datetime]
"""Reads an instant that is there."""


def claimed_events(rows: Sequence[Any], instant: Instant) -> list[ClaimedEvent]:
    """Read what a claim returns, and put it in order: a statement that writes returns rows in any."""
    ordered = sorted(rows, key=lambda row: (row[10], row[0]))
    return [readable(lambda row: ClaimedEvent(row[0], _event(row, instant), row[9]), row) for row in ordered]


def dead_letter(row: Any, instant: Instant) -> DeadLetter:
    """Read an event that was set aside."""
    return readable(
        lambda row: DeadLetter(row[0], _event(row, instant), row[9], row[10] or "", instant(row[11])), row
    )


def ending_link(row: Any, instant: Instant) -> EndingLink:
    """Read a link whose end is known."""
    return readable(lambda row: _ending(row, instant), row)


def outbox_counts(row: Any, instant: Instant) -> OutboxCounts:
    """Read how many there are."""
    return OutboxCounts(row[0], row[1], _optional(row[2], instant), _optional(row[3], instant))


def _event(row: Any, instant: Instant) -> Any:
    return StoredEvent(
        id=row[1],
        type=row[2],
        key=LinkKey(row[3], row[4]),
        version=row[5],
        at=instant(row[6]),
        detail=row[7],
        ends_at=_optional(row[8], instant),
    ).event()


def _ending(row: Any, instant: Instant) -> EndingLink:
    return EndingLink(
        LinkKey(row[0], row[1]),
        row[2],
        Lifetimes(
            created_at=instant(row[3]),
            updated_at=instant(row[4]),
            refreshable=bool(row[5]),
            issued_at=_optional(row[6], instant),
            expires_at=_optional(row[7], instant),
            refresh_token_expires_at=_optional(row[8], instant),
        ),
        _optional(row[9], instant),
        instant(row[10]),
    )


def _optional(value: Any, instant: Instant) -> datetime | None:
    return None if value is None else instant(value)
