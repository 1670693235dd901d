"""What moving links in and out says to Postgres: one statement for each method."""

from __future__ import annotations

from typing import Final

from extauth.adapters.postgres.statements import DURABLE

# The share lock is that of a put: a version that a deleted link had is never given again. The version of a
# mark is that of the link, which is not known before.
ADD: Final = f"""WITH floor AS (SELECT retired_version FROM external_auth_meta FOR SHARE)
INSERT INTO external_auth_links (
  provider_id, user_id, version, created_at, updated_at, oauth_written_at, unresolved_since,
  oauth_access_token, oauth_refresh_token, oauth_access_token_key_id, oauth_refresh_token_key_id,
  oauth_expiry, oauth_issued_at, oauth_scopes, oauth_token_type, oauth_extra,
  oauth_refresh_token_expiry, oauth_resource_tokens, oauth_client_id, oauth_token_endpoint, oauth_resource,
  oauth_refresh_failure_version, oauth_refresh_failure_reason, oauth_refresh_failure_at,
  oauth_refresh_failure_retry_at, oauth_refresh_failure_attempts,
  account_id, account_login, account_display_name, account_avatar_url
) SELECT $1, $2, retired_version + 1,
  coalesce($17, moment), coalesce($18, moment), coalesce($18, moment), $19::timestamptz,
  $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
  CASE WHEN $20::bigint IS NULL THEN NULL ELSE retired_version + 1 END, $21, $22::timestamptz,
  $23::timestamptz, $24::integer,
  $25, $26, $27, $28
FROM floor CROSS JOIN clock_timestamp() AS moment
ON CONFLICT (provider_id, user_id) DO NOTHING RETURNING version, {DURABLE}"""

THERE: Final = "SELECT 1 FROM external_auth_links WHERE provider_id = $1 AND user_id = $2"

# No id is empty, so that '' comes before all of them.
KEYS: Final = """SELECT provider_id, user_id FROM external_auth_links
WHERE (provider_id, user_id) > ($1, $2) ORDER BY provider_id, user_id LIMIT $3"""

# Names below the provider are those between the bounds, by code point.
KEYS_OF: Final = """SELECT provider_id, user_id FROM external_auth_links
WHERE (provider_id = $4 OR (provider_id >= $5 AND provider_id < $6)) AND (provider_id, user_id) > ($1, $2)
ORDER BY provider_id, user_id LIMIT $3"""
