"""How a storm goes, as one value that the views show and the verdict judges."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, TypeAlias, final

import attrs

from extauth.cli.demo.messages import Tally, Way

Stage: TypeAlias = Literal["to come", "starting", "storm", "checking", "done"]

TITLES: dict[Way, str] = {"extauth": "extauth", "naive": "naive read, refresh, write"}


@final
@attrs.frozen(kw_only=True)
class Settings:
    """What both storms have in common."""

    replicas: int = 4
    callers: int = 50
    """Callers of each replica."""
    links: int = 4
    """Users whose tokens they share."""
    rotations: int = 24
    """The storm ends after so many."""
    longest: float = 20.0
    """The storm also ends after so many seconds."""
    pause: float = 0.1
    """Seconds between a caller's answer and its next question, on average."""
    check_every: int = 20
    """One in so many tokens served is tried at the API."""
    lifetime: timedelta = timedelta(seconds=2)
    """Of an access token."""
    answer_delay: timedelta = timedelta(milliseconds=50)
    """How long the authorization server keeps each answer back."""
    seed: int = 0

    @property
    def all_callers(self) -> int:
        """Callers of all replicas."""
        return self.replicas * self.callers


@final
@attrs.frozen(kw_only=True)
class Progress:
    """One storm at one moment. The server's numbers are the server's own, not the replicas' word."""

    way: Way
    stage: Stage = "to come"
    target: int
    """Rotations to reach."""
    links: int
    elapsed: float = 0.0
    """Seconds since the callers were let go."""
    tally: Tally = attrs.field(factory=Tally)
    exchanges: int = 0
    """Refresh tokens presented to the server."""
    per_rotation: tuple[int, ...] = ()
    """For each rotation in order: how often its refresh token was presented."""
    families_revoked: int = 0
    lost: int = 0
    """Times that a user had to connect again, or would have to at the end."""
    verified: int = 0
    """Links whose stored refresh token and access token both worked at the end."""

    @property
    def rotations(self) -> int:
        """Refreshes that gave new tokens."""
        return len(self.per_rotation)

    @property
    def exchanges_per_rotation(self) -> float | None:
        """1 is perfect; None before the first rotation."""
        return self.exchanges / self.rotations if self.rotations else None


def exchanges_per_rotation_text(progress: Progress) -> str:
    """Return the ratio for people: exactly ``1`` only if it is exactly one."""
    ratio = progress.exchanges_per_rotation
    if ratio is None:
        return "–"  # noqa: RUF001 - an en dash stands for no value
    return "1" if progress.exchanges == progress.rotations else f"{ratio:.2f}"
