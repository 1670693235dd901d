"""The table of the audit trail in Postgres.

An identity, and no serial: inserting then takes no right on a sequence.
"""

from __future__ import annotations

from collections.abc import Sequence

AUDIT_TABLES: Sequence[str] = (
    """CREATE TABLE external_auth_audit (
  entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind text NOT NULL,
  provider_id text,
  user_id text,
  version bigint,
  actor text,
  on_behalf_of text,
  reason text,
  hashed_access_token text,
  hashed_refresh_token text
)""",
    "CREATE INDEX external_auth_audit_at ON external_auth_audit (at)",
    "CREATE INDEX external_auth_audit_user ON external_auth_audit (user_id, entry_id)",
    "CREATE INDEX external_auth_audit_access ON external_auth_audit (hashed_access_token)",
    "CREATE INDEX external_auth_audit_refresh ON external_auth_audit (hashed_refresh_token)",
)
