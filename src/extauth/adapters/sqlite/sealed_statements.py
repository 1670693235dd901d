"""What :class:`SqliteLinkStore` says to SQLite about which rows are encrypted with which key."""

from __future__ import annotations

from extauth.adapters.sql.sealed_rows import CLIENT_TEXTS, LINK_TEXTS, SLICE, head

_COLUMNS = f"""provider_id, user_id, {", ".join(map(head, LINK_TEXTS))}, oauth_extra, oauth_resource_tokens"""

SEALED_LINKS = f"""SELECT {_COLUMNS} FROM external_auth_links
WHERE (provider_id, user_id) > (:provider, :user) ORDER BY provider_id, user_id LIMIT {SLICE}"""

SEALED_LINKS_OF = f"""WITH wanted (provider, user) AS (VALUES %s) SELECT {_COLUMNS}
FROM wanted CROSS JOIN external_auth_links ON provider_id = provider AND user_id = user"""

SEALED_REGISTRATIONS = f"""SELECT name, {", ".join(map(head, CLIENT_TEXTS))} FROM external_auth_registrations
WHERE name > :after ORDER BY name LIMIT {SLICE}"""

SEALED_AUTHORIZATIONS = f"""SELECT state_hash, {head("salt")}, expires_at FROM external_auth_authorizations
WHERE state_hash > :after AND salt IS NOT NULL ORDER BY state_hash LIMIT {SLICE}"""

RESEAL_REGISTRATION = """UPDATE external_auth_registrations
SET client_secret = :secret, registration_token = :token
WHERE name = :name AND client_id = :client_id
  AND client_secret IS :old_secret AND registration_token IS :old_token
RETURNING 1"""
