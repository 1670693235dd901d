"""One rotation as it was met by the callers, and the choice of one that is worth a picture. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Literal, TypeVar, final

import attrs

from extauth.cli.demo.messages import Attempt, Exchange, Question
from extauth.testing.provider_model.redemption import Presentation
from extauth.testing.provider_model.reuse import Treatment

AROUND = 0.08
"""Seconds before and after an exchange whose questions belong to the picture."""

_Shown = TypeVar("_Shown")

WAITED = 0.01
"""A caller who was not answered within so many seconds has waited; a read takes far less."""


@final
@attrs.frozen
class Rotation:
    """One exchange, and what else happened to that link around it."""

    exchange: Exchange
    questions: tuple[Question, ...]
    """Of all replicas' callers."""
    presentations: tuple[float, ...]
    """When the server was presented a refresh token of this link, by the server's own account."""

    def waited(self, question: Question) -> bool:
        """Whether the question was held up until the new token was there."""
        return (
            question.served - question.asked >= WAITED
            and question.asked < self.exchange.saved
            and question.served > self.exchange.started
        )

    @property
    def waiting(self) -> tuple[Question, ...]:
        """The questions that waited."""
        return tuple(filter(self.waited, self.questions))

    @property
    def replicas_waiting(self) -> int:
        """How many replicas had callers that waited."""
        return len({question.replica for question in self.waiting})

    @property
    def length(self) -> float:
        """Seconds from the start of the exchange until the last who waited was served."""
        ends = [self.exchange.saved, *(question.served for question in self.waiting)]
        return max(ends) - self.exchange.started


@final
@attrs.frozen
class Race:
    """One refresh token of the naive loop's: every presentation of it, and what the server did."""

    attempts: tuple[Attempt, ...] = attrs.field(converter=tuple[Attempt, ...])
    """By their start; one at least."""
    presentations: tuple[Presentation, ...] = attrs.field(converter=tuple[Presentation, ...])
    """Of this link's refresh tokens meanwhile, by the server's own account."""

    @property
    def replicas_presenting(self) -> int:
        """How many replicas presented it."""
        return len({attempt.replica for attempt in self.attempts})

    @property
    def rotated(self) -> tuple[Presentation, ...]:
        """The presentations that gave new tokens."""
        return tuple(each for each in self.presentations if each.rotated)

    @property
    def revoking(self) -> tuple[Presentation, ...]:
        """The presentations that the server took for theft."""
        return tuple(each for each in self.presentations if each.treatment is Treatment.REVOKE_FAMILY)

    @property
    def refused(self) -> tuple[Presentation, ...]:
        """The presentations that changed nothing any more."""
        return tuple(each for each in self.presentations if each.treatment is Treatment.REFUSE)

    @property
    def cleared(self) -> bool:
        """Whether the last write left the row without a refresh token."""
        return max(self.attempts, key=_written).refused

    @property
    def length(self) -> float:
        """Seconds from the first presentation until all were answered and the row changed no more."""
        ends = [*(attempt.answered for attempt in self.attempts), *(since for _, since in self.holds())]
        return max(ends) - self.attempts[0].presented

    def holds(self) -> Iterator[tuple[Literal["saved", "cleared"], float]]:
        """Return since when the row held other than before: new tokens, or no refresh token."""
        writes = sorted(self.attempts, key=_written)
        for refused, same in groupby(writes, key=lambda attempt: attempt.refused):
            yield "cleared" if refused else "saved", next(same).written


def races(attempts: Iterable[Attempt], history: Sequence[Presentation]) -> tuple[Race, ...]:
    """Return a race for each refresh token that was presented, by its end."""
    by_token = groupby(sorted(attempts, key=_token), key=_token)
    found = [_race(sorted(same, key=_presented), history) for _, same in by_token]
    return tuple(sorted(found, key=lambda race: max(map(_written, race.attempts))))


def _race(attempts: Sequence[Attempt], history: Sequence[Presentation]) -> Race:
    since, until = attempts[0].presented, max(attempt.answered for attempt in attempts)
    user = attempts[0].user
    return Race(attempts, [each for each in history if each.subject == user and since <= each.at <= until])


def _token(attempt: Attempt) -> tuple[str, str]:
    return attempt.user, attempt.token


def _presented(attempt: Attempt) -> float:
    return attempt.presented


def _written(attempt: Attempt) -> float:
    return attempt.written


def choose(rotations: Sequence[Rotation]) -> Rotation | None:
    """Return the rotation to draw: waiting on as many replicas as can be had, near the storm's middle."""
    return _middlemost(rotations, lambda rotation: rotation.replicas_waiting)


def choose_race(found: Sequence[Race]) -> Race | None:
    """Return the race to draw: presenting on as many replicas as can be had, near the storm's middle."""
    return _middlemost(found, lambda race: race.replicas_presenting)


def common_length(rotation: Rotation | None, race: Race | None) -> float:
    """Return how many seconds a scale must show for both to fit."""
    return max(0.0 if shown is None else shown.length for shown in (rotation, race))


def _middlemost(shown: Sequence[_Shown], replicas: Callable[[_Shown], int]) -> _Shown | None:
    if not shown:
        return None
    most = max(map(replicas, shown))
    candidates = [
        (abs(2 * place + 1 - len(shown)), place) for place, each in enumerate(shown) if replicas(each) == most
    ]
    return shown[min(candidates)[1]]
