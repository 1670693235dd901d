"""What was opened of links, by the very texts that were stored.

No two encryptions of a text are equal, and where a text stands is part of it: what was opened of it then is
what would be opened of it now. So nothing here can be out of date, whatever else has changed in the row.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, final

import attrs

from extauth.domain.link import Link, LinkKey
from extauth.domain.stored_link import has_two_texts, opened_like
from extauth.domain.token_set import TokenSet

MOST_REMEMBERED: Final = 2048
"""Links of which the texts are kept, which takes some 2 MB."""


@final
@attrs.frozen(repr=False)
class _Opened:
    sealed: tuple[str, str | None]
    """The access token and the refresh token as they are stored."""
    texts: tuple[str, str | None]
    until: float


@final
class OpenedLinks:
    """Keeps the last texts of each key, no longer than the keys that opened them may be kept."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._latest: OrderedDict[tuple[str, str], _Opened] = OrderedDict()
        """By provider and user; the oldest is dropped when there are too many."""

    def of(self, stored: Link, key: LinkKey) -> Link | None:
        """Return the link with what was opened of these texts, if it is remembered."""
        latest = self._latest.get((key.provider_id, key.user_id))
        tokens = stored.tokens
        if latest is None or latest.sealed != (tokens.access_token, tokens.refresh_token):
            return None
        if not has_two_texts(stored) or self._monotonic() >= latest.until:
            return None
        return opened_like(stored, *latest.texts)

    def remember(self, stored: Link, opened: TokenSet, until: float) -> None:
        """Take note, unless there is more to open than two texts."""
        if not has_two_texts(stored):
            return
        tokens = stored.tokens
        place = stored.key.provider_id, stored.key.user_id
        sealed = tokens.access_token, tokens.refresh_token
        self._latest.pop(place, None)
        self._latest[place] = _Opened(sealed, (opened.access_token, opened.refresh_token), until)
        if len(self._latest) > MOST_REMEMBERED:
            self._latest.popitem(last=False)
