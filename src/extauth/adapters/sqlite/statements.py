"""What :class:`SqliteLinkStore` says to SQLite: one statement for each method of the contract."""

from __future__ import annotations

from collections.abc import Mapping

from extauth.adapters.sql.link_columns import STANDS, gives_way, of_that_write, select_list
from extauth.adapters.sql.saved_links import returned
from extauth.adapters.sqlite.due_schema import FAMILY, WHEN, WHICH
from extauth.domain.due import DueBy

NOW = "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000"

# No `lease_expires_at IS NULL`: what a DELETE returns is never NULL to it (seen with SQLite 3.40). The time
# is asked for only where there is a lease: for a row it takes as long as ten columns.
COLUMNS = select_list(
    pending_since="coalesce(unresolved_since, lease_taken_at)",
    lease_left=f"CASE WHEN lease_expires_at > 0 THEN lease_expires_at - {NOW} ELSE 0 END",
)

_AT_VERSION = "provider_id = :provider_id AND user_id = :user_id AND version = :version"
_OF_THAT_WRITE = of_that_write(":written_at")

_CLEAR_MARKS = """oauth_refresh_failure_reason = NULL, oauth_refresh_failure_at = NULL,
  oauth_refresh_failure_version = NULL, oauth_refresh_failure_retry_at = NULL,
  oauth_refresh_failure_attempts = NULL"""

_CLEAR_ACCOUNT = """account_id = NULL, account_login = NULL, account_display_name = NULL,
  account_avatar_url = NULL"""

_CLEAR_LEASE = "lease_owner = NULL, lease_taken_at = NULL, lease_expires_at = NULL"

TIME = f"SELECT {NOW}"

# Reads no row, and fails where the table lacks a column, is not there or may not be read.
PING = f"SELECT {COLUMNS} FROM external_auth_links LIMIT 0"

# KiB, as far as the file has so many: the pages of some thousand users, wherever they lie among a million.
# SQLite's own measure is 2,000. No mmap: a file that is cut short would end the process.
LARGER_CACHE = "PRAGMA cache_size = -8000"

# What a claim lost against is in it, too.
LOST = f"""SELECT {COLUMNS}, lease_owner, lease_expires_at FROM external_auth_links
WHERE provider_id = ? AND user_id = ?"""

GET = f"SELECT {COLUMNS} FROM external_auth_links WHERE provider_id = ? AND user_id = ?"

# SQLite reads the whole table for `(provider_id, user_id) IN (VALUES ...)`; it never reorders a CROSS JOIN.
GET_MANY = f"""WITH wanted (provider, user) AS (VALUES %s) SELECT {COLUMNS}
FROM wanted CROSS JOIN external_auth_links ON provider_id = wanted.provider AND user_id = wanted.user"""

LINKS_OF = f"""SELECT {COLUMNS} FROM external_auth_links
WHERE user_id = :user_id"""

PUT = f"""INSERT INTO external_auth_links (
  provider_id, user_id, version, created_at, updated_at, oauth_written_at,
  oauth_access_token, oauth_refresh_token, oauth_expiry, oauth_scopes, oauth_token_type, oauth_extra,
  oauth_access_token_key_id, oauth_refresh_token_key_id, oauth_issued_at,
  oauth_refresh_token_expiry, oauth_resource_tokens, oauth_client_id, oauth_token_endpoint, oauth_resource
) VALUES (
  :provider_id, :user_id, (SELECT retired_version FROM external_auth_meta) + 1, {NOW}, {NOW}, {NOW},
  :access_token, :refresh_token, :expiry, :scopes, :token_type, :extra,
  :access_token_key_id, :refresh_token_key_id, :issued_at,
  :refresh_token_expiry, :resource_tokens, :client_id, :token_endpoint, :resource
) ON CONFLICT (provider_id, user_id) DO UPDATE SET
  version = version + 1, updated_at = excluded.updated_at, oauth_written_at = excluded.oauth_written_at,
  oauth_access_token = excluded.oauth_access_token, oauth_refresh_token = excluded.oauth_refresh_token,
  oauth_expiry = excluded.oauth_expiry, oauth_scopes = excluded.oauth_scopes,
  oauth_token_type = excluded.oauth_token_type, oauth_extra = excluded.oauth_extra,
  oauth_access_token_key_id = excluded.oauth_access_token_key_id,
  oauth_refresh_token_key_id = excluded.oauth_refresh_token_key_id,
  oauth_issued_at = excluded.oauth_issued_at,
  oauth_refresh_token_expiry = excluded.oauth_refresh_token_expiry,
  oauth_resource_tokens = excluded.oauth_resource_tokens,
  oauth_client_id = excluded.oauth_client_id, oauth_token_endpoint = excluded.oauth_token_endpoint,
  oauth_resource = excluded.oauth_resource,
  {_CLEAR_ACCOUNT}, {_CLEAR_MARKS}, {_CLEAR_LEASE}, unresolved_since = NULL
RETURNING {COLUMNS}"""

# A trigger remembers the version, so that no later link of the key repeats it.
DELETE = f"""DELETE FROM external_auth_links
WHERE provider_id = :provider_id AND user_id = :user_id RETURNING {COLUMNS}"""

