"""Whether what a replica hands out of its memory is as old as it may be, and no older."""

from __future__ import annotations

from collections.abc import Hashable
from typing import final

from extauth.domain.link import Link
from extauth.domain.outcomes import Absent
from extauth.domain.policy import RefreshPolicy
from extauth.domain.resources import access_tokens


@final
class Ages:
    """Which version each access token was last stored in, when it was replaced, and which versions a replica
    has been told of. Takes note of nothing where nothing is remembered: each call asks the store then."""

    def __init__(self, policy: RefreshPolicy) -> None:
        self._span = None if policy.remember_for is None else policy.remember_for.total_seconds()
        self._versions: dict[str, int] = {}
        """By access token, the last one that it was stored in."""
        self._replaced: dict[str, float] = {}
        """By access token that is no longer stored, since when."""
        self._told: dict[tuple[str, str], float] = {}
        """By replica and user, the version known by a write of its own, or since a token was refused."""
        self._asked: dict[str, float] = {}
        """By caller, what their replica knew of when they asked."""

    def stored(self, before: Link | None, link: Link | None, now: float) -> None:
        """Take note of what became of a user's link."""
        if self._span is None:
            return
        if before is not None:
            self._replaced |= dict.fromkeys(_texts(before), now)
        if link is not None:
            for token in _texts(link):
                self._versions[token] = link.version
                self._replaced.pop(token, None)

    def wrote(self, replica: str, user: str, result: object) -> None:
        """Take note that a replica was told what its own write of a user's link came to."""
        if self._span is None:
            return
        link = result if isinstance(result, Link) else getattr(result, "link", None)
        if isinstance(link, Link):
            self._hears(replica, user, link.version)
        elif result is None or isinstance(result, Absent):
            self._hears(replica, user, max(self._versions.values(), default=0) + 0.5)

    def begins(self, caller: str, replica: str, user: str) -> None:
        """Take note that a caller asks a replica for a token of the user's."""
        if self._span is not None:
            self._asked[caller] = self.told(replica, user)

    def refused(self, caller: str, user: str, token: str) -> None:
        """Take note of what was given to a caller who told of a refused token."""
        if token in self._versions:
            self._hears(caller.partition(".")[0], user, self._versions[token])

    def told(self, replica: str, user: str) -> float:
        """Return the newest version of the user's link that the replica has been told of."""
        return self._told.get((replica, user), 0)

    def too_old(self, token: str, *, caller: str, began: float) -> str | None:
        """Return what is wrong with handing that out to a caller who came then, if anything is."""
        if self._span is None or token not in self._versions:
            return None
        if self._versions[token] < self._asked[caller]:
            return "which its replica had itself replaced, or been told to be refused, before it asked"
        if self._replaced.get(token, began) + self._span < began:
            return f"which was replaced more than {self._span:g} s before it asked"
        return None

    def state(self) -> Hashable:
        """Return what is remembered of tokens, to compare by value."""
        return frozenset(self._versions.items()), frozenset(self._replaced.items())

    def _hears(self, replica: str, user: str, version: float) -> None:
        self._told[replica, user] = max(self.told(replica, user), version)


def _texts(link: Link) -> list[str]:
    return [token.access_token for token in access_tokens(link.tokens).values()]
