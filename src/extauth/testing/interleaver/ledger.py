"""What became of each refresh token: the facts by which the promises are judged."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import final

import attrs

from extauth.domain.link import TokenSet
from extauth.domain.outcomes import ClientRejected, Deferred, ExchangeOutcome, NotSent, Unknown
from extauth.testing.interleaver.virtual_time import VirtualClock


@final
@attrs.define(eq=False)
class Presentation:
    """One time that a replica presented a refresh token."""

    replica: str
    tokens: TokenSet
    began: float
    """On the virtual clock."""
    access_token_works: bool
    """Whether there was something to lose: the access token had neither expired nor been refused."""
    outcome: ExchangeOutcome | None = None
    """What the provider did; None while the request is still on its way."""
    told_at: float | None = None
    """When the replica learned of the outcome, if it did."""
    ended: bool = False
    """Whether the replica waits for it no longer."""

    @property
    def harmless(self) -> bool:
        """Whether the replica was told that the token is as unused as before."""
        return self.told_at is not None and isinstance(self.outcome, NotSent | Deferred | ClientRejected)

    @property
    def lost(self) -> bool:
        """Whether nobody can know the outcome, though the provider may have acted."""
        return self.ended and (self.told_at is None or isinstance(self.outcome, Unknown))


@final
class Ledger:
    """Every presentation, and every excuse that a replica may have."""

    def __init__(self, on_presentation: Callable[[Presentation, list[Presentation]], None]) -> None:
        self._on_presentation = on_presentation
        self.presentations: dict[str, list[Presentation]] = {}
        """By refresh token, in order."""
        self.crashed: set[str] = set()
        """Replicas that were killed."""
        self.store_failures: dict[str, float] = {}
        """When the store last failed a replica, on the virtual clock."""
        self.refused_access_tokens: set[str] = set()
        """Access tokens that an API has refused, by what a caller told a service."""
        self.abandoned: set[str] = set()
        """Replicas that were closed while the store stayed down, and gave up saving."""
        self.lifted_at = -1.0
        """When an operator last lifted marks, on the virtual clock."""

    def present(self, replica: str, tokens: TokenSet, clock: VirtualClock) -> Presentation:
        """Take note that a replica presents the refresh token of ``tokens``."""
        expires_at = tokens.expires_at
        works = tokens.access_token not in self.refused_access_tokens and (
            expires_at is None or clock.now() < expires_at
        )
        presentation = Presentation(replica, tokens, clock.monotonic(), works)
        earlier = self.presentations.setdefault(tokens.refresh_token or "", [])
        self._on_presentation(presentation, earlier)
        earlier.append(presentation)
        return presentation

    def unable_to_save(self, presentation: Presentation, now: float, patience: float) -> bool:
        """Whether the replica knows the outcome but the store has not let it say so: it failed since,
        or has left the replica waiting for longer than ``patience`` seconds."""
        failed_at = self.store_failures.get(presentation.replica, -1.0)
        told_at = presentation.told_at
        return failed_at >= presentation.began or (told_at is not None and now - told_at >= patience)

    def state_of(self, replica: str) -> Hashable:
        """Return what is remembered of a replica, without its name, to compare by value."""
        uses = tuple(
            (
                token,
                type(use.outcome).__name__,
                use.began,
                use.told_at,
                use.ended,
                use.access_token_works,
            )
            for token, presentations in self.presentations.items()
            for use in presentations
            if use.replica == replica
        )
        return uses, self.store_failures.get(replica), replica in self.abandoned
