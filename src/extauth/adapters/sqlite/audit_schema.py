"""The table of the audit trail in SQLite."""

from __future__ import annotations

from collections.abc import Sequence

AUDIT_TABLES: Sequence[str] = (
    """CREATE TABLE external_auth_audit (
  entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  provider_id TEXT,
  user_id TEXT,
  version INTEGER,
  actor TEXT,
  on_behalf_of TEXT,
  reason TEXT,
  hashed_access_token TEXT,
  hashed_refresh_token TEXT
)""",
    "CREATE INDEX external_auth_audit_at ON external_auth_audit (at)",
    "CREATE INDEX external_auth_audit_user ON external_auth_audit (user_id, entry_id)",
    "CREATE INDEX external_auth_audit_access ON external_auth_audit (hashed_access_token)",
    "CREATE INDEX external_auth_audit_refresh ON external_auth_audit (hashed_refresh_token)",
)
