"""What came of presenting a token to the grants."""

from __future__ import annotations

from typing import TypeAlias, final

import attrs

from extauth.testing.provider_model.reuse import Treatment

_ROTATES = frozenset({Treatment.ROTATE, Treatment.SUPERSEDE})


@final
@attrs.frozen
class IssuedTokens:
    """One pair that the server gave out."""

    access_token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)
    expires_at: float
    """When the access token stops working, by the clock of the ``now`` arguments."""
    spent: bool = False
    """Whether the refresh token is the one that was presented, which is used up."""


@final
@attrs.frozen
class Refused:
    """The token is unknown, or dead, or its family was revoked: ``invalid_grant``."""

    replayed: bool
    """Whether it was used before, so that this presentation is a reuse."""
    in_a_pair: bool = False
    """Whether that was after the arrival of the request that presents it now."""


Redemption: TypeAlias = IssuedTokens | Refused


@final
@attrs.frozen
class Presentation:
    """A known refresh token was presented."""

    subject: str
    at: float
    """By the clock of the ``now`` arguments."""
    treatment: Treatment

    @property
    def rotated(self) -> bool:
        """Whether it was consumed and gave a new pair."""
        return self.treatment in _ROTATES


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
