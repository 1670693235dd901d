"""What an observer is told. No event carries a token, a code or text of the provider's."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias, final

import attrs

from extauth.domain.link import LinkKey


@final
@attrs.frozen
class ExchangeStarted:
    """A refresh token is about to be presented to the provider."""

    key: LinkKey
    version: int
    replay: bool
    """Whether an earlier exchange of this version may already have used it up."""


@final
@attrs.frozen
class LinkRefreshed:
    """New tokens are stored; ``version`` is the new one."""

    key: LinkKey
    version: int
    took: timedelta
    """From the start of the exchange to the end of the save."""


@final
@attrs.frozen
class LinkAdopted:
    """Someone else's newer tokens were found and are used."""

    key: LinkKey
    version: int


@final
@attrs.frozen
class RefreshFailed:
    """A refresh failed for the time being; the tokens are as they were."""

    key: LinkKey
    version: int
    reason: str
    retry_after: timedelta | None


@final
@attrs.frozen
class LinkProbablyDead:
    """The provider has refused this link for long, as it may refuse a dead grant, and has served others.

    Nothing is settled: the user may connect again, and the link is tried on, ever more rarely.
    """

    key: LinkKey
    version: int
    reason: str
    """What the provider answered last, as ``RefreshFailed`` has it."""
    retry_after: timedelta | None


@final
@attrs.frozen
class LinkReauthorizationRequired:
    """The provider rejected the grant: the user must authorize again."""

    key: LinkKey
    version: int
    reason: str


@final
@attrs.frozen
class ProviderRejectedClient:
    """The provider rejects the application itself; an operator must look."""

    provider_id: str
    reason: str


@final
@attrs.frozen
class ExchangeUnresolved:
    """The provider's reply was lost: nobody knows whether the refresh token was used up."""

    key: LinkKey
    version: int
    reason: str


@final
@attrs.frozen
class SaveDelayed:
    """The store is down after an exchange; the new tokens are served from memory and saved later."""

    key: LinkKey
    version: int


@final
@attrs.frozen
class SaveAbandoned:
    """The service was closed while the store stayed down: the new tokens are lost."""

    key: LinkKey
    version: int


@final
@attrs.frozen
class UnlinkedMeanwhile:
    """The user unlinked during the exchange; the new tokens were not stored."""

    key: LinkKey
    revoked: bool
    """Whether the provider confirmed that it revoked them."""
    reason: str | None = None
    """Why not; see :class:`~extauth.UnlinkOutcome`."""


@final
@attrs.frozen
class LinkConnected:
    """A user's own authorization is stored."""

    key: LinkKey
    version: int


@final
@attrs.frozen
class RefreshTokenMissing:
    """A user has connected, and the provider gave no refresh token although one was asked for.

    The link works until its access token expires; then the user must connect again. Most often the provider
    wants to be asked otherwise, or the client is not set up for refresh tokens there.
    """

    key: LinkKey
    version: int


@final
@attrs.frozen
class AccountReplaced:
    """A new authorization is for another account at the provider than the one before."""

    key: LinkKey
    version: int
    previous_id: str
    """The provider's id of the account before."""
    account_id: str


@final
@attrs.frozen
class AccountLookupFailed:
    """Whose account a link is for could not be found out now; the link stays as it is."""

    key: LinkKey
    reason: str
    """Why, as a stable code, for example ``http_500``."""


@final
@attrs.frozen
class LinkRemoved:
    """A user was disconnected."""

    key: LinkKey
    revoked: bool
    """Whether the provider confirmed that the tokens are revoked."""
    reason: str | None = None
    """Why not; see :class:`~extauth.UnlinkOutcome`."""


@final
@attrs.frozen
class SharedGrantEnded:
    """Tokens of another link were revoked, which ends this one too: its user must connect again."""

    key: LinkKey
    ended_with: LinkKey
    """The link whose tokens were revoked."""


@final
@attrs.frozen
class UpkeepSwept:
    """Upkeep in this replica has looked at what was due of a provider, and there was something to do.

    The numbers are those of an :class:`~extauth.UpkeepReport`.
    """

    provider_id: str
    refreshed: int
    elsewhere: int
    failed: int
    ended: int
    paused: bool
    """Whether the rest comes later, because the provider is left alone for a while."""
    behind: timedelta


@final
@attrs.frozen
class StoreWentBack:
    """The database may have lost writes, as in a failover to a standby that was behind, or a restored backup.

    Told by each replica, when it has looked at the links that it knows. Links that no replica knew may hold
    refresh tokens that were used up.
    """

    known: int
    """How many links this replica knew."""
    healed: int
    """Of how many the database had older tokens, so that the newer ones were put back."""
    missing: int
    """How many are not there: disconnected meanwhile, or connected in what was lost."""
    unread: int
    """How many could not be looked at in time; each is looked at when it is used."""
    held: timedelta = timedelta(0)
    """For how long no link is refreshed, from when it was noticed on."""

    @property
    def lost_something(self) -> bool:
        """Whether a link shows it. A switchover to a standby that has everything is told of as well."""
        return bool(self.healed or self.missing or self.unread)


@final
@attrs.frozen
class StoreRestored:
    """The database is another than before, or an older state of it, and no replica that runs remembers what
    it had: a backup was restored, or it was moved or copied. Told by one replica, after it was started.

    The refresh tokens of links that were not refreshed since may have been used up.
    """

    doubtful: int
    """How many links have such a refresh token: not those of providers that are known not to renew them."""
    held: int
    """Of how many it is not presented until an operator agrees (``RefreshPolicy(hold_doubtful=True)``)."""


Event: TypeAlias = (
    ExchangeStarted
    | LinkRefreshed
    | LinkAdopted
    | RefreshFailed
    | LinkProbablyDead
    | LinkReauthorizationRequired
    | ProviderRejectedClient
    | ExchangeUnresolved
    | SaveDelayed
    | SaveAbandoned
    | UnlinkedMeanwhile
    | LinkConnected
    | RefreshTokenMissing
    | AccountReplaced
    | AccountLookupFailed
    | LinkRemoved
    | SharedGrantEnded
    | UpkeepSwept
    | StoreWentBack
    | StoreRestored
)
