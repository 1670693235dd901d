"""Links that were read a moment ago, served again without asking the store.

It is off unless the policy has ``remember_for``. What is remembered is what a read gave, for so long from
when that read began, so that what another process writes is seen after that span at the latest. What is
written through this process's own store is seen at once: the store tells (:mod:`extauth.domain.own_writes`).
A read that was under way when a write ended may have seen what was there before, so it is not remembered.

A write that failed or was cancelled may be carried out yet, when nobody is told any more: for a while nothing
of its link is remembered.

Only a link with which all is well is: no failure mark, no exchange under way, its token not yet due.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, final

import attrs

from extauth.domain.freshness import served_until
from extauth.domain.link import GrantOrigin, Link, LinkKey
from extauth.domain.own_writes import own_writes_of
from extauth.domain.policy import RefreshPolicy
from extauth.domain.ports import Clock, OAuthProvider

UNCERTAIN: Final = 60.0
"""Seconds for which a link is not remembered after a write whose end nobody knows. Longer than a store waits
for a lock: what is carried out still later is seen as another process's writes are."""


@final
class Remembered:
    """One link, as it was read. No ``repr`` of its own: it holds tokens."""

    __slots__ = ("forgotten_at", "link", "origin", "provider", "served_until", "shown")

    def __init__(
        self, link: Link, provider: OAuthProvider, *, forgotten_at: float, served_until: float
    ) -> None:
        self.link = link
        self.provider = provider
        """The one with the client that the link was made with."""
        self.origin: GrantOrigin | None = provider.origin
        """As it was then: should the provider be another one's by now, the link is read again."""
        self.forgotten_at = forgotten_at
        """On the monotonic clock."""
        self.served_until = served_until
        """By the time of day, in POSIX seconds: from then on the grant's own token is to be replaced."""
        self.shown: Any = None
        """Which client showed it to an API last, and what it made of it."""

    def copied(self) -> Link:
        """Return the link for a caller to keep: what of it can be changed is theirs alone."""
        tokens = self.link.tokens
        if not tokens.extra and not tokens.resource_tokens:
            return self.link
        return attrs.evolve(self.link, tokens=attrs.evolve(tokens))


@final
class RememberedLinks:
    """Remembers links for the policy's ``remember_for``, and no more than ``remember_most``.

    Serves one event loop: nothing awaits between looking and changing. Keyed by the two parts of a link's
    key, since making a key takes longer than to look.
    """

    def __init__(self, policy: RefreshPolicy, clock: Clock) -> None:
        self._policy = policy
        self._monotonic = clock.monotonic
        self._timestamp = timestamps_of(clock)
        self._span = 0.0 if policy.remember_for is None else policy.remember_for.total_seconds()
        self._most = policy.remember_most
        self._links: OrderedDict[tuple[str, str], Remembered] = OrderedDict()
        """The least recently used first."""
        self._reads: dict[LinkKey, object] = {}
        """A mark for the reads of a link that are under way, unless it was written since the first began."""
        self._uncertain: dict[LinkKey, float] = {}
        """Until when, on the monotonic clock, a link is not remembered; the first to end first."""

    def __len__(self) -> int:
        return len(self._links)

    def served(self, provider_id: str, user_id: str) -> Remembered | None:
        """Return the link if its own token may be handed out as it is to whoever does not say for how long:
        all that a remembered read costs."""
        at = (provider_id, user_id)
        found = self._links.get(at)
        if (
            found is None
            or self._monotonic() >= found.forgotten_at
            or self._timestamp() >= found.served_until
            or found.provider.origin is not found.origin
        ):
            return None
        self._links.move_to_end(at)
        return found

    def recall(self, provider_id: str, user_id: str) -> Remembered | None:
        """Return the link if it may be served without a look at the store, as far as its age goes."""
        at = (provider_id, user_id)
        found = self._links.get(at)
        if found is None:
            return None
        if self._monotonic() >= found.forgotten_at or found.provider.origin is not found.origin:
            del self._links[at]
            return None
        self._links.move_to_end(at)
        return found

    def begin(self, key: LinkKey) -> tuple[object, float]:
        """Take note that a read begins; what is returned goes to :meth:`end`."""
        mark = self._reads.get(key)
        if mark is None:
            mark = self._reads[key] = object()
        return mark, self._monotonic()

    def end(
        self, key: LinkKey, begun: tuple[object, float], link: Link | None, provider: OAuthProvider
    ) -> None:
        """Take note that a read has ended, and remember what it gave if it may be served again. Without a
        link nothing is: it failed, or found none."""
        mark, began = begun
        current = self._reads.get(key) is mark
        if current:
            del self._reads[key]
        if link is None:
            return
        at = (key.provider_id, key.user_id)
        known = self._links.get(at)
        if known is not None and known.link.version < link.version:
            del self._links[at]  # by a read that began before this one, and ended before it
        if not current or link.failure is not None or link.pending is not None or self._is_uncertain(key):
            return
        until = served_until(link, self._policy)
        self._links[at] = Remembered(
            link,
            provider,
            forgotten_at=began + self._span,
            served_until=float("inf") if until is None else until.timestamp(),
        )
        self._links.move_to_end(at)
        if len(self._links) > self._most:
            self._links.popitem(last=False)

    def forget(self, key: LinkKey) -> None:
        """Forget a link, and what reads of it that are under way will give."""
        self._reads.pop(key, None)
        self._links.pop((key.provider_id, key.user_id), None)

    def written(self, key: LinkKey | None, *, ended: bool) -> None:
        """As :class:`~extauth.domain.own_writes.Hearer` says."""
        if key is None:
            self._reads.clear()
            self._links.clear()
            return
        self.forget(key)
        if not ended:
            self._uncertain.pop(key, None)
            self._uncertain[key] = self._monotonic() + UNCERTAIN

    def _is_uncertain(self, key: LinkKey) -> bool:
        if not self._uncertain:
            return False
        now = self._monotonic()
        while self._uncertain and next(iter(self._uncertain.values())) <= now:
            del self._uncertain[next(iter(self._uncertain))]
        return key in self._uncertain


def remembered_links(store: object, policy: RefreshPolicy, clock: Clock) -> RememberedLinks | None:
    """Return what remembers links of the store, if the policy says so.

    :raises TypeError: if the store does not tell what is written through it.
    """
    if policy.remember_for is None:
        return None
    writes = own_writes_of(store)
    if writes is None:
        msg = (
            f"{type(store).__name__} does not tell what is written through it, so that nothing can be"
            " remembered: leave remember_for out, or see tells_of_writes in the guide to stores"
        )
        raise TypeError(msg)
    remembered = RememberedLinks(policy, clock)
    writes.hear(remembered)
    return remembered


def timestamps_of(clock: Clock) -> Callable[[], float]:
    """Return what tells a clock's time as POSIX seconds: its own ``timestamp``, if it has one."""
    tell: Callable[[], float] = getattr(clock, "timestamp", lambda: clock.now().timestamp())
    return tell
