"""The outbox's table, and the triggers that write to it.

So an event is in the transaction that makes it true, whichever replica or version of extauth writes.

The function goes by the schema of the table that it is called for, whatever the ``search_path``. It has the
rights of whoever writes: those of a role from before the outbox suffice as long as nobody listens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

ENDS_AT: Final = """(CASE WHEN oauth_refresh_token IS NULL THEN oauth_expiry
  ELSE oauth_refresh_token_expiry END)"""


def is_broken(row: str) -> str:
    """Write the condition that a row has a permanent mark on its version."""
    return f"""({row}.oauth_refresh_failure_reason IS NOT NULL
  AND {row}.oauth_refresh_failure_retry_at IS NULL
  AND {row}.oauth_refresh_failure_version IS NOT DISTINCT FROM {row}.version)"""


_WRITE: Final = """CREATE OR REPLACE FUNCTION external_auth_outbox_write() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  listening boolean;
  detail text;
  ends_at timestamptz;
BEGIN
  EXECUTE format('SELECT outbox_until > clock_timestamp() FROM %I.external_auth_meta',
    TG_TABLE_SCHEMA) INTO listening;
  IF listening IS NULL THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' THEN
    EXECUTE format('DELETE FROM %I.external_auth_outbox WHERE provider_id = $1 AND user_id = $2',
      TG_TABLE_SCHEMA) USING OLD.provider_id, OLD.user_id;
    RETURN NULL;
  END IF;
  IF NOT listening THEN
    RETURN NULL;
  END IF;
  IF TG_ARGV[0] = 'link.broken' THEN
    detail := NEW.oauth_refresh_failure_reason;
  ELSIF TG_ARGV[0] = 'link.expiring' THEN
    detail := NEW.outbox_source;
    ends_at := NEW.outbox_ends_at;
  END IF;
  EXECUTE format('INSERT INTO %I.external_auth_outbox
    (event_id, type, provider_id, user_id, version, happened_at, detail, ends_at, due_at)
    VALUES ($1, $2, $3, $4, $5, clock_timestamp(), $6, $7, clock_timestamp())', TG_TABLE_SCHEMA)
    USING md5(concat(random(), clock_timestamp(), txid_current(), NEW.user_id)), TG_ARGV[0],
      NEW.provider_id, NEW.user_id, NEW.version, detail, ends_at;
  RETURN NULL;
END $$"""


def _trigger(name: str, when: str) -> str:
    return f"""CREATE TRIGGER external_auth_links_{name} AFTER UPDATE ON external_auth_links
FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION external_auth_outbox_write('link.{name}')"""


TRIGGERS: Final[Mapping[str, str]] = {
    f"external_auth_links_{name}": trigger
    for name, trigger in {
        "broken": _trigger("broken", f"{is_broken('NEW')} AND NOT {is_broken('OLD')}"),
        "recovered": _trigger("recovered", f"{is_broken('OLD')} AND NOT {is_broken('NEW')}"),
        "expiring": _trigger(
            "expiring",
            "NEW.outbox_ends_at IS NOT NULL AND NEW.outbox_ends_at IS DISTINCT FROM OLD.outbox_ends_at",
        ),
        "forget": """CREATE TRIGGER external_auth_links_forget AFTER DELETE ON external_auth_links
FOR EACH ROW EXECUTE FUNCTION external_auth_outbox_write()""",
    }.items()
}
"""By name. Made anew where they are missing: ``CREATE TABLE ... (LIKE ...)`` copies none."""

OUTBOX: Final[Sequence[str]] = (
    """CREATE TABLE external_auth_outbox (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id text NOT NULL,
  type text NOT NULL,
  provider_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  happened_at timestamptz NOT NULL,
  detail text,
  ends_at timestamptz,
  attempts bigint NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL,
  lease_owner text,
  lease_expires_at timestamptz,
  code text,
  dead_at timestamptz
)""",
    "CREATE INDEX external_auth_outbox_link ON external_auth_outbox (provider_id, user_id, number)",
    """CREATE INDEX external_auth_outbox_due ON external_auth_outbox (due_at, number)
WHERE dead_at IS NULL""",
    "CREATE INDEX external_auth_outbox_dead ON external_auth_outbox (number) WHERE dead_at IS NOT NULL",
    "ALTER TABLE external_auth_meta ADD COLUMN outbox_until timestamptz",
    "ALTER TABLE external_auth_links ADD COLUMN outbox_ends_at timestamptz",
    "ALTER TABLE external_auth_links ADD COLUMN outbox_source text",
    f"""CREATE INDEX external_auth_links_end ON external_auth_links ({ENDS_AT}, provider_id, user_id)
WHERE {ENDS_AT} IS NOT NULL""",
    _WRITE,
    *TRIGGERS.values(),
)
