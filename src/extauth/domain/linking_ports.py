"""What linking needs from stores and providers, beside what refreshing does (:mod:`extauth.domain.ports`)."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from extauth.domain.link import Account, LinkKey
from extauth.domain.linking import (
    MOST_BEGUN,
    AuthorizationRequest,
    ClientRegistration,
    LinkingTraits,
    PendingAuthorization,
)
from extauth.domain.linking_outcomes import (
    BeginDeviceOutcome,
    CodeOutcome,
    FindOutcome,
    PollOutcome,
    TakeOutcome,
    Validity,
)
from extauth.domain.outcomes import RecordOutcome, Unknown
from extauth.domain.ports import LinkStore, OAuthProvider
from extauth.domain.token_set import TokenSet


class AuthorizationStore(Protocol):
    """Keeps who was sent to which provider, until they come back. As atomic and durable as a LinkStore."""

    async def begin_authorization(
        self, pending: PendingAuthorization, ttl: timedelta, *, at_most: int = MOST_BEGUN
    ) -> None:
        """Remember the authorization for ``ttl``, by the store's clock, and no more than ``at_most`` of its
        user's, taken ones too: beside this one those stay that expire last, and the others give way.

        That may be a second statement, so that a call that is cancelled in between leaves one too many until
        the next; when no call for the user is under way there are never more. Can be repeated: a state that
        is known already stays as it is, above all one that was taken.

        :raises ValueError: if ``ttl`` or ``at_most`` is not positive.
        """
        ...

    async def find_authorization(self, state_hash: str, *, user_id: str | None = None) -> FindOutcome:
        """Return the authorization with this state without taking it, or say as :meth:`take_authorization`
        why it cannot be taken.

        What is remembered of a state never changes until it is taken: what was found can be relied on.
        """
        ...

    async def take_authorization(self, state_hash: str, *, user_id: str | None = None) -> TakeOutcome:
        """Take the authorization with this state, once: of all callers one gets ``Taken``.

        With ``user_id`` only if that user began it; otherwise it stays to be taken. What was taken is
        remembered, without its salt, until it expires, so that a second callback is told apart from
        a forged one. Whoever did not begin it hears ``AnothersState``, taken, expired or not.
        """
        ...

    async def forget_authorizations(self, key: LinkKey) -> int:
        """Remove the pending authorizations of a link and return how many: callbacks then find nothing.

        One that was taken is no longer pending, and remembered on.
        """
        ...

    async def purge_authorizations(self) -> int:
        """Remove what has expired, taken or not, by the store's clock, and return how many."""
        ...


class LinkingStore(LinkStore, AuthorizationStore, Protocol):
    """What :class:`~extauth.LinkingService` keeps links in."""

    async def record_account(self, key: LinkKey, version: int, account: Account) -> RecordOutcome:
        """Write whose account the link is for; touches nothing else, above all no version and no lease.

        ``Recorded`` if the version matches. Otherwise ``Stale`` or ``Absent``, and nothing changes. A
        refresh keeps the account; a new authorization forgets it, since it may be another one's.
        """
        ...


class RegistrationStore(Protocol):
    """Keeps dynamically registered clients (RFC 7591), for all replicas alike."""

    async def registration(self, name: str) -> ClientRegistration | None:
        """Return what is kept under ``name``, or None."""
        ...

    async def keep_registration(
        self, name: str, registration: ClientRegistration, *, instead_of: str | None = None
    ) -> ClientRegistration:
        """Keep the registration unless there is one, and return the one that is kept now.

        So replicas that register at the same moment go on with the same client. With ``instead_of`` it
        replaces, as a whole, the one whose client id that is, and no other. Either can be repeated.
        """
        ...


class Store(LinkingStore, RegistrationStore, Protocol):
    """Everything that a shipped store keeps."""


class RegisteredClients(Protocol):
    """The clients that registered themselves for one provider, one after the other.

    A provider that has such a collection as ``clients`` is one of them: new links are made with the present
    one, and each link is served by the one that it was made with. All replicas see the same.
    """

    async def present(self) -> LinkingProvider:
        """Return the provider with the client that new links are to be made with.

        Where the one before has made its time (:func:`~extauth.domain.registered_clients.why_replaced`),
        another one is registered first; replicas that do so at once end with the same.

        :raises ProviderUnavailable: if that cannot be done now.
        :raises ProviderMisconfigured: if the server refuses it.
        :raises StoreUnavailable: if the store fails.
        """
        ...

    async def present_id(self) -> str | None:
        """Return the id of that client as it is now; registers nothing. None: the one there is has expired.

        :raises StoreUnavailable: if the store fails.
        """
        ...

    async def of(self, client_id: str) -> LinkingProvider | None:
        """Return the provider with that client, be it the present one or a former; None if it is neither.

        :raises StoreUnavailable: if the store fails.
        """
        ...

    def heard(self, client_id: str, answer: object) -> None:
        """Take note of what a request to the token endpoint in that client's name came to."""
        ...


class LinkingProvider(OAuthProvider, Protocol):
    """A provider that users can be connected to, too.

    As with :class:`~extauth.domain.ports.OAuthProvider`, nothing is raised for what the network or the
    provider does, nothing is retried, and a cancelled call has an unknown outcome.
    """

    @property
    def linking(self) -> LinkingTraits:
        """What this provider's linking flow is like."""
        ...

    def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return the URL to send the user's browser to (RFC 6749 section 4.1.1).

        :raises ValueError: if the provider has no authorization endpoint.
        """
        ...

    async def exchange_code(
        self,
        code: str,
        *,
        redirect_uri: str,
        code_verifier: str | None = None,
        nonce: str | None = None,
        resources: tuple[str, ...] = (),
    ) -> CodeOutcome:
        """Exchange an authorization code (RFC 6749 section 4.1.3) once and judge the answer.

        With ``nonce``, an ID token in the answer must carry it.
        """
        ...

    async def begin_device(self, scopes: frozenset[str]) -> BeginDeviceOutcome:
        """Ask for a device code (RFC 8628 section 3.1).

        :raises ValueError: if the provider has no device endpoint.
        """
        ...

    async def poll_device(self, device_code: str) -> PollOutcome:
        """Ask once whether the user has decided (RFC 8628 section 3.4)."""
        ...

    async def identify(self, tokens: TokenSet) -> Account | Unknown | None:
        """Return whose tokens these are. None if the provider does not say, ``Unknown`` if not now."""
        ...

    async def validate(self, tokens: TokenSet) -> Validity:
        """Ask whether the access token is accepted. Must not come between an exchange and its save."""
        ...
