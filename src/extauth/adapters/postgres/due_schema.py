"""The indexes by which links are due, and the expressions that statements must repeat to use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from extauth.adapters.sql.link_columns import WRITTEN_AT
from extauth.domain.due import DueBy

FAMILY = "split_part(provider_id, '/', 1)"
"""The provider that a link and those named below it are of."""

_ALIVE = """oauth_refresh_token IS NOT NULL
  AND (oauth_refresh_failure_reason IS NULL OR oauth_refresh_failure_retry_at IS NOT NULL)"""

# An instant that is infinite has no half; it must not make the save fail of the row that it is in.
_END_IS_KNOWN = f"oauth_refresh_token_expiry > {WRITTEN_AT} AND oauth_refresh_token_expiry < 'infinity'"

WHICH: Mapping[DueBy, str] = {
    DueBy.EXPIRY: f"{_ALIVE} AND oauth_expiry IS NOT NULL",
    DueBy.HALF_LIFE: f"{_ALIVE} AND {_END_IS_KNOWN}",
    DueBy.AGE: f"{_ALIVE} AND ({_END_IS_KNOWN}) IS NOT TRUE",
}

# Of what adds to an instant only this is the same in every session, as an index needs it.
_HALF_LIFE = f"""{WRITTEN_AT} AT TIME ZONE 'UTC' + (oauth_refresh_token_expiry - {WRITTEN_AT}) / 2"""

# greatest() leaves out what is null.
WHEN: Mapping[DueBy, str] = {
    DueBy.EXPIRY: "greatest(oauth_expiry, oauth_refresh_failure_retry_at)",
    DueBy.HALF_LIFE: f"greatest(({_HALF_LIFE}), oauth_refresh_failure_retry_at AT TIME ZONE 'UTC')",
    DueBy.AGE: WRITTEN_AT,
}

INSTANT: Mapping[DueBy, str] = {
    DueBy.EXPIRY: "$%d::timestamptz",
    DueBy.HALF_LIFE: "($%d::timestamptz AT TIME ZONE 'UTC')",
    DueBy.AGE: "$%d::timestamptz",
}
"""A parameter to compare with it."""

DUE_INDEXES: Sequence[str] = tuple(
    f"""CREATE INDEX external_auth_links_by_{by.value}
ON external_auth_links (({FAMILY}), ({WHEN[by]}), provider_id, user_id)
WHERE {WHICH[by]}"""
    for by in DueBy
)
