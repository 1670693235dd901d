"""Links that were opened, by the very link that the store gave.

The shipped stores give the same object for a row that has not changed, and a link never changes: what was
opened of it then is what would be opened of it now. So nothing here can be out of date.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, final

from extauth.domain.link import Link, LinkKey

MOST_REMEMBERED: Final = 2048
"""As many as a store remembers rows."""


@final
class OpenedLinks:
    """Keeps the last one of each key, no longer than the keys that opened it may be kept."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._latest: OrderedDict[LinkKey, tuple[Link, Link, float]] = OrderedDict()
        """As stored, as opened, and until when; the oldest is dropped when there are too many."""

    def of(self, stored: Link) -> Link | None:
        """Return what was opened of that very link, if it is remembered."""
        latest = self._latest.get(stored.key)
        if latest is None or latest[0] is not stored or self._monotonic() >= latest[2]:
            return None
        return latest[1]

    def remember(self, stored: Link, opened: Link, until: float) -> None:
        """Take note, unless a reader could change it, or it says how long a lease was live."""
        tokens = stored.tokens
        if tokens.extra or tokens.resource_tokens or stored.pending is not None:
            return
        self._latest.pop(stored.key, None)
        self._latest[stored.key] = stored, opened, until
        if len(self._latest) > MOST_REMEMBERED:
            self._latest.popitem(last=False)
