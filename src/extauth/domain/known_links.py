"""What a process knows of links, to tell a store that has gone back, and what it had instead."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, TypeAlias, final

from extauth.domain.at_a_glance import written_at
from extauth.domain.link import Link, LinkKey
from extauth.domain.lost_writes import fell_back, was_put_back

_LINEAGE: Final = 8
"""How many replaced refresh tokens of one link are known: those that a standby may still have."""


_Place: TypeAlias = tuple[str, str]
"""The parts of a key: to look them up takes a quarter of the time."""


@final
class _Known:
    __slots__ = ("looked_after", "newest", "spent")

    def __init__(self, newest: Link, looked_after: int) -> None:
        self.newest = newest
        self.looked_after = looked_after
        """How often the store had gone back when it was last looked at."""
        self.spent: tuple[bytes, ...] = ()
        """Fingerprints of the refresh tokens that ``newest`` came after, the last one last."""


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
        self._links: OrderedDict[_Place, _Known] = OrderedDict()
        self._gone_back = 0
        self._latest: Link | None = None
        self._latest_at = 0
        """When that was written; whatever is read is compared with it."""
        self._latest_place: _Place | None = None

    def __len__(self) -> int:
        return len(self._links)

    def note(self, link: Link, key: LinkKey | None = None) -> Link | None:
        """Take note of a link as it is stored, or return the newer one that is known. Whoever has the ``key``
        at hand gives it, to spare making it."""
        place = _place(key or link.key)
        known = self._links.get(place)
        if known is None:
            self._add(place, link)
            return None
        self._links.move_to_end(place)
        newest = known.newest
        # Nearly each time it is the version that was read before, which nothing has made doubtful since.
        another = link.version != newest.version or known.looked_after != self._gone_back
        if another and self._is_behind(link, known):
            return newest
        if link.tokens.refresh_token != newest.tokens.refresh_token:
            known.spent = (*known.spent, _fingerprint(newest))[-_LINEAGE:]
        known.newest = link
        if another or place == self._latest_place:
            self._tell_latest(place, link)
        known.looked_after = self._gone_back
        return None

    @property
    def latest(self) -> Link | None:
        """The one that was written last: a store that has gone back has an older state of it."""
        return self._latest

    def is_behind(self, link: Link) -> bool:
        """Whether what is stored is older than what is known."""
        known = self._links.get(_place(link.key))
        return known is not None and self._is_behind(link, known)

    def forget(self, key: LinkKey) -> None:
        """Know nothing of a link any more: its user has disconnected."""
        self._links.pop(_place(key), None)
        if self._latest is not None and self._latest.key == key:
            self._latest = None

    def went_back(self) -> Sequence[LinkKey]:
        """Take note that the store may have older states, and return which links are to be looked at."""
        self._gone_back += 1
        return tuple(LinkKey(*place) for place in self._links)

    def _is_behind(self, link: Link, known: _Known) -> bool:
        newest = known.newest
        if fell_back(link, newest):
            return True
        if known.looked_after == self._gone_back or was_put_back(link, newest):
            return False
        return _fingerprint(link) in known.spent or _issued_earlier(link, newest)

    def _add(self, place: _Place, link: Link) -> None:
        if self._most <= 0:
            return
        if len(self._links) >= self._most:
            self._links.popitem(last=False)
        self._links[place] = _Known(link, self._gone_back)
        self._tell_latest(place, link)

    def _tell_latest(self, place: _Place, link: Link) -> None:
        written = written_at(link)
        if self._latest is None or self._latest_at < written or self._latest_place == place:
            self._latest, self._latest_at, self._latest_place = link, written, place


def _place(key: LinkKey) -> _Place:
    return key.provider_id, key.user_id


def _issued_earlier(link: Link, newest: Link) -> bool:
    ours, theirs = newest.tokens.issued_at, link.tokens.issued_at
    return ours is not None and theirs is not None and theirs < ours


def _fingerprint(link: Link) -> bytes:
    return blake2b((link.tokens.refresh_token or "").encode(), digest_size=16).digest()
