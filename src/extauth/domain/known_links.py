"""What a process knows of links, to tell a store that has gone back, and what it had instead."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, final

import attrs

from extauth.domain.link import Link, LinkKey
from extauth.domain.lost_writes import fell_back, was_put_back

_LINEAGE: Final = 8
"""How many replaced refresh tokens of one link are known: those that a standby may still have."""


@final
@attrs.define(repr=False)
class _Known:
    newest: Link
    spent: tuple[bytes, ...] = ()
    """Fingerprints of the refresh tokens that ``newest`` came after, the last one last."""
    looked_after: int = 0
    """How often the store had gone back when it was last looked at."""


@final
class KnownLinks:
    """The newest state of links as they were read or saved here: the last ``most`` that were used.

    A version is no name for a state once a store has lost writes: it gives the same ones again. So for one
    look at each link after that was noted (:meth:`went_back`), what is stored counts as older if its
    refresh token is known to have been replaced, or if it was issued earlier. Only for one: a provider may
    give a user the same refresh token again.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._links: OrderedDict[LinkKey, _Known] = OrderedDict()
        self._gone_back = 0
        self._latest: Link | None = None

    def __len__(self) -> int:
        return len(self._links)

    def note(self, link: Link) -> Link | None:
        """Take note of a link as it is stored, or return the newer one that is known."""
        known = self._links.get(link.key)
        if known is None:
            self._add(link)
            return None
        self._links.move_to_end(link.key)
        newest = known.newest
        if link is not newest:
            if self._is_behind(link, known):
                return newest
            if _refresh_token(link) != _refresh_token(newest):
                known.spent = (*known.spent, _fingerprint(newest))[-_LINEAGE:]
            known.newest = link
            self._tell_latest(link)
        known.looked_after = self._gone_back
        return None

    @property
    def latest(self) -> Link | None:
        """The one that was written last: a store that has gone back has an older state of it."""
        return self._latest

    def is_behind(self, link: Link) -> bool:
        """Whether what is stored is older than what is known."""
        known = self._links.get(link.key)
        return known is not None and self._is_behind(link, known)

    def forget(self, key: LinkKey) -> None:
        """Know nothing of a link any more: its user has disconnected."""
        self._links.pop(key, None)
        if self._latest is not None and self._latest.key == key:
            self._latest = None

    def went_back(self) -> Sequence[LinkKey]:
        """Take note that the store may have older states, and return which links are to be looked at."""
        self._gone_back += 1
        return tuple(self._links)

    def _is_behind(self, link: Link, known: _Known) -> bool:
        newest = known.newest
        if fell_back(link, newest):
            return True
        if known.looked_after == self._gone_back or was_put_back(link, newest):
            return False
        return _fingerprint(link) in known.spent or _issued_earlier(link, newest)

    def _add(self, link: Link) -> None:
        if self._most <= 0:
            return
        if len(self._links) >= self._most:
            self._links.popitem(last=False)
        self._links[link.key] = _Known(link, looked_after=self._gone_back)
        self._tell_latest(link)

    def _tell_latest(self, link: Link) -> None:
        latest = self._latest
        if latest is None or latest.key == link.key or latest.updated_at < link.updated_at:
            self._latest = link


def _issued_earlier(link: Link, newest: Link) -> bool:
    ours, theirs = newest.tokens.issued_at, link.tokens.issued_at
    return ours is not None and theirs is not None and theirs < ours


def _refresh_token(link: Link) -> str | None:
    return link.tokens.refresh_token


def _fingerprint(link: Link) -> bytes:
    return blake2b((link.tokens.refresh_token or "").encode(), digest_size=16).digest()
