"""What :class:`~extauth.adapters.sqlite.history.SqliteHistory` says to SQLite."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from extauth.adapters.sql.link_columns import HELD, gives_way, may_be_spent
from extauth.adapters.sqlite.due_schema import FAMILY
from extauth.adapters.sqlite.row import instant_to_micros
from extauth.adapters.sqlite.rows import Values
from extauth.adapters.sqlite.statements import NOW
from extauth.adapters.sqlite.unseen import Parameters
from extauth.domain.fence import DOUBTFUL, NEVER

HISTORY = f"SELECT history, {NOW}, restored_at FROM external_auth_meta"

KEEP = "UPDATE external_auth_meta SET history = ?, restored_at = coalesce(?, restored_at)"

AGREE = "UPDATE external_auth_meta SET restored_at = NULL"

AT_ONCE: Final = 2000
"""How many links are looked at in one transaction: nobody else can write before its end."""

LAST_OF_PAGE = """SELECT provider_id, user_id FROM external_auth_links
WHERE (provider_id, user_id) > (?, ?) ORDER BY provider_id, user_id LIMIT 1 OFFSET ?"""


def doubtful_links(before: datetime, spared: Collection[str]) -> tuple[str, Parameters]:
    """Count the links whose refresh token may be spent."""
    where, values = _may_be_spent(before, spared)
    return f"SELECT count(*) FROM external_auth_links WHERE {where}", Parameters(values)


def hold(
    before: datetime, spared: Collection[str], after: tuple[str, str], last: tuple[str, str] | None
) -> tuple[str, Values]:
    """Mark those of them that come after one and up to another."""
    where, values = _may_be_spent(before, spared)
    values["after_provider"], values["after_user"] = after
    values["last_provider"], values["last_user"] = last or (None, None)
    return (
        f"""UPDATE external_auth_links SET {HELD},
  oauth_refresh_failure_at = {NOW}, oauth_refresh_failure_retry_at = {instant_to_micros(NEVER)}
WHERE (provider_id, user_id) > (:after_provider, :after_user)
  AND (:last_provider IS NULL OR (provider_id, user_id) <= (:last_provider, :last_user))
  AND {where} AND {gives_way(f"'{DOUBTFUL}'", "1")}""",
        values,
    )


def _may_be_spent(before: datetime, spared: Collection[str]) -> tuple[str, dict[str, object]]:
    named = {f"spared_{number}": each for number, each in enumerate(spared)}
    condition = f"{FAMILY} IN ({', '.join(f':{name}' for name in named)})"
    return may_be_spent(":before", spared=condition), {"before": instant_to_micros(before), **named}
