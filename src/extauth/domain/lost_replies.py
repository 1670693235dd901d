"""Why a grant is lost whose refresh token the provider has used up. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from extauth.domain.link import Link

REPLY_LOST: Final = "reply_lost"
REPLY_UNREADABLE: Final = "reply_unreadable"

_UNREADABLE: Final = frozenset({"reply_undecodable", "unstorable_tokens"})
"""Codes of answers that were a success by all signs, as the OAuth adapter has them. To connect again does not
help for long: whatever makes them so has to be mended, or every grant is lost like this."""


def loss_reason(codes: Iterable[str], link: Link) -> str:
    """Return why the refresh token of this version may have been used up before it was rejected.

    ``codes`` are those of this refresh's presentations without a known end; an earlier refresh left its own
    in the link's failure mark.
    """
    seen = {*codes}
    if (failure := link.current_failure) is not None:
        seen.add(failure.reason)
    return REPLY_LOST if _UNREADABLE.isdisjoint(seen) else REPLY_UNREADABLE
