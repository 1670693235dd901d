"""What :class:`SqliteLinkStore` says to SQLite about authorizations under way and registered clients."""

from __future__ import annotations

from extauth.adapters.sql.linking_rows import PENDING_NAMES, REGISTERED_NAMES
from extauth.adapters.sqlite.statements import NOW

BEGIN = f"""INSERT INTO external_auth_authorizations (
  state_hash, provider_id, user_id, redirect_uri, salt, scopes, resources, sent_challenge, sent_nonce,
  client_id, expires_at
) VALUES (
  :state_hash, :provider_id, :user_id, :redirect_uri, :salt, :scopes, :resources,
  :sent_challenge, :sent_nonce, :client_id, {NOW} + :ttl
) ON CONFLICT (state_hash) DO NOTHING RETURNING 1"""

GIVE_WAY = """DELETE FROM external_auth_authorizations WHERE state_hash IN (
  SELECT state_hash FROM external_auth_authorizations
  WHERE user_id = :user_id AND state_hash <> :state_hash
  ORDER BY expires_at DESC, rowid DESC LIMIT -1 OFFSET :others
)"""

FIND = f"""SELECT {", ".join(PENDING_NAMES)}, taken_at IS NOT NULL, expires_at <= {NOW}
FROM external_auth_authorizations WHERE state_hash = :state_hash"""

# RETURNING sees the row as it is afterwards, without its salt: FIND has read that before. Comparing it here
# makes sure that it still is that row.
TAKE = f"""UPDATE external_auth_authorizations SET taken_at = {NOW}, salt = NULL
WHERE state_hash = :state_hash AND salt = :salt AND taken_at IS NULL AND expires_at > {NOW}
  AND (:user_id IS NULL OR user_id = :user_id)
RETURNING 1"""

FORGET = """DELETE FROM external_auth_authorizations
WHERE provider_id = :provider_id AND user_id = :user_id AND taken_at IS NULL
RETURNING 1"""

PURGE = f"DELETE FROM external_auth_authorizations WHERE expires_at <= {NOW} RETURNING 1"

_REGISTRATION = ", ".join(REGISTERED_NAMES)

REGISTRATION = f"SELECT {_REGISTRATION} FROM external_auth_registrations WHERE name = :name"

_REPLACED = ",\n  ".join(
    f"{field} = CASE WHEN client_id = :instead_of THEN excluded.{field} ELSE {field} END"
    for field in REGISTERED_NAMES
)

# Writes what is there already over itself, so that it comes back.
KEEP = f"""INSERT INTO external_auth_registrations (name, {_REGISTRATION})
VALUES (:name, {", ".join(f":{field}" for field in REGISTERED_NAMES)})
ON CONFLICT (name) DO UPDATE SET
  {_REPLACED}
RETURNING {_REGISTRATION}"""
