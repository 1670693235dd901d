"""The outbox's table, and the triggers that write to it.

So an event is in the transaction that makes it true, whichever replica or version of extauth writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from extauth.adapters.sqlite.statements import NOW

ENDS_AT: Final = """(CASE WHEN oauth_refresh_token IS NULL THEN oauth_expiry
  ELSE oauth_refresh_token_expiry END)"""


def is_broken(row: str) -> str:
    """Write the condition that a row has a permanent mark on its version."""
    return f"""({row}.oauth_refresh_failure_reason IS NOT NULL
  AND {row}.oauth_refresh_failure_retry_at IS NULL
  AND {row}.oauth_refresh_failure_version IS {row}.version)"""


def _trigger(name: str, when: str, detail: str = "NULL", ends_at: str = "NULL") -> str:
    return f"""CREATE TRIGGER IF NOT EXISTS external_auth_links_{name}
AFTER UPDATE ON external_auth_links WHEN {when} BEGIN
  UPDATE external_auth_meta SET outbox_last = outbox_last + 1 WHERE outbox_until > {NOW};
  INSERT INTO external_auth_outbox
    (number, event_id, type, provider_id, user_id, version, happened_at, detail, ends_at, due_at)
  SELECT outbox_last, lower(hex(randomblob(16))), 'link.{name}',
    new.provider_id, new.user_id, new.version, {NOW}, {detail}, {ends_at}, {NOW}
  FROM external_auth_meta WHERE outbox_until > {NOW};
END"""  # noqa: S608


TRIGGERS: Final[Sequence[str]] = (
    _trigger(
        "broken", f"{is_broken('new')} AND NOT {is_broken('old')}", detail="new.oauth_refresh_failure_reason"
    ),
    _trigger("recovered", f"{is_broken('old')} AND NOT {is_broken('new')}"),
    _trigger(
        "expiring",
        "new.outbox_ends_at IS NOT NULL AND new.outbox_ends_at IS NOT old.outbox_ends_at",
        detail="new.outbox_source",
        ends_at="new.outbox_ends_at",
    ),
    """CREATE TRIGGER IF NOT EXISTS external_auth_links_forget AFTER DELETE ON external_auth_links BEGIN
  DELETE FROM external_auth_outbox WHERE provider_id = old.provider_id AND user_id = old.user_id;
END""",
)
"""Made anew where they are missing: who rebuilds a table, as SQLite's own advice is, loses its triggers."""

OUTBOX: Final[Sequence[str]] = (
    """CREATE TABLE external_auth_outbox (
  number INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  happened_at INTEGER NOT NULL,
  detail TEXT,
  ends_at INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL,
  lease_owner TEXT,
  lease_expires_at INTEGER,
  code TEXT,
  dead_at INTEGER
)""",
    "CREATE INDEX external_auth_outbox_link ON external_auth_outbox (provider_id, user_id, number)",
    """CREATE INDEX external_auth_outbox_due ON external_auth_outbox (due_at, number)
WHERE dead_at IS NULL""",
    "CREATE INDEX external_auth_outbox_dead ON external_auth_outbox (number) WHERE dead_at IS NOT NULL",
    "ALTER TABLE external_auth_meta ADD COLUMN outbox_until INTEGER",
    # No AUTOINCREMENT: that makes a table of SQLite's own, which a copy by .dump cannot create.
    "ALTER TABLE external_auth_meta ADD COLUMN outbox_last INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE external_auth_links ADD COLUMN outbox_ends_at INTEGER",
    "ALTER TABLE external_auth_links ADD COLUMN outbox_source TEXT",
    f"""CREATE INDEX external_auth_links_end ON external_auth_links ({ENDS_AT}, provider_id, user_id)
WHERE {ENDS_AT} IS NOT NULL""",
    *TRIGGERS,
)
