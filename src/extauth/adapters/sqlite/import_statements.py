"""What moving links in and out says to SQLite: one statement for each method."""

from __future__ import annotations

from typing import Final

from extauth.adapters.sqlite.statements import NOW

# The version of a mark is that of the link, which is not known before.
ADD: Final = f"""INSERT INTO external_auth_links (
  provider_id, user_id, version, created_at, updated_at, oauth_written_at, unresolved_since,
  oauth_access_token, oauth_refresh_token, oauth_expiry, oauth_scopes, oauth_token_type, oauth_extra,
  oauth_access_token_key_id, oauth_refresh_token_key_id, oauth_issued_at,
  oauth_refresh_token_expiry, oauth_resource_tokens, oauth_client_id, oauth_token_endpoint, oauth_resource,
  account_id, account_login, account_display_name, account_avatar_url,
  oauth_refresh_failure_reason, oauth_refresh_failure_at, oauth_refresh_failure_version,
  oauth_refresh_failure_retry_at, oauth_refresh_failure_attempts
) SELECT
  :provider_id, :user_id, retired_version + 1,
  coalesce(:created_at, {NOW}), coalesce(:updated_at, {NOW}), coalesce(:updated_at, {NOW}), :unresolved_since,
  :access_token, :refresh_token, :expiry, :scopes, :token_type, :extra,
  :access_token_key_id, :refresh_token_key_id, :issued_at,
  :refresh_token_expiry, :resource_tokens, :client_id, :token_endpoint, :resource,
  :account_id, :login, :display_name, :avatar_url,
  :reason, :at, CASE WHEN :reason IS NULL THEN NULL ELSE retired_version + 1 END, :retry_at, :attempts
FROM external_auth_meta WHERE true
ON CONFLICT (provider_id, user_id) DO NOTHING RETURNING version"""

THERE: Final = """SELECT 1 FROM external_auth_links
WHERE provider_id = :provider_id AND user_id = :user_id"""

_AFTER: Final = """(:after_provider IS NULL OR (provider_id, user_id) > (:after_provider, :after_user))
ORDER BY provider_id, user_id LIMIT :limit"""

KEYS: Final = f"SELECT provider_id, user_id FROM external_auth_links WHERE {_AFTER}"

# Names below the provider are those between the bounds, by code point.
KEYS_OF: Final = f"""SELECT provider_id, user_id FROM external_auth_links
WHERE (provider_id = :provider_id OR (provider_id >= :below AND provider_id < :beyond)) AND {_AFTER}"""
