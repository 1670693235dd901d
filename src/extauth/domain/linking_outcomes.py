"""The closed unions that the ports of linking return."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias, final

import attrs

from extauth.domain.link import Account
from extauth.domain.linking import DeviceCodes, PendingAuthorization
from extauth.domain.outcomes import (
    ClientRejected,
    Deferred,
    Exchanged,
    GrantRejected,
    NotSent,
    Unknown,
)


@final
@attrs.frozen
class Taken:
    """The authorization is the caller's to complete, and nobody else's from now on."""

    pending: PendingAuthorization


@final
@attrs.frozen
class Waiting:
    """The authorization can be taken still."""

    pending: PendingAuthorization
    """Without its salt, which only whoever takes it is given."""


@final
@attrs.frozen
class AlreadyTaken:
    """A callback with this state has come before."""


@final
@attrs.frozen
class StateExpired:
    """The user took too long."""


@final
@attrs.frozen
class AnothersState:
    """Someone else began it; it stays theirs to complete."""


@final
@attrs.frozen
class NoSuchState:
    """Never begun here, or purged since it expired."""


NotTakenOutcome: TypeAlias = AlreadyTaken | StateExpired | AnothersState | NoSuchState
FindOutcome: TypeAlias = Waiting | NotTakenOutcome
TakeOutcome: TypeAlias = Taken | NotTakenOutcome


@final
@attrs.frozen
class IdTokenRejected:
    """Tokens came with an ID token that is not for this client, issuer or nonce (OpenID Connect Core
    section 3.1.3.7)."""

    code: str


CodeOutcome: TypeAlias = (
    Exchanged | GrantRejected | ClientRejected | Deferred | NotSent | Unknown | IdTokenRejected
)
"""How exchanging an authorization code ended."""

BeginDeviceOutcome: TypeAlias = DeviceCodes | ClientRejected | Deferred | NotSent | Unknown


@final
@attrs.frozen
class StillPending:
    """The user has not decided yet (RFC 8628 section 3.5)."""

    slow_down: bool = False
    """Whether the interval grows by five seconds for good."""
    interval: timedelta | None = None
    """The new interval, where the provider says it with ``slow_down``; a shorter one than that counts for
    nothing."""


@final
@attrs.frozen
class Denied:
    """The user said no."""


@final
@attrs.frozen
class CodeExpired:
    """The device code is over, or was used already."""


PollOutcome: TypeAlias = (
    Exchanged
    | StillPending
    | Denied
    | CodeExpired
    | ClientRejected
    | Deferred
    | NotSent
    | Unknown
    | IdTokenRejected
)


@final
@attrs.frozen
class TokenValid:
    """The provider accepts the access token."""

    account: Account | None = None
    """Whose it is, where the answer says so."""


@final
@attrs.frozen
class TokenInvalid:
    """The provider refuses the access token. That says nothing about the refresh token."""


@final
@attrs.frozen
class TokenUnverified:
    """There is no telling now: a rate limit, an outage, an answer nobody knows. The token is kept."""

    code: str
    retry_after: timedelta | None = None


Validity: TypeAlias = TokenValid | TokenInvalid | TokenUnverified
