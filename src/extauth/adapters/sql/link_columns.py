"""The columns of a link's row, in the order in which both databases select them.

Numbers, and no enum: every token handed out reads a row, and reading it by an IntEnum takes a quarter longer.
"""

from __future__ import annotations

from typing import TypeAlias

from extauth.domain import fence

RowKey: TypeAlias = tuple[str, str]
"""Provider id and user id, the first two columns. Reads by key are put together and told apart by it: a tuple
is hashed and compared several times as fast as a ``LinkKey``."""

PROVIDER_ID = 0
USER_ID = 1
VERSION = 2
CREATED_AT = 3
UPDATED_AT = 4
OAUTH_ACCESS_TOKEN = 5
OAUTH_REFRESH_TOKEN = 6
OAUTH_EXPIRY = 7
OAUTH_ISSUED_AT = 8
OAUTH_REFRESH_TOKEN_EXPIRY = 9
# What most links of a provider have in common.
OAUTH_SCOPES = 10
OAUTH_TOKEN_TYPE = 11
OAUTH_ACCESS_TOKEN_KEY_ID = 12
OAUTH_REFRESH_TOKEN_KEY_ID = 13
OAUTH_CLIENT_ID = 14
OAUTH_TOKEN_ENDPOINT = 15
OAUTH_RESOURCE = 16

ACCOUNT_ID = 17
ACCOUNT_LOGIN = 18
ACCOUNT_DISPLAY_NAME = 19
ACCOUNT_AVATAR_URL = 20
OAUTH_EXTRA = 21
# What few links have.
OAUTH_RESOURCE_TOKENS = 22
OAUTH_REFRESH_FAILURE_REASON = 23
OAUTH_REFRESH_FAILURE_AT = 24
OAUTH_REFRESH_FAILURE_VERSION = 25
OAUTH_REFRESH_FAILURE_RETRY_AT = 26
OAUTH_REFRESH_FAILURE_ATTEMPTS = 27

PENDING_SINCE = 28
LEASE_LEFT = 29

_NAMES = [name.lower() for name in list(globals()) if name.isupper()]

OF_A_LINK = len(_NAMES)
"""How many they are."""

UNRESOLVED_FOR = len(_NAMES)
CLAIMED_AT = UNRESOLVED_FOR + 1
"""What a claim returns after them."""
TIMELINE = CLAIMED_AT + 2
"""What it returns on Postgres, too."""

LEASE_OWNER = len(_NAMES)
LEASE_EXPIRES_AT = LEASE_OWNER + 1
"""What is read after them to say what a claim lost against."""


WRITTEN_AT = "coalesce(oauth_written_at, updated_at)"
"""When the credentials were last written: in a column that no trigger of the application's knows, as one that
sets ``updated_at`` at every change. Null in rows that an older version has written."""


STANDS = f"coalesce(oauth_refresh_failure_reason, '') IN {fence.STANDING}"
"""The condition that a fence or a doubt stands beside the tokens."""


def gives_way(reason: str, retry_at: str) -> str:
    """Write the condition that no fence stands there, nor a doubt that such a mark may not replace."""
    return f"""(coalesce(oauth_refresh_failure_reason, '') <> '{fence.FENCED}'
  AND (coalesce(oauth_refresh_failure_reason, '') <> '{fence.DOUBTFUL}'
    OR {retry_at} IS NULL OR {reason} = '{fence.FENCED}'))"""


HELD = f"""oauth_refresh_failure_reason = '{fence.DOUBTFUL}', oauth_refresh_failure_version = version,
  oauth_refresh_failure_attempts = 1"""
"""Puts a doubt there, but for its times."""


def may_be_spent(before: str, *, spared: str) -> str:
    """Write the condition of :func:`~extauth.domain.doubt.is_doubtful`."""
    return f"""oauth_refresh_token IS NOT NULL AND {WRITTEN_AT} < {before} AND NOT {spared}
  AND (oauth_refresh_failure_reason IS NULL OR oauth_refresh_failure_retry_at IS NOT NULL)"""


def of_that_write(written_at: str) -> str:
    """Write the condition that the credentials were written then, if that is given.

    Rows that an older version has written all pass: their ``updated_at`` may be a trigger's, which a claim or
    a mark has moved since, and a save that was refused for that would lose the only tokens that work.
    """
    return f"({written_at} IS NULL OR coalesce(oauth_written_at, {written_at}) = {written_at})"


_INSTANTS = {name for name in _NAMES if name.endswith(("_at", "_expiry", "_since"))}


def select_list(
    *, pending_since: str, lease_left: str, updated_at: str = WRITTEN_AT, instant: str = "{}"
) -> str:
    """Write them all for a SELECT or RETURNING. Three are no columns of the table but expressions, and
    ``instant`` is what makes an instant what is to be read of it."""
    expressions = {"pending_since": pending_since, "lease_left": lease_left, "updated_at": updated_at}
    selected = [(name, expressions.get(name, name)) for name in _NAMES]
    return ", ".join(
        instant.format(expression) if name in _INSTANTS else expression for name, expression in selected
    )
