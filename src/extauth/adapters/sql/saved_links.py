"""What a save gives back: the tokens that were saved, with the few columns that only the database knows.

To return all columns of a row takes a database longer than to write it, and what they hold is at hand.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import attrs

from extauth.adapters.sql.link_columns import CREATED_AT, UPDATED_AT, VERSION, WRITTEN_AT
from extauth.adapters.sql.plain_links import StoredRow, key_of
from extauth.adapters.sql.readable import readable, unreadable_link
from extauth.domain.link import Account, GrantOrigin, Link, LinkKey
from extauth.domain.token_set import TokenSet

_ORIGIN: Final = slice(5, 8)
_ACCOUNT: Final = slice(8, 12)


def returned(instant: str = "{}") -> str:
    """Write the columns for RETURNING. The first five are those of a link's row."""
    created_at, updated_at = instant.format("created_at"), instant.format(WRITTEN_AT)
    return f"""provider_id, user_id, version, {created_at}, {updated_at},
  oauth_client_id, oauth_token_endpoint, oauth_resource,
  account_id, account_login, account_display_name, account_avatar_url"""


def saved_link(row: StoredRow, key: LinkKey, tokens: TokenSet, instant: Callable[[Any], datetime]) -> Link:
    """Return the link whose row has just been given these tokens; ``instant`` reads one of its times.

    :raises LinkUnreadable: if another program wrote what cannot be read.
    """
    return readable(
        lambda row: _saved_link(row, key, tokens, instant),
        row,
        lambda: unreadable_link(key.provider_id, key.user_id),
    )


def _saved_link(row: StoredRow, key: LinkKey, tokens: TokenSet, instant: Callable[[Any], datetime]) -> Link:
    if tokens.extra or tokens.resource_tokens:
        tokens = attrs.evolve(tokens)  # what of it can be changed is not the caller's
    origin, account = row[_ORIGIN], row[_ACCOUNT]
    return Link(
        key=key_of(row, key),
        tokens=tokens,
        version=row[VERSION],
        created_at=instant(row[CREATED_AT]),
        updated_at=instant(row[UPDATED_AT]),
        origin=None if origin[0] is None else GrantOrigin(*origin),
        account=None if account[0] is None else Account(*account),
    )
