"""One rotation as it was met by the callers, and the choice of one that is worth a picture. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import attrs

from extauth.cli.demo.messages import Exchange, Question

AROUND = 0.08
"""Seconds before and after an exchange whose questions belong to the picture."""

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


def choose(rotations: Sequence[Rotation]) -> Rotation | None:
    """Return the rotation to draw: waiting on as many replicas as can be had, near the storm's middle."""
    if not rotations:
        return None
    most = max(rotation.replicas_waiting for rotation in rotations)
    candidates = [
        (abs(2 * place + 1 - len(rotations)), place)
        for place, rotation in enumerate(rotations)
        if rotation.replicas_waiting == most
    ]
    return rotations[min(candidates)[1]]
