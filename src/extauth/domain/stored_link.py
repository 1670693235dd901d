"""Links as stores read them: made of what was checked when it was written, without checking it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from extauth.domain.link import GrantOrigin, Link, PendingExchange
from extauth.domain.partly_read import PartlyRead, Unread, unread_of
from extauth.domain.storable import JsonValue
from extauth.domain.token_set import TokenSet


# What is of the same layout and can be written to becomes one that is frozen, once it has its attributes. To
# go past what freezes a link, for each of them, takes as long as all else that is done for its row.
class _Tokens(PartlyRead):
    __slots__ = TokenSet.__slots__


class _Link(PartlyRead):
    __slots__ = Link.__slots__


def stored_link(
    unread: Unread,
    *,
    version: int,
    access_token: str,
    refresh_token: str | None,
    key_ids: tuple[str | None, str | None],
    extra: Mapping[str, JsonValue],
    origin: GrantOrigin | None,
    pending: PendingExchange | None,
) -> Link:
    """Return a link without a failure mark, and without tokens for single resources. All that is not given is
    ``unread``'s.

    The caller has seen that no validator would refuse any of it.
    """
    tokens: Any = _Tokens()
    tokens._unread = unread  # noqa: SLF001 - what partly_read is for
    tokens.access_token, tokens.refresh_token = access_token, refresh_token
    tokens.access_token_key_id, tokens.refresh_token_key_id = key_ids
    tokens.extra = extra
    tokens.__class__ = TokenSet
    link: Any = _Link()
    link._unread = unread  # noqa: SLF001
    link.tokens, link.version, link.origin, link.pending = tokens, version, origin, pending
    link.failure = None
    link.__class__ = Link
    made: Link = link
    return made


def has_two_texts(link: Link) -> bool:
    """Say whether a link has nothing to encrypt but its own two tokens."""
    # One that was partly read has no tokens for single resources, and need not make its parts to say so.
    tokens = link.tokens
    return not tokens.extra and (unread_of(tokens) is not None or not tokens.resource_tokens)


def opened_like(stored: Link, access_token: str, refresh_token: str | None) -> Link:
    """Return a link with these in the place of texts that were encrypted, without the ids of their keys."""
    unread, sealed = unread_of(stored), stored.tokens
    if unread is None or stored.failure is not None:
        tokens = attrs.evolve(
            sealed,
            access_token=access_token,
            refresh_token=refresh_token,
            access_token_key_id=None,
            refresh_token_key_id=None,
        )
        return attrs.evolve(stored, tokens=tokens)
    return stored_link(
        unread,
        version=stored.version,
        access_token=access_token,
        refresh_token=refresh_token,
        key_ids=(None, None),
        extra=dict(sealed.extra),
        origin=stored.origin,
        pending=stored.pending,
    )
