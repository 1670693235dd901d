"""The columns of an entry's row, in the order in which both databases write and select them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from extauth.domain.audit import AuditEntry, AuditKind

TABLE = "external_auth_audit"

OF_THE_LINK = ("provider_id", "user_id", "version")
"""What an entry that is written beside a link takes from the link's row."""

OF_THE_ENTRY = (
    "kind",
    "actor",
    "on_behalf_of",
    "reason",
    "hashed_access_token",
    "hashed_refresh_token",
)
"""What the entry itself says."""

COLUMNS = (*OF_THE_LINK, *OF_THE_ENTRY)


def entry_values(entry: AuditEntry, columns: Sequence[str] = OF_THE_ENTRY) -> list[Any]:
    """Return what the entry says for these columns."""
    values = [getattr(entry, name) for name in columns]
    return [str(value) if isinstance(value, AuditKind) else value for value in values]


def entry_from_row(values: Sequence[Any], at: datetime) -> AuditEntry:
    """Read a row of :data:`COLUMNS`."""
    named: dict[str, Any] = dict(zip(COLUMNS, values, strict=True))
    named["kind"] = AuditKind(named["kind"])
    return AuditEntry(**named, at=at)
