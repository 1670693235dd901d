"""What :class:`PostgresLinkStore` says to Postgres: one statement for each method of the contract.

Time is ``clock_timestamp()``: ``now()`` is when the transaction began, before any wait for a lock. It is
volatile, too, and so keeps a reading of links on the primary where pgpool-II balances, which takes whatever
calls such a function for a write. So each statement that reads links calls it, though
:data:`~extauth.adapters.postgres.sending.ON_THE_PRIMARY` does the same.

Where two transactions want the same row, the later one waits and then looks at the row as the earlier
one left it (under READ COMMITTED), so a condition on the version holds at the moment of writing. What
``RETURNING`` calls is called in the writing transaction, before its commit.
"""

from __future__ import annotations

from collections.abc import Mapping

from extauth.adapters.postgres.due_schema import FAMILY, INSTANT, WHEN, WHICH
from extauth.adapters.postgres.row import SELECTED
from extauth.adapters.sql.link_columns import STANDS, gives_way, of_that_write, select_list
from extauth.adapters.sql.saved_links import returned
from extauth.domain.due import DueBy

_COLUMNS = select_list(
    pending_since="coalesce(unresolved_since, lease_taken_at)",
    lease_left="lease_expires_at - clock_timestamp()",
    instant=SELECTED,
)

DURABLE = """set_config('synchronous_commit', CASE current_setting('synchronous_commit')
    WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)"""
"""Makes the commit of this transaction wait for the disk, whatever the default of the server, the
database or the role, and leaves the session as it was."""

_KEY = "provider_id = $1 AND user_id = $2"

_TEXTS = """oauth_access_token = $3, oauth_refresh_token = $4,
  oauth_access_token_key_id = $5, oauth_refresh_token_key_id = $6"""

_TOKENS = f"""{_TEXTS},
  oauth_expiry = $7, oauth_issued_at = $8, oauth_scopes = $9, oauth_token_type = $10, oauth_extra = $11,
  oauth_refresh_token_expiry = $12, oauth_resource_tokens = $13"""

_WRITTEN = "updated_at = clock_timestamp(), oauth_written_at = clock_timestamp()"

_CLEAR_MARKS = """oauth_refresh_failure_reason = NULL, oauth_refresh_failure_at = NULL,
  oauth_refresh_failure_version = NULL, oauth_refresh_failure_retry_at = NULL,
  oauth_refresh_failure_attempts = NULL"""

_CLEAR_ACCOUNT = """account_id = NULL, account_login = NULL, account_display_name = NULL,
  account_avatar_url = NULL"""

_CLEAR_LEASE = "lease_owner = NULL, lease_taken_at = NULL, lease_expires_at = NULL"

TIME = "SELECT clock_timestamp()"

# Reads no row, and fails where the table lacks a column, is not there or may not be read.
PING = f"SELECT {_COLUMNS} FROM external_auth_links LIMIT 0"

# What a claim lost against is in it, too.
LOST = f"SELECT {_COLUMNS}, lease_owner, lease_expires_at FROM external_auth_links WHERE {_KEY}"

GET = f"SELECT {_COLUMNS} FROM external_auth_links WHERE {_KEY}"

GET_MANY = f"""SELECT {_COLUMNS} FROM external_auth_links
WHERE (provider_id, user_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))"""

# Of one provider alone, as reads at one moment mostly are: an array less to send and to read.
GET_MANY_OF_ONE = f"""SELECT {_COLUMNS} FROM external_auth_links
WHERE provider_id = $1 AND user_id = ANY($2::text[])"""

LINKS_OF = f"SELECT {_COLUMNS} FROM external_auth_links WHERE user_id = $1"

# The share lock keeps every delete out until this commit, and is granted with the floor as the last
# delete left it: a version that a deleted link had is never given again.
PUT = f"""WITH floor AS (SELECT retired_version FROM external_auth_meta FOR SHARE)
INSERT INTO external_auth_links AS link (
  provider_id, user_id, version, created_at, updated_at, oauth_written_at,
  oauth_access_token, oauth_refresh_token, oauth_access_token_key_id, oauth_refresh_token_key_id,
  oauth_expiry, oauth_issued_at, oauth_scopes, oauth_token_type, oauth_extra,
  oauth_refresh_token_expiry, oauth_resource_tokens, oauth_client_id, oauth_token_endpoint, oauth_resource
) SELECT $1, $2, retired_version + 1, moment, moment, moment,
  $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16
FROM floor CROSS JOIN clock_timestamp() AS moment
ON CONFLICT (provider_id, user_id) DO UPDATE SET
  version = link.version + 1, {_WRITTEN}, {_TOKENS},
  oauth_client_id = $14, oauth_token_endpoint = $15, oauth_resource = $16,
  {_CLEAR_ACCOUNT}, {_CLEAR_MARKS}, {_CLEAR_LEASE}, unresolved_since = NULL
RETURNING {_COLUMNS}, {DURABLE}"""

DELETE = f"""WITH floor AS (SELECT retired_version FROM external_auth_meta FOR UPDATE),
gone AS (DELETE FROM external_auth_links USING floor WHERE {_KEY} RETURNING external_auth_links.*),
retired AS (UPDATE external_auth_meta SET retired_version = greatest(
  external_auth_meta.retired_version, gone.version) FROM gone)
SELECT {_COLUMNS}, {DURABLE} FROM gone"""

