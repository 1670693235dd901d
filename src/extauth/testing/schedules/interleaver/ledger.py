"""What became of each refresh token: the facts by which the promises are judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from datetime import timedelta
from typing import final

import attrs

from extauth.domain.outcomes import ClientRejected, Deferred, Exchanged, ExchangeOutcome, NotSent, Unknown
from extauth.domain.resources import access_tokens
from extauth.domain.token_set import TokenSet
from extauth.testing.schedules.interleaver.virtual_time import VirtualClock


@final
@attrs.define(eq=False)
class Presentation:
    """One time that a replica presented a refresh token."""

    replica: str
    tokens: TokenSet
    began: float
    """On the virtual clock."""
    something_to_lose: bool
    """Whether some access token of the grant had neither expired nor been refused."""
    left: timedelta | None
    """How long the token asked for still worked; None if it did not, or if nobody knows how long."""
    replay: bool
    """Whether an earlier presentation may have used the token up."""
    outcome: ExchangeOutcome | None = None
    """What the provider did; None while the request is still on its way."""
    told_at: float | None = None
    """When the replica learned of the outcome, if it did."""
    ended: bool = False
    """Whether the replica waits for it no longer."""
    saved_at: float | None = None
    """When the tokens that it gave were first seen in the store, if they were."""

    @property
    def harmless(self) -> bool:
        """Whether the replica was told that the token is as good as before: unused, or kept."""
        match self.outcome:
            case NotSent() | Deferred() | ClientRejected() | Exchanged(TokenSet(refresh_token=None)):
                return self.told_at is not None
            case _:
                return False

    @property
    def lost(self) -> bool:
        """Whether nobody can know the outcome, though the provider may have acted."""
        return self.ended and (self.told_at is None or isinstance(self.outcome, Unknown))


@final
class Ledger:
    """Every presentation, and every excuse that a replica may have."""

    def __init__(self) -> None:
        self.presentations: dict[str, list[Presentation]] = {}
        """By refresh token, in order."""
        self.crashed: set[str] = set()
        """Replicas that were killed."""
        self.store_failures: dict[str, float] = {}
        """When the store last failed a replica, on the virtual clock."""
        self.refused_access_tokens: set[str] = set()
        """Access tokens that an API has refused, by what a caller told a service."""
        self._claims: dict[tuple[str, str | None], tuple[str, float]] = {}
        """By replica and refresh token: in whose name it got its last lease, and when for the first time."""
        self.abandoned: set[str] = set()
        """Replicas that were closed while the store stayed down, and gave up saving."""
        self.ever_stored: set[str] = set()
        """Every access token that was ever seen in the store."""
        self.forgotten_unlinks: Counter[str] = Counter()
        """By replica: saves told that the user has unlinked, less the revocations begun since."""
        self.lifted_at = -1.0
        """When an operator last lifted marks, on the virtual clock."""

    def present(
        self, replica: str, tokens: TokenSet, resource: str | None, clock: VirtualClock
    ) -> Presentation:
        """Take note that a replica presents the refresh token of ``tokens``, for a resource or for none."""
        now = clock.now()
        works_until = {
            name: token.expires_at
            for name, token in access_tokens(tokens).items()
            if token.access_token not in self.refused_access_tokens
            and (token.expires_at is None or now < token.expires_at)
        }
        until = works_until.get(resource)
        earlier = self.presentations.setdefault(tokens.refresh_token or "", [])
        replay = any(not old.harmless for old in earlier)
        presentation = Presentation(
            replica,
            tokens,
            clock.monotonic(),
            something_to_lose=bool(works_until),
            left=None if until is None else until - now,
            replay=replay,
        )
        earlier.append(presentation)
        return presentation

    def claimed(self, replica: str, tokens: TokenSet, owner: str, now: float) -> None:
        """Take note that a replica has got the lease, or has it still."""
        before = self._claims.get((replica, tokens.refresh_token))
        if before is None or before[0] != owner:
            self._claims[replica, tokens.refresh_token] = owner, now

    def claimed_at(self, replica: str, tokens: TokenSet) -> float | None:
        """Return when the replica got the lease under which it may present the refresh token."""
        claim = self._claims.get((replica, tokens.refresh_token))
        return None if claim is None else claim[1]

    def under_way(self, replica: str) -> list[Presentation]:
        """Return the replica's presentations that it still waits for."""
        return [use for use in self._all() if use.replica == replica and not use.ended]

    def stored(self, tokens: TokenSet, now: float) -> None:
        """Take note that the access tokens are in the store."""
        for token in access_tokens(tokens).values():
            self.ever_stored.add(token.access_token)
            for use in self.giving(token.access_token):
                if use.saved_at is None:
                    use.saved_at = now

    def giving(self, access_token: str) -> Iterator[Presentation]:
        """Yield the presentations that were answered with this access token."""
        for use in self._all():
            if isinstance(use.outcome, Exchanged) and use.outcome.tokens.access_token == access_token:
                yield use

    def unable_to_save(self, presentation: Presentation, now: float, patience: float) -> bool:
        """Whether the replica knows the outcome but the store has not let it say so: it failed since,
        or left the replica waiting for longer than ``patience`` seconds."""
        told_at, saved_at = presentation.told_at, presentation.saved_at
        waited = 0.0 if told_at is None else (now if saved_at is None else saved_at) - told_at
        return self.store_failed(presentation) or waited >= patience

    def store_failed(self, presentation: Presentation) -> bool:
        """Whether the store has failed the replica since it began to present."""
        return self.store_failures.get(presentation.replica, -1.0) >= presentation.began

    def state_of(self, replica: str) -> Hashable:
        """Return what is remembered of a replica, without its name, to compare by value."""
        uses = tuple(
            (
                token,
                type(use.outcome).__name__,
                use.began,
                use.told_at,
                use.ended,
                use.something_to_lose,
                use.harmless,
                use.replay,
                use.saved_at,
            )
            for token, presentations in self.presentations.items()
            for use in presentations
            if use.replica == replica
        )
        claims = tuple((token, at) for (name, token), (_, at) in self._claims.items() if name == replica)
        return (
            uses,
            claims,
            self.store_failures.get(replica),
            replica in self.abandoned,
            self.forgotten_unlinks[replica],
        )

    def _all(self) -> Iterator[Presentation]:
        for presentations in self.presentations.values():
            yield from presentations
