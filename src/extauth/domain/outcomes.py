"""The closed unions that ports return. Losing a race is a value here, never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, TypeAlias, final

import attrs

from extauth.domain.link import Account, Link
from extauth.domain.token_set import TokenSet


@final
@attrs.frozen
class Absent:
    """There is no such link: it was never made, or the user unlinked."""


@final
@attrs.frozen
class Stale:
    """The link has moved on to another version; nothing was written.

    A lower one than that of the call means that the store has lost writes: a failover, a restored backup.
    """

    link: Link
    """The link as it is now."""


@final
@attrs.frozen
class Claimed:
    """The lease is held: this version's refresh token may now be presented to the provider."""

    link: Link
    unresolved_for: timedelta | None
    """Age, by the store's clock, of the oldest earlier exchange of this version that nobody recorded
    the end of; ``None`` if there is none. If there is one, the token may already be used up."""
    at: datetime | None = attrs.field(default=None, eq=False)
    """When, by the store's clock."""
    history: str | None = attrs.field(default=None, eq=False)
    """In which history of its database, if the store says so: what
    :class:`~extauth.domain.store_history.HistorySeen` has as ``told``."""


@final
@attrs.frozen
class SeenLease:
    """A lease as a claim by somebody else found it. Taken over or renewed it is another one."""

    owner: str
    expires_at: datetime
    """By the store's clock."""


@final
@attrs.frozen
class Held:
    """Another owner has the lease; nothing was written."""

    remaining: timedelta
    """Until the lease lapses, by the store's clock; positive unless the claim was not to take over a lease
    that has lapsed."""
    lease: SeenLease | None = attrs.field(default=None, eq=False)
    """Which it is; ``None`` from a store that does not say."""


@final
@attrs.frozen
class Saved:
    """The new tokens are durable."""

    link: Link


@final
@attrs.frozen
class Recorded:
    """The failure mark stands beside the tokens."""

    link: Link


@final
@attrs.frozen
class Resealed:
    """The tokens were replaced by the same tokens in another encryption."""

    link: Link


ClaimOutcome: TypeAlias = Claimed | Held | Stale | Absent
SaveOutcome: TypeAlias = Saved | Stale | Absent
RecordOutcome: TypeAlias = Recorded | Stale | Absent
ResealOutcome: TypeAlias = Resealed | Stale | Absent


ADDRESS_NOT_ALLOWED: Final = "address_not_allowed"
"""A provider is at an address that the configuration does not let requests go to. Nothing was sent."""

REDIRECTED: Final = "redirected"
"""A provider answers at another address than the configuration says. Tokens do not follow a redirect."""

RATE_LIMITED: Final = "http_429"
"""Too many requests (RFC 6585 section 4): a request to wait, be it without a word on how long."""


@final
@attrs.frozen
class Exchanged:
    """The provider gave new tokens; the refresh token presented may be dead from now on."""

    tokens: TokenSet
    account: Account | None = None
    """Whose they are, where the answer itself says so."""
    companions: Mapping[str, TokenSet] = attrs.field(factory=dict[str, TokenSet], hash=False)
    """Further grants in the same answer, each with a refresh token of its own, by the name of their link
    (Slack: a bot's tokens and ``user``'s)."""
    link_name: str | None = None
    """The name of the link that ``tokens`` are for, where the answer gave only companions; ``None`` for the
    link that was asked for."""
    no_scopes: bool = False
    """Whether the answer says that no scope was granted. Else no scopes in ``tokens`` mean that it does not
    say, so that they are those asked for (RFC 6749 section 5.1)."""


@final
@attrs.frozen
class GrantRejected:
    """The provider rejected the grant with a code known to mean that it is dead."""

    code: str


@final
@attrs.frozen
class ClientRejected:
    """The provider rejected the application, or what it asked: a wrong secret, a wrong request.

    Where a refresh token was presented, :func:`~extauth.domain.provider_trouble.speaks_of_client` says which.
    """

    code: str
    suspicion: str | None = None
    """What in the application's settings may be the cause, in a sentence that holds no secret."""


@final
@attrs.frozen
class Deferred:
    """The provider answered that it did not do it, in a way that settles nothing about the grant."""

    code: str
    retry_after: timedelta | None = None
    """What the provider's ``Retry-After`` asked for (RFC 9110 section 10.2.3)."""
    of_grant: bool = False
    """Whether the wait is this grant's alone, so that others need not wait."""


@final
@attrs.frozen
class NotSent:
    """Not one byte of the request's body left: the refresh token is certainly unused."""

    code: str


@final
@attrs.frozen
class Unknown:
    """The request may have been carried out, and its result will never arrive.

    A reply cut short, a time-out after sending, a 5xx, or a success nobody can read.
    """

    code: str
    retry_after: timedelta | None = None


ExchangeOutcome: TypeAlias = Exchanged | GrantRejected | ClientRejected | Deferred | NotSent | Unknown
