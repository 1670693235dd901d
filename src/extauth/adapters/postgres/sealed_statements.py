"""What :class:`PostgresLinkStore` says to Postgres about which rows are encrypted with which key."""

from __future__ import annotations

from extauth.adapters.postgres.statements import DURABLE
from extauth.adapters.sql.sealed_rows import CLIENT_TEXTS, LINK_TEXTS, SLICE, head

_COLUMNS = f"""provider_id, user_id, {", ".join(map(head, LINK_TEXTS))}, oauth_extra, oauth_resource_tokens"""

SEALED_LINKS = f"""SELECT {_COLUMNS} FROM external_auth_links
WHERE (provider_id, user_id) > ($1, $2) ORDER BY provider_id, user_id LIMIT {SLICE}"""

SEALED_LINKS_OF = f"""SELECT {_COLUMNS} FROM external_auth_links
WHERE (provider_id, user_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))"""

SEALED_REGISTRATIONS = f"""SELECT name, {", ".join(map(head, CLIENT_TEXTS))} FROM external_auth_registrations
WHERE name > $1 ORDER BY name LIMIT {SLICE}"""

SEALED_AUTHORIZATIONS = f"""SELECT state_hash, {head("salt")}, expires_at FROM external_auth_authorizations
WHERE state_hash > $1 AND salt IS NOT NULL ORDER BY state_hash LIMIT {SLICE}"""

RESEAL_REGISTRATION = f"""UPDATE external_auth_registrations SET client_secret = $5, registration_token = $6
WHERE name = $1 AND client_id = $2
  AND client_secret IS NOT DISTINCT FROM $3 AND registration_token IS NOT DISTINCT FROM $4
RETURNING {DURABLE}"""
