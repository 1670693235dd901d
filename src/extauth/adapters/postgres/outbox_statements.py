"""What :class:`PostgresOutbox` says to Postgres: one statement for each method."""

from __future__ import annotations

from extauth.adapters.postgres.outbox_schema import ENDS_AT, is_broken
from extauth.adapters.postgres.statements import DURABLE
from extauth.adapters.sql.link_columns import WRITTEN_AT
from extauth.adapters.sql.outbox_rows import ENDING, EVENT

_NOW = "clock_timestamp()"


def _in(number: str) -> str:
    return f"{_NOW} + {number}::bigint * interval '1 microsecond'"


KEEP_ON = f"""UPDATE external_auth_meta SET outbox_until = greatest(outbox_until, {_in("$1")})
RETURNING {DURABLE}"""

# Of a view, as one that leads to tables elsewhere, nobody here can tell.
MISSING_TRIGGERS = """SELECT name FROM unnest($1::text[]) AS needed (name)
WHERE NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = name AND tgenabled IN ('O', 'A')
    AND tgrelid = to_regclass('external_auth_links'))
  AND EXISTS (SELECT FROM pg_class
    WHERE oid = to_regclass('external_auth_links') AND relkind IN ('r', 'p'))"""

# Only the oldest of each link: the next one waits until that is gone or set aside. What another replica
# claims at this moment is left to it.
CLAIM = f"""WITH due AS (SELECT number FROM external_auth_outbox AS due
  WHERE dead_at IS NULL AND due_at <= {_NOW} AND (lease_expires_at IS NULL OR lease_expires_at <= {_NOW})
    AND NOT EXISTS (SELECT FROM external_auth_outbox AS earlier
      WHERE earlier.provider_id = due.provider_id AND earlier.user_id = due.user_id
        AND earlier.number < due.number AND earlier.dead_at IS NULL)
  ORDER BY due_at, number LIMIT $3 FOR UPDATE SKIP LOCKED)
UPDATE external_auth_outbox SET
  lease_owner = $1, lease_expires_at = {_in("$2")}, attempts = attempts + 1
FROM due WHERE external_auth_outbox.number = due.number
RETURNING {EVENT.replace("number", "external_auth_outbox.number", 1)}, due_at, {DURABLE}"""

_LEASED = "number = $1 AND lease_owner = $2 AND dead_at IS NULL"

ACKNOWLEDGE = f"DELETE FROM external_auth_outbox WHERE {_LEASED} RETURNING {DURABLE}"

POSTPONE = f"""UPDATE external_auth_outbox SET
  lease_owner = NULL, lease_expires_at = NULL, code = $4,
  due_at = {_in("coalesce($3::bigint, 0)")}, dead_at = CASE WHEN $3::bigint IS NULL THEN {_NOW} END
WHERE {_LEASED} RETURNING {DURABLE}"""

ENDING_LINKS = f"""SELECT {ENDING.format(written_at=WRITTEN_AT, ends_at=ENDS_AT)}
FROM external_auth_links
WHERE {ENDS_AT} BETWEEN $1 AND $2
  AND ({ENDS_AT}, provider_id, user_id) > ($3, $4, $5)
  AND NOT {is_broken("external_auth_links")}
ORDER BY {ENDS_AT}, provider_id, user_id LIMIT $6"""

TELL_EXPIRING = f"""UPDATE external_auth_links SET outbox_ends_at = $4, outbox_source = $5
WHERE provider_id = $1 AND user_id = $2 AND version = $3
  AND outbox_ends_at IS NOT DISTINCT FROM $6 AND NOT {is_broken("external_auth_links")}
  AND (SELECT outbox_until FROM external_auth_meta) > {_NOW}
RETURNING {DURABLE}"""

COUNTS = """SELECT count(*) FILTER (WHERE dead_at IS NULL), count(*) FILTER (WHERE dead_at IS NOT NULL),
  min(happened_at) FILTER (WHERE dead_at IS NULL), (SELECT outbox_until FROM external_auth_meta)
FROM external_auth_outbox"""

DEAD_LETTERS = f"""SELECT {EVENT}, code, dead_at FROM external_auth_outbox
WHERE dead_at IS NOT NULL AND number > $1 ORDER BY number LIMIT $2"""

# An array of texts: for another one asyncpg leaves a setting in the session.
_CHOSEN = "dead_at IS NOT NULL AND ($1::text[] IS NULL OR number = ANY($1::text[]::bigint[]))"

REQUEUE = f"""UPDATE external_auth_outbox SET dead_at = NULL, attempts = 0, due_at = {_NOW}
WHERE {_CHOSEN} RETURNING {DURABLE}"""

DISCARD = f"DELETE FROM external_auth_outbox WHERE {_CHOSEN} RETURNING {DURABLE}"
