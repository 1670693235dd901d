"""What :class:`~extauth.adapters.postgres.history.PostgresHistory` says to Postgres."""

from __future__ import annotations

from extauth.adapters.postgres.statements import DURABLE, TIMELINE

_HISTORY = f"(SELECT system_identifier FROM pg_control_system())::text || '/' || {TIMELINE}"

CURRENT = f"SELECT {_HISTORY}"

LOOK = f"SELECT {_HISTORY}, history, {TIMELINE} FROM external_auth_meta"

ACCEPT = f"""UPDATE external_auth_meta SET history = $1
WHERE history IS DISTINCT FROM $1 AND {_HISTORY} = $1 RETURNING {DURABLE}"""
