"""Statements that carry many writes of one kind out at once, made of the statement for one.

Each parameter becomes an array of texts, with one for each write; about arrays of anything else asyncpg would
ask the server first, and leave a setting in the session. What is returned says of each whether its row could
be had. Rows that another transaction has locked are left out instead of being waited for: so neither does one
hold the others up, nor can two such statements wait for each other. Who is left out writes alone.

A row is locked as it is now, and its conditions are looked at after that (under READ COMMITTED).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Final

from extauth.adapters.postgres import statements
from extauth.adapters.sql.audit_columns import COLUMNS, OF_THE_ENTRY, OF_THE_LINK, TABLE

_KEY: Final = ("text", "text")
_TOKENS: Final = (
    *("text", "text", "text", "text", "timestamptz", "timestamptz"),
    *("text", "text", "text", "timestamptz", "text"),
)
_SAVE: Final = (*_KEY, *_TOKENS, "bigint", "text", "text", "text", "timestamptz")

_CLAIM: Final = (*_KEY, "bigint", "text", "bigint", "boolean", "text", "timestamptz")

TYPES: Final[Mapping[str, Sequence[str]]] = {
    statements.CLAIM: _CLAIM,
    statements.CLAIM_IN_SILENCE: _CLAIM,
    statements.SAVE: _SAVE,
    statements.SAVE_OTHER_GRANT: _SAVE,
    statements.RECORD_FAILURE: (
        *(*_KEY, "bigint", "text", "timestamptz", "timestamptz"),
        *("bigint", "timestamptz"),
    ),
    statements.RELEASE: (*_KEY, "bigint", "text", "boolean"),
}
"""The statements that there is such a one for, with the types of their parameters."""

_INSTANTS: Final = ", ".join(
    (
        *("created_at", "updated_at", "oauth_written_at", "oauth_expiry", "oauth_issued_at"),
        *("oauth_refresh_token_expiry", "oauth_refresh_failure_at", "oauth_refresh_failure_retry_at"),
        *("lease_taken_at", "lease_expires_at", "unresolved_since"),
    )
)

# Of a row with another date, which another program wrote, the driver makes nothing, nor of those beside it.
_READABLE: Final = (
    f"least({_INSTANTS}) > timestamptz '0001-01-02 00:00:00+00'"
    f" AND greatest({_INSTANTS}) < timestamptz '9999-12-31 00:00:00+00'"
)

_INFINITIES: Final = {
    datetime.max.replace(tzinfo=UTC): "infinity",
    datetime.min.replace(tzinfo=UTC): "-infinity",
}

DONE, NUMBER, HAD = -3, -2, -1
"""The last columns of a row: whether something was written (or null), which write it is, counted from one,
and whether its row was there and free."""


@cache
def together(sql: str, *, audited: bool) -> str:
    """Write the statement for many; ``audited`` with an entry for each, whose values come last."""
    types = [*TYPES[sql], *["text" for _ in OF_THE_ENTRY if audited]]
    update, _, returned = sql.rpartition("RETURNING ")
    change, condition = _of_arrays(update).split("\nWHERE ")
    arrays = ", ".join(f"${number}::text[]" for number in range(1, len(types) + 1))
    names = ", ".join(f"p{number}" for number in range(1, len(types) + 1))
    values = ", ".join(f"p{number}::{each} AS p{number}" for number, each in enumerate(types, 1))
    return f"""WITH asked AS (
SELECT {values}, number FROM unnest({arrays}) WITH ORDINALITY AS given ({names}, number)
), had AS (
SELECT number FROM asked JOIN external_auth_links ON provider_id = p1 AND user_id = p2
WHERE {_READABLE}
FOR NO KEY UPDATE OF external_auth_links SKIP LOCKED
), done AS (
{change}
FROM asked JOIN had USING (number) WHERE {condition}
RETURNING {returned}, number
){_entries(len(TYPES[sql])) if audited else ""}
SELECT done.*, asked.number, had.number IS NOT NULL
FROM asked LEFT JOIN had USING (number) LEFT JOIN done USING (number)"""


def as_text(value: object) -> str | None:
    """Write a parameter as the statement for many takes it.

    The last and the first datetime are infinities, as asyncpg has them.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        instant = value.astimezone(UTC)
        beyond = _INFINITIES.get(instant)
        return instant.isoformat() if beyond is None else beyond
    return str(value)  # an integer, or a boolean


def _of_arrays(sql: str) -> str:
    return re.sub(r"\$(\d+)", r"p\1", sql)


def _entries(before: int) -> str:
    said = ", ".join(f"p{number}" for number in range(before + 1, before + 1 + len(OF_THE_ENTRY)))
    return f""", audited AS (
INSERT INTO {TABLE} ({", ".join(COLUMNS)})
SELECT {", ".join(OF_THE_LINK)}, {said} FROM done JOIN asked USING (number)
)"""
