"""What :class:`SqliteOutbox` says to SQLite: one statement for each method."""

from __future__ import annotations

from extauth.adapters.sql.link_columns import WRITTEN_AT
from extauth.adapters.sql.outbox_rows import ENDING, EVENT
from extauth.adapters.sqlite.outbox_schema import ENDS_AT, is_broken
from extauth.adapters.sqlite.statements import NOW

KEEP_ON = f"""UPDATE external_auth_meta
SET outbox_until = max(coalesce(outbox_until, 0), {NOW} + :span) RETURNING 1"""

_FREE = f"(lease_expires_at IS NULL OR lease_expires_at <= {NOW})"

# Only the oldest of each link: the next one waits until that is gone or set aside.
CLAIM = f"""UPDATE external_auth_outbox SET
  lease_owner = :owner, lease_expires_at = {NOW} + :ttl, attempts = attempts + 1
WHERE number IN (SELECT number FROM external_auth_outbox AS due
  WHERE dead_at IS NULL AND due_at <= {NOW} AND {_FREE}
    AND NOT EXISTS (SELECT 1 FROM external_auth_outbox AS earlier
      WHERE earlier.provider_id = due.provider_id AND earlier.user_id = due.user_id
        AND earlier.number < due.number AND earlier.dead_at IS NULL)
  ORDER BY due_at, number LIMIT :limit)
RETURNING {EVENT}, due_at"""

_LEASED = "number = :number AND lease_owner = :owner AND dead_at IS NULL"

ACKNOWLEDGE = f"DELETE FROM external_auth_outbox WHERE {_LEASED} RETURNING 1"

POSTPONE = f"""UPDATE external_auth_outbox SET
  lease_owner = NULL, lease_expires_at = NULL, code = :code,
  due_at = {NOW} + coalesce(:delay, 0), dead_at = CASE WHEN :delay IS NULL THEN {NOW} END
WHERE {_LEASED} RETURNING 1"""

ENDING_LINKS = f"""SELECT {ENDING.format(written_at=WRITTEN_AT, ends_at=ENDS_AT)}
FROM external_auth_links
WHERE {ENDS_AT} BETWEEN :since AND :before
  AND ({ENDS_AT}, provider_id, user_id) > (:after, :after_provider, :after_user)
  AND NOT {is_broken("external_auth_links")}
ORDER BY {ENDS_AT}, provider_id, user_id LIMIT :limit"""

TELL_EXPIRING = f"""UPDATE external_auth_links SET outbox_ends_at = :ends_at, outbox_source = :source
WHERE provider_id = :provider_id AND user_id = :user_id AND version = :version
  AND outbox_ends_at IS :told AND NOT {is_broken("external_auth_links")}
  AND (SELECT outbox_until FROM external_auth_meta) > {NOW}
RETURNING 1"""

COUNTS = """SELECT count(*) FILTER (WHERE dead_at IS NULL), count(*) FILTER (WHERE dead_at IS NOT NULL),
  min(happened_at) FILTER (WHERE dead_at IS NULL), (SELECT outbox_until FROM external_auth_meta)
FROM external_auth_outbox"""

DEAD_LETTERS = f"""SELECT {EVENT}, code, dead_at FROM external_auth_outbox
WHERE dead_at IS NOT NULL AND number > :after ORDER BY number LIMIT :limit"""

_CHOSEN = """dead_at IS NOT NULL
  AND (:numbers IS NULL OR number IN (SELECT value FROM json_each(:numbers)))"""

REQUEUE = f"""UPDATE external_auth_outbox SET dead_at = NULL, attempts = 0, due_at = {NOW}
WHERE {_CHOSEN} RETURNING 1"""

DISCARD = f"DELETE FROM external_auth_outbox WHERE {_CHOSEN} RETURNING 1"
