"""What :class:`PostgresLinkStore` says to Postgres about authorizations under way and registered clients."""

from __future__ import annotations

from extauth.adapters.postgres.statements import DURABLE
from extauth.adapters.sql.linking_rows import PENDING_NAMES, REGISTERED_NAMES

BEGIN = f"""INSERT INTO external_auth_authorizations (
  state_hash, provider_id, user_id, redirect_uri, salt, scopes, resources, sent_challenge, sent_nonce,
  client_id, expires_at
) VALUES (
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
  clock_timestamp() + $11::bigint * interval '1 microsecond'
) ON CONFLICT (state_hash) DO NOTHING RETURNING {DURABLE}"""

# What another transaction is removing or taking at this moment is left to it.
GIVE_WAY = f"""WITH surplus AS (
  SELECT state_hash FROM external_auth_authorizations
  WHERE user_id = $1 AND state_hash <> $2
  ORDER BY expires_at DESC, state_hash OFFSET $3
), gone AS (
  SELECT state_hash FROM external_auth_authorizations
  WHERE state_hash IN (SELECT state_hash FROM surplus) FOR UPDATE SKIP LOCKED
)
DELETE FROM external_auth_authorizations WHERE state_hash IN (SELECT state_hash FROM gone)
RETURNING {DURABLE}"""

_WITHOUT_SALT = ", ".join("''" if name == "salt" else name for name in PENDING_NAMES)

FIND = f"""SELECT {_WITHOUT_SALT}, taken_at IS NOT NULL, expires_at <= clock_timestamp()
FROM external_auth_authorizations WHERE state_hash = $1"""

# RETURNING sees the row as it is afterwards, without its salt. Who comes second waits for the lock, and then
# finds that the condition no longer holds.
TAKE = f"""WITH begun AS (
  SELECT * FROM external_auth_authorizations
  WHERE state_hash = $1 AND taken_at IS NULL AND expires_at > clock_timestamp()
    AND ($2::text IS NULL OR user_id = $2)
  FOR UPDATE
)
UPDATE external_auth_authorizations AS taken SET taken_at = clock_timestamp(), salt = NULL
FROM begun WHERE taken.state_hash = begun.state_hash
RETURNING {", ".join(f"begun.{name}" for name in PENDING_NAMES)}, {DURABLE}"""

FORGET = f"""DELETE FROM external_auth_authorizations
WHERE provider_id = $1 AND user_id = $2 AND taken_at IS NULL
RETURNING {DURABLE}"""

PURGE = f"DELETE FROM external_auth_authorizations WHERE expires_at <= clock_timestamp() RETURNING {DURABLE}"

_REGISTRATION = ", ".join(REGISTERED_NAMES)

REGISTRATION = f"SELECT {_REGISTRATION} FROM external_auth_registrations WHERE name = $1"

_REPLACED = ",\n  ".join(
    f"{field} = CASE WHEN kept.client_id = $11 THEN excluded.{field} ELSE kept.{field} END"
    for field in REGISTERED_NAMES
)

# Writes what is there already over itself, so that it comes back.
KEEP = f"""INSERT INTO external_auth_registrations AS kept (name, {_REGISTRATION})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (name) DO UPDATE SET
  {_REPLACED}
RETURNING {_REGISTRATION}, {DURABLE}"""