# The first eight digits of a log file's name: https://www.postgresql.org/docs/17/functions-admin.html
TIMELINE = "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"

_CLAIM = f"""UPDATE external_auth_links SET
  unresolved_since = CASE WHEN lease_owner <> $4
    THEN coalesce(unresolved_since, lease_taken_at) ELSE unresolved_since END,
  lease_taken_at = CASE WHEN lease_owner = $4 THEN lease_taken_at ELSE clock_timestamp() END,
  lease_expires_at = clock_timestamp() + $5::bigint * interval '1 microsecond',
  lease_owner = $4
WHERE {_KEY} AND version = $3
  AND (lease_owner IS NULL OR lease_owner = $4 OR ($6 AND lease_expires_at <= clock_timestamp())
    OR (lease_owner = $7 AND lease_expires_at = $8))
RETURNING {_COLUMNS}, clock_timestamp() - unresolved_since, clock_timestamp(), {DURABLE}"""

CLAIM = f"{_CLAIM}, {TIMELINE}"
CLAIM_IN_SILENCE = f"{_CLAIM}, NULL::text"
"""For servers that do not say on which timeline they are."""


def _save(whose: str) -> str:
    return f"""UPDATE external_auth_links SET
  version = version + 1, {_WRITTEN}, {_TOKENS},
  {whose},
  {_CLEAR_MARKS}, {_CLEAR_LEASE}, unresolved_since = NULL
WHERE {_KEY} AND version = $14
  AND {of_that_write("$18::timestamptz")} RETURNING {returned(SELECTED)}, {DURABLE}"""


# A save with an origin says all of it; one without leaves all of it.
SAVE = _save("""oauth_resource = CASE WHEN $15::text IS NULL THEN oauth_resource ELSE $17::text END,
  oauth_client_id = coalesce($15::text, oauth_client_id),
  oauth_token_endpoint = coalesce($16::text, oauth_token_endpoint)""")

SAVE_OTHER_GRANT = _save(f"""oauth_client_id = $15, oauth_token_endpoint = $16, oauth_resource = $17,
  {_CLEAR_ACCOUNT}""")

# A permanent mark has a reason and no time to retry at. A fence is replaced by nothing, a
# doubt by what is worse.
RECORD_FAILURE = f"""UPDATE external_auth_links SET
  oauth_refresh_failure_version = $3, oauth_refresh_failure_reason = $4,
  oauth_refresh_failure_at = $5, oauth_refresh_failure_retry_at = $6,
  oauth_refresh_failure_attempts = $7
WHERE {_KEY} AND version = $3 AND ($6::timestamptz IS NULL OR oauth_refresh_failure_reason IS NULL
  OR oauth_refresh_failure_retry_at IS NOT NULL)
  AND {gives_way("$4", "$6::timestamptz")}
  AND {of_that_write("$8::timestamptz")}
RETURNING {_COLUMNS}, {DURABLE}"""

# Names below the provider are those between the bounds, by code point: a range of the primary key. A fence is
# lifted by its own reason alone.
LIFT_FAILURE = f"""UPDATE external_auth_links SET {_CLEAR_MARKS}
WHERE (provider_id = $1 OR (provider_id >= $2 AND provider_id < $3))
  AND oauth_refresh_failure_reason IS NOT NULL
  AND ($4::text IS NULL OR user_id = $4)
  AND (oauth_refresh_failure_reason = $5 OR ($5::text IS NULL AND NOT {STANDS}))
  AND ($6::timestamptz IS NULL OR oauth_refresh_failure_at >= $6)
RETURNING provider_id, user_id, version, {DURABLE}"""

RELEASE = f"""UPDATE external_auth_links SET
  unresolved_since = CASE WHEN $5 THEN coalesce(unresolved_since, lease_taken_at)
    ELSE unresolved_since END,
  {_CLEAR_LEASE}
WHERE {_KEY} AND version = $3 AND lease_owner = $4
RETURNING {DURABLE}"""

RECORD_ACCOUNT = f"""UPDATE external_auth_links SET
  account_id = $4, account_login = $5, account_display_name = $6, account_avatar_url = $7
WHERE {_KEY} AND version = $3 RETURNING {_COLUMNS}, {DURABLE}"""

RESEAL = f"""UPDATE external_auth_links SET {_TEXTS}, oauth_resource_tokens = $7,
  oauth_extra = coalesce($9, oauth_extra)
WHERE {_KEY} AND version = $8 AND {of_that_write("$10::timestamptz")} RETURNING {_COLUMNS}, {DURABLE}"""

# The first page begins at the first instant, and no id is empty. Both ends of the stretch are rows of the
# index's first columns: with `family = $4` the planner, which uses no statistics of a partial index, takes it
# for a few rows, reads all of them and sorts.
DUE: Mapping[DueBy, str] = {
    by: f"""SELECT provider_id, user_id, {WHEN[by]} FROM external_auth_links
WHERE {WHICH[by]} AND ({FAMILY}, {WHEN[by]}) < ($4, {INSTANT[by] % 5})
  AND ({FAMILY}, {WHEN[by]}, provider_id, user_id) > ($4, {INSTANT[by] % 6}, $7, $8)
  AND (provider_id = $1 OR (provider_id >= $2 AND provider_id < $3))
ORDER BY {FAMILY}, {WHEN[by]}, provider_id, user_id LIMIT $9"""
    for by in DueBy
}
