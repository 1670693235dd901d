"""What :class:`~extauth.adapters.postgres.history.PostgresHistory` says to Postgres."""

from __future__ import annotations

from typing import Final

from extauth.adapters.postgres.due_schema import FAMILY
from extauth.adapters.postgres.statements import DURABLE, TIMELINE
from extauth.adapters.sql.link_columns import HELD, gives_way, may_be_spent
from extauth.domain.fence import DOUBTFUL, NEVER

# A promotion begins another timeline; a dump that is restored in the same cluster is in other tables, or in
# another database.
_HISTORY = f"""(SELECT system_identifier FROM pg_control_system())::text || '/' || {TIMELINE}
  || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())
  || '/' || 'external_auth_links'::regclass::oid"""

CURRENT = f"SELECT {_HISTORY}"

LOOK = f"""SELECT {_HISTORY}, history, {TIMELINE}, clock_timestamp(), restored_at,
  EXISTS (SELECT FROM external_auth_links) FROM external_auth_meta"""

ACCEPT = f"""UPDATE external_auth_meta SET history = $1
WHERE history IS DISTINCT FROM $1 AND {_HISTORY} = $1 RETURNING {DURABLE}"""

RESTORED = f"""UPDATE external_auth_meta SET history = $1, restored_at = $2
WHERE history IS DISTINCT FROM $1 AND {_HISTORY} = $1 RETURNING {DURABLE}"""

_MAY_BE_SPENT = may_be_spent("$1::timestamptz", spared=f"{FAMILY} = ANY($2::text[])")
_LINK_MAY_BE = may_be_spent(
    "$1::timestamptz", spared="split_part(link.provider_id, '/', 1) = ANY($2::text[])"
)

DOUBTFUL_LINKS = f"SELECT count(*) FROM external_auth_links WHERE {_MAY_BE_SPENT}"

AT_ONCE: Final = 2000
"""How many links are looked at in one statement: those it marks nobody else can write before its end."""

# Locked in the order of the keys, so that two replicas that do this get in each other's way and no worse.
HOLD = f"""WITH page AS (
  SELECT provider_id, user_id FROM external_auth_links
  WHERE (provider_id, user_id) > ($3, $4)
  ORDER BY provider_id, user_id LIMIT {AT_ONCE} FOR UPDATE
), held AS (
  UPDATE external_auth_links AS link SET {HELD},
    oauth_refresh_failure_at = clock_timestamp(), oauth_refresh_failure_retry_at = '{NEVER.isoformat()}'
  FROM page WHERE link.provider_id = page.provider_id AND link.user_id = page.user_id
    AND {_LINK_MAY_BE}
    AND {gives_way(f"'{DOUBTFUL}'", "now()")}
  RETURNING 1
), last AS (
  SELECT provider_id, user_id FROM page ORDER BY provider_id DESC, user_id DESC LIMIT 1
)
SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM page), last.provider_id, last.user_id, {DURABLE}
FROM last"""

AGREE = f"UPDATE external_auth_meta SET restored_at = NULL WHERE restored_at IS NOT NULL RETURNING {DURABLE}"
