"""The indexes by which links are due, and the expressions that statements must repeat to use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from extauth.adapters.sql.link_columns import WRITTEN_AT
from extauth.domain.due import DueBy

FAMILY = "substr(provider_id, 1, instr(provider_id || '/', '/') - 1)"
"""The provider that a link and those named below it are of."""

_ALIVE = """oauth_refresh_token IS NOT NULL
  AND (oauth_refresh_failure_reason IS NULL OR oauth_refresh_failure_retry_at IS NOT NULL)"""

_END_IS_KNOWN = f"oauth_refresh_token_expiry > {WRITTEN_AT}"

WHICH: Mapping[DueBy, str] = {
    DueBy.EXPIRY: f"{_ALIVE} AND oauth_expiry IS NOT NULL",
    DueBy.HALF_LIFE: f"{_ALIVE} AND {_END_IS_KNOWN}",
    DueBy.AGE: f"{_ALIVE} AND ({_END_IS_KNOWN}) IS NOT TRUE",
}


def _not_before_retry(time: str) -> str:
    return f"max({time}, coalesce(oauth_refresh_failure_retry_at, {time}))"


WHEN: Mapping[DueBy, str] = {
    DueBy.EXPIRY: _not_before_retry("oauth_expiry"),
    DueBy.HALF_LIFE: _not_before_retry(f"({WRITTEN_AT} + (oauth_refresh_token_expiry - {WRITTEN_AT}) / 2)"),
    DueBy.AGE: WRITTEN_AT,
}

DUE_INDEXES: Sequence[str] = tuple(
    f"""CREATE INDEX external_auth_links_by_{by.value}
ON external_auth_links ({FAMILY}, {WHEN[by]}, provider_id, user_id)
WHERE {WHICH[by]}"""
    for by in DueBy
)
