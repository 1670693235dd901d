"""What an authorization server knows of its grants: families of tokens, rotation and reuse.

No I/O. How a refresh token that was used before is treated is one function of a :class:`Presented`
(see :data:`RULES`), so that a server with another habit is another such function.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Literal, TypeAlias, final

import attrs

Reuse: TypeAlias = Literal["strict"]
"""``strict``: a refresh token works once; a second presentation revokes its whole family (RFC 9700
section 4.14.2)."""


@final
@attrs.frozen
class IssuedTokens:
    """One pair that the server gave out."""

    access_token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)


@final
@attrs.frozen
class Refused:
    """The refresh token is unknown, or dead, or its family was revoked: ``invalid_grant``."""

    replayed: bool
    """Whether it was used before, so that this presentation is a reuse."""


Redemption: TypeAlias = IssuedTokens | Refused


@final
@attrs.frozen
class Presentation:
    """A known refresh token was presented."""

    subject: str
    at: float
    """By the clock of the ``now`` arguments."""
    rotated: bool
    """Whether it was consumed and gave a new pair."""


@final
@attrs.frozen
class LiveAccess:
    """The access token works."""

    subject: str


@final
@attrs.frozen
class ExpiredAccess:
    """The access token's life is over; nobody revoked it."""

    seconds_ago: float


@final
@attrs.frozen
class DeadAccess:
    """The access token was revoked, or was never given out."""


AccessState: TypeAlias = LiveAccess | ExpiredAccess | DeadAccess


@final
@attrs.frozen
class Presented:
    """What a reuse rule may look at."""

    current: bool
    """Whether the refresh token is the newest of its family and was not used yet."""


class Treatment(Enum):
    """What to do with a presented refresh token."""

    ROTATE = auto()
    """Consume it and give a new pair."""
    REFUSE = auto()
    """Answer ``invalid_grant`` and change nothing: its family is revoked already."""
    REVOKE_FAMILY = auto()
    """Take it for stolen: nothing of its family works any more."""


def _strict(presented: Presented) -> Treatment:
    return Treatment.ROTATE if presented.current else Treatment.REVOKE_FAMILY


RULES: Mapping[Reuse, Callable[[Presented], Treatment]] = MappingProxyType({"strict": _strict})


@final
@attrs.define(eq=False)
class _Family:
    """All tokens that descend from one authorization."""

    subject: str
    current: _RefreshToken | None = None
    """The refresh token given out last, until it is used."""
    revoked: bool = False


@final
@attrs.define(eq=False)
class _RefreshToken:
    family: _Family
    presentations: int = 0


@final
@attrs.define(eq=False)
class _AccessToken:
    family: _Family
    expires_at: float
    """By the clock of the ``now`` arguments."""
    revoked: bool = False


@final
class Grants:
    """The grants of one authorization server, in memory, with counters of what happened to them.

    ``now`` arguments are seconds of one monotonic clock. Not safe for threads.
    """

    def __init__(self, *, access_token_lifetime: float, reuse: Reuse = "strict") -> None:
        self._lifetime = access_token_lifetime
        self._rule = RULES[reuse]
        self._refresh_tokens: dict[str, _RefreshToken] = {}
        self._access_tokens: dict[str, _AccessToken] = {}
        self._rotated: list[_RefreshToken] = []
        self.exchanges = 0
        """How many times any refresh token was presented, known or not."""
        self.replays = 0
        """How many of them presented a token that had been used before."""
        self.history: list[Presentation] = []
        """Every presentation of a known refresh token, in order."""
        self.families_revoked = 0
        """How many families died because of a replay."""

    @property
    def rotations(self) -> int:
        """How many presentations gave a new pair."""
        return len(self._rotated)

    def grant(self, subject: str, now: float) -> IssuedTokens:
        """Start a family, as an authorization by ``subject`` does, and return its first pair."""
        return self._issue(_Family(subject), now)

    def redeem(self, refresh_token: str, now: float) -> Redemption:
        """Take a presentation of ``refresh_token`` (RFC 6749 section 6)."""
        self.exchanges += 1
        record = self._refresh_tokens.get(refresh_token)
        if record is None:
            return Refused(replayed=False)
        replayed = record.presentations > 0
        record.presentations += 1
        self.replays += replayed
        family = record.family
        treatment = self._treatment(record)
        rotates = treatment is Treatment.ROTATE
        self.history.append(Presentation(family.subject, now, rotates))
        if rotates:
            self._rotated.append(record)
            return self._issue(family, now)
        if treatment is Treatment.REVOKE_FAMILY:
            family.revoked = True
            self.families_revoked += 1
        return Refused(replayed)

    def revoke(self, token: str) -> None:
        """Revoke an access token alone, or with a refresh token its family (RFC 7009 section 2.1).

        An unknown token is fine: what it asked for is already so.
        """
        if (refresh := self._refresh_tokens.get(token)) is not None:
            refresh.family.revoked = True
        elif (access := self._access_tokens.get(token)) is not None:
            access.revoked = True

    def access(self, access_token: str, now: float) -> AccessState:
        """Say whether an API should accept ``access_token``; at its expiry it is expired."""
        record = self._access_tokens.get(access_token)
        if record is None or record.revoked or record.family.revoked:
            return DeadAccess()
        if now >= record.expires_at:
            return ExpiredAccess(now - record.expires_at)
        return LiveAccess(record.family.subject)

    def revoked(self, refresh_token: str) -> bool:
        """Whether the family of ``refresh_token`` is dead, or the token was never given out."""
        record = self._refresh_tokens.get(refresh_token)
        return record is None or record.family.revoked

    def refreshable(self, refresh_token: str) -> bool:
        """Whether presenting ``refresh_token`` now would give a new pair."""
        record = self._refresh_tokens.get(refresh_token)
        return record is not None and self._treatment(record) is Treatment.ROTATE

    def live_refresh_tokens(self) -> frozenset[str]:
        """Return the refresh tokens that would give a new pair."""
        return frozenset(filter(self.refreshable, self._refresh_tokens))

    def live_access_tokens(self, now: float) -> frozenset[str]:
        """Return the access tokens that an API should accept."""
        return frozenset(
            token for token in self._access_tokens if isinstance(self.access(token, now), LiveAccess)
        )

    def presentations(self) -> dict[str, int]:
        """Return how often each refresh token was presented, in the order they were given out."""
        return {token: record.presentations for token, record in self._refresh_tokens.items()}

    def presentations_per_rotation(self) -> list[int]:
        """Return how often the refresh token of each rotation was presented, in their order."""
        return [record.presentations for record in self._rotated]

    def _treatment(self, record: _RefreshToken) -> Treatment:
        family = record.family
        if family.revoked:
            return Treatment.REFUSE
        return self._rule(Presented(current=record is family.current))

    def _issue(self, family: _Family, now: float) -> IssuedTokens:
        pair = IssuedTokens(f"at-{secrets.token_urlsafe(16)}", f"rt-{secrets.token_urlsafe(16)}")
        family.current = self._refresh_tokens[pair.refresh_token] = _RefreshToken(family)
        self._access_tokens[pair.access_token] = _AccessToken(family, now + self._lifetime)
        return pair