CLAIM = f"""UPDATE external_auth_links SET
  unresolved_since = CASE WHEN lease_owner <> :owner
    THEN coalesce(unresolved_since, lease_taken_at) ELSE unresolved_since END,
  lease_taken_at = CASE WHEN lease_owner = :owner THEN lease_taken_at ELSE {NOW} END,
  lease_expires_at = {NOW} + :ttl,
  lease_owner = :owner
WHERE {_AT_VERSION}
  AND (lease_owner IS NULL OR lease_owner = :owner OR (:lapsed AND lease_expires_at <= {NOW})
    OR (lease_owner = :seen_owner AND lease_expires_at = :seen_expiry))
RETURNING {COLUMNS}, {NOW} - unresolved_since, {NOW}"""


def _save(whose: str) -> str:
    return f"""UPDATE external_auth_links SET
  version = version + 1, updated_at = {NOW}, oauth_written_at = {NOW},
  oauth_access_token = :access_token, oauth_refresh_token = :refresh_token,
  oauth_expiry = :expiry, oauth_scopes = :scopes, oauth_token_type = :token_type,
  oauth_extra = :extra, oauth_access_token_key_id = :access_token_key_id,
  oauth_refresh_token_key_id = :refresh_token_key_id, oauth_issued_at = :issued_at,
  oauth_refresh_token_expiry = :refresh_token_expiry, oauth_resource_tokens = :resource_tokens,
  {whose},
  {_CLEAR_MARKS}, {_CLEAR_LEASE}, unresolved_since = NULL
WHERE {_AT_VERSION} AND {_OF_THAT_WRITE} RETURNING {returned()}"""


# A save with an origin says all of it; one without leaves all of it.
SAVE = _save("""oauth_resource = CASE WHEN :client_id IS NULL THEN oauth_resource ELSE :resource END,
  oauth_client_id = coalesce(:client_id, oauth_client_id),
  oauth_token_endpoint = coalesce(:token_endpoint, oauth_token_endpoint)""")

SAVE_OTHER_GRANT = _save(f"""oauth_client_id = :client_id, oauth_token_endpoint = :token_endpoint,
  oauth_resource = :resource, {_CLEAR_ACCOUNT}""")

# A permanent mark has a reason and no time to retry at. A fence is replaced by nothing, a
# doubt by what is worse.
RECORD_FAILURE = f"""UPDATE external_auth_links SET
  oauth_refresh_failure_reason = :reason, oauth_refresh_failure_at = :at,
  oauth_refresh_failure_version = :version, oauth_refresh_failure_retry_at = :retry_at,
  oauth_refresh_failure_attempts = :attempts
WHERE {_AT_VERSION} AND {_OF_THAT_WRITE} AND (:retry_at IS NULL OR oauth_refresh_failure_reason IS NULL
  OR oauth_refresh_failure_retry_at IS NOT NULL)
  AND {gives_way(":reason", ":retry_at")}
RETURNING {COLUMNS}"""

# Names below the provider are those between the bounds, by code point: a range of the primary key. A fence
# and a doubt are lifted by their own reasons alone.
LIFT_FAILURE = f"""UPDATE external_auth_links SET {_CLEAR_MARKS}
WHERE (provider_id = :provider_id OR (provider_id >= :below AND provider_id < :beyond))
  AND oauth_refresh_failure_reason IS NOT NULL
  AND (:user_id IS NULL OR user_id = :user_id)
  AND (oauth_refresh_failure_reason = :reason OR (:reason IS NULL AND NOT {STANDS}))
  AND (:since IS NULL OR oauth_refresh_failure_at >= :since)
RETURNING provider_id, user_id, version"""

RELEASE = f"""UPDATE external_auth_links SET
  unresolved_since = CASE WHEN :unresolved
    THEN coalesce(unresolved_since, lease_taken_at) ELSE unresolved_since END,
  {_CLEAR_LEASE}
WHERE {_AT_VERSION} AND lease_owner = :owner
RETURNING 1"""

RECORD_ACCOUNT = f"""UPDATE external_auth_links SET
  account_id = :account_id, account_login = :login, account_display_name = :display_name,
  account_avatar_url = :avatar_url
WHERE {_AT_VERSION} RETURNING {COLUMNS}"""

RESEAL = f"""UPDATE external_auth_links SET
  oauth_access_token = :access_token, oauth_refresh_token = :refresh_token,
  oauth_access_token_key_id = :access_token_key_id,
  oauth_refresh_token_key_id = :refresh_token_key_id, oauth_resource_tokens = :resource_tokens,
  oauth_extra = coalesce(:extra, oauth_extra)
WHERE {_AT_VERSION} AND {_OF_THAT_WRITE} RETURNING {COLUMNS}"""

_BEHIND_KEY = "(provider_id, user_id) > (:after_provider, :after_user)"


def _due(by: DueBy, place: str, order: str) -> str:
    return f"""SELECT * FROM (SELECT provider_id, user_id, {WHEN[by]} AS due_at FROM external_auth_links
WHERE {FAMILY} = :family AND {WHICH[by]} AND {WHEN[by]} {place}
  AND (+provider_id = :provider_id OR (+provider_id >= :below AND +provider_id < :beyond))
ORDER BY {order}provider_id, user_id LIMIT :limit)"""


# SQLite begins no walk along an index at several values of which one is an expression, and would read each
# page from the first link on: so those that are due at the same moment are asked for by themselves. The plus
# keeps it from walking along the primary key.
DUE: Mapping[DueBy, str] = {
    by: f"""{_due(by, f"= :after_at AND :after_at < :before AND {_BEHIND_KEY}", "")}
UNION ALL
{_due(by, f"> :after_at AND {WHEN[by]} < :before", "due_at, ")}
ORDER BY due_at, provider_id, user_id LIMIT :limit"""
    for by in DueBy
}
