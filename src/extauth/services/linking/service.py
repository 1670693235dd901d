"""Connecting users to providers, and disconnecting them."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Self, final

from extauth.domain.acting import acting
from extauth.domain.actors import LINKING, Action, Target
from extauth.domain.device_authorization import DeviceAuthorization
from extauth.domain.hidden import Hidden
from extauth.domain.link import Link, LinkKey
from extauth.domain.linking import UnlinkOutcome
from extauth.domain.linking_outcomes import Validity
from extauth.domain.linking_ports import LinkingProvider, LinkingStore
from extauth.domain.ports import Clock, LinkStore, Observer
from extauth.domain.revocation import OnSharedGrant
from extauth.domain.wrong_types import UrlObject, id_text, url_text
from extauth.services.arguments import checked_device, checked_store, clock_given, rng_given
from extauth.services.events import EventEmitter
from extauth.services.linking.flows import Flows
from extauth.services.linking.options import (
    AUTHORIZATION_TTL,
    OnAccountChange,
    check_options,
    linking_providers,
)
from extauth.services.linking.redirect_uris import GivenRedirectUris, RedirectUris
from extauth.services.linking.state import SecretSource
from extauth.services.open_services import note_open
from extauth.services.serving import Serving
from extauth.services.uninterrupted import defer_cancellation, start_protected


@final
class LinkingService:
    """Connects users to providers: the authorization code flow, the device flow, and disconnecting.

    Use it as an async context manager inside the one of the store: leaving it finishes what is under way. It
    serves the event loop that it is entered or first used on, and raises ``RuntimeError`` elsewhere and in a
    forked process. The store and the providers remain the caller's. Any replica can complete what another has
    begun, also after a restart.

    A caller may be cancelled, time out or disconnect at any moment: a code that was sent to the provider is
    carried through until its tokens are stored, and so is an unlink. That is a task of the service's own,
    which even the end of ``asyncio.run`` waits for.

    ``authorization_ttl`` is how long a user may take at the provider. ``exchange_timeout`` bounds each
    request to a provider. ``redirect_uris``, if given, are the only ones that :meth:`begin` accepts: for any
    provider, or as a mapping for each by its id.

    Providers of different authorization servers share no redirect URI, unless each of them sends ``iss`` (RFC
    9207): a code of one could be taken to another (mix-up, RFC 9700 section 4.4). So with several servers a
    redirect URI must be the provider's own: the mapping says so, or its id is a whole segment of the URI's
    path, a value in its query or a label of its host.

    ``on_account_change`` says what to do when a user who has a link comes back with another account at the
    provider: ``"replace"`` stores it and tells :class:`~extauth.domain.events.AccountReplaced`; ``"refuse"``
    finds out whose account it is before anything is stored, raises ``AccountChanged`` and leaves the old
    link as it is. The new tokens are then dropped and not revoked: revoking could end the grant of another
    user whose account that is. Where nobody can tell whose account a link is for, it is replaced, and of two
    authorizations completed at the same moment the later one counts. ``on_shared_grant``: :meth:`unlink`.

    ``rng`` draws jitter, ``secret_source`` the bytes of states and salts; both the system's but in tests.

    :raises ValueError: if two providers have the same id, if one can only refresh, if a span is not
        positive, or for a redirect URI that cannot be one, or that two providers must not share.
    :raises TypeError: for what is no open store or no list of providers: a URL, a preset that was not called.
    """

    def __init__(
        self,
        store: LinkingStore,
        providers: Iterable[LinkingProvider],
        *,
        clock: Clock | None = None,
        observer: Observer | None = None,
        authorization_ttl: timedelta = AUTHORIZATION_TTL,
        redirect_uris: GivenRedirectUris | None = None,
        on_account_change: OnAccountChange = "replace",
        on_shared_grant: OnSharedGrant = "spare",
        exchange_timeout: timedelta = timedelta(seconds=20),
        rng: random.Random | None = None,
        secret_source: SecretSource = secrets.token_bytes,
    ) -> None:
        check_options(authorization_ttl, exchange_timeout, on_account_change)
        self._serving = Serving("LinkingService", checked_store(store, "put"))
        served = linking_providers(providers)
        self._flows = Flows.on(
            acting(store, LINKING),
            served,
            clock=clock_given(clock),
            emitter=EventEmitter(observer),
            rng=rng_given(rng),
            exchange_timeout=exchange_timeout,
            authorization_ttl=authorization_ttl,
            redirect_uris=RedirectUris(served, redirect_uris),
            on_account_change=on_account_change,
            on_shared_grant=on_shared_grant,
            secret_source=secret_source,
        )
        note_open(self)

    async def __aenter__(self) -> Self:
        self._serving.check()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def begin(
        self,
        provider_id: str,
        user_id: str,
        redirect_uri: str | UrlObject,
        *,
        scopes: Iterable[str] | None = None,
        include_granted: bool = False,
        resources: Iterable[str] = (),
        params: Mapping[str, str] | None = None,
    ) -> str:
        """Return the URL to send the user's browser to (RFC 6749 section 4.1.1).

        ``provider_id`` may be a named link's (:func:`~extauth.named_provider_id`). ``scopes`` are the
        provider's default ones if none are given, and decide; with ``include_granted`` those of the link that
        there is are asked for again, so that asking for one more loses none. ``resources`` are RFC 8707's,
        and ``params`` more parameters such as ``login_hint``. Nothing of an existing link is touched. The
        ``redirect_uri`` is ``https``, ``http`` on loopback or an application's own scheme with a dot (RFC
        8252 section 7.1), written as a browser writes it. Of each user 50 authorizations are remembered.

        :raises UnknownProvider: no provider with this id was given to the service.
        :raises TemporarilyUnavailable: try again later.
        :raises ProviderMisconfigured: the server publishes a ``foreign_endpoint``, or registers no client.
        :raises ValueError: an id, the redirect URI or a resource cannot be one, the id is that of a companion
            (connect the link that it comes with), the redirect URI is none of those that the service was
            given or could be shared with another authorization server, also with one that a service on the
            same store has begun with in this process, ``params`` has one that is not the application's to
            set, or the provider has no authorization endpoint.
        :raises TypeError: for an argument of another type: ids are ``str``, write ``str(user.id)``.
        """
        key = self._serving.check().allow(Action.CONNECT, LinkKey(provider_id, user_id))
        uri = url_text(redirect_uri, "redirect_uri")
        url = await self._flows.code.begin(
            key, uri, scopes=scopes, include_granted=include_granted, resources=resources, params=params or {}
        )
        await self._flows.purger.purge_if_due()
        return url

    async def complete(
        self,
        callback: str | UrlObject | Mapping[str, object],
        *,
        user_id: str,
        provider_id: str | None = None,
        method: str | None = None,
    ) -> Link:
        """Exchange the code of a callback and store the link (RFC 6749 sections 4.1.2 to 4.1.4).

        ``callback`` is the whole URL that was called, as a ``str`` or ``yarl.URL``, or its path and query, or
        the parameters of the query or of a posted form: any mapping, also one of several values for each
        name. Only with the whole URL it is checked that it is the redirect URI.

        ``user_id`` **is the user who is signed in in this very browser**, from its session and from nowhere
        else. Otherwise an attacker can send a victim the callback of an authorization of their own, and
        connect the victim's browser session to an account that is not the victim's, or the other way round
        (RFC 6749 section 10.12). ``provider_id`` is the one whose redirect URI was called, by its route, and
        ``method`` is ``GET`` or ``POST``: both are checked. With providers of several authorization servers
        ``provider_id`` or the whole URL must be given, unless each of them sends ``iss``.

        A state is good for one callback: the answer that belongs to it, be it an error, uses it up. One that
        is malformed, or of another user, URL, provider, method or issuer does not. If this raises, no link
        was stored or changed; but ``StoreUnavailable`` after the exchange may come of one that did its work.

        :raises LinkingFailed: the user was not connected and may begin again; the leaf says why.
        :raises ProviderUnavailable: the provider could not be reached, or its answer got lost. The code may
            be used up: let the user begin again.
        :raises StoreUnavailable: try again, or let the user begin again.
        :raises ConfigurationError: the deployment must be mended.
        :raises ValueError: for no user, or no ``provider_id`` where it is needed; the state stays good.
        :raises TypeError: for an argument of another type: ids are ``str``. The state stays good.
        """
        given = Hidden(callback)
        del callback  # tools that report errors show the local variables of each frame
        self._serving.check()
        if provider_id is not None:
            id_text(provider_id, "provider_id")
        read = self._flows.code.read(given, user_id=user_id, provider_id=provider_id, method=method)
        self._serving.allow(Action.CONNECT, Target(user_id=user_id))
        return await self._flows.carried.run(
            partial(self._flows.code.complete, read, user_id=user_id, provider_id=provider_id, method=method)
        )

    async def begin_device(
        self,
        provider_id: str,
        user_id: str,
        *,
        scopes: Iterable[str] | None = None,
        include_granted: bool = False,
    ) -> DeviceAuthorization:
        """Ask the provider for a code that the user types in on another device (RFC 8628 section 3.1).

        ``scopes`` and ``include_granted`` are as for :meth:`begin`. Show ``user_code`` and
        ``verification_uri``, and give the value to :meth:`complete_device`.

        :raises ValueError: the provider has no device flow, or the id is a companion's.
        :raises TemporarilyUnavailable: try again later.
        :raises ConfigurationError: the deployment must be mended.
        """
        key = self._serving.check().allow(Action.CONNECT, LinkKey(provider_id, user_id))
        return await self._flows.devices.begin(key, scopes, include_granted=include_granted)

    async def complete_device(self, device: DeviceAuthorization) -> Link:
        """Wait until the user has decided, store the link and return it (RFC 8628 sections 3.4 and 3.5).

        May be called any number of times, at the same moment or after a restart: the value is all that is
        needed. Callers in one process share the polling. It is done while somebody waits; a caller who is
        cancelled only leaves, and a poll that was sent is carried through until its tokens are stored.
        Called again after that, in the same process, it returns the link: that of ``device.key``, whoever
        waits. Keep the value where only the session of the user who began finds it.

        :raises ConsentDenied: the user said no.
        :raises AuthorizationExpired: the user took too long.
        :raises LinkingFailed: other ways in which the user was not connected; the leaf says why.
        :raises TemporarilyUnavailable: nothing is lost, call it again later; also if the service is closed.
        :raises ConfigurationError: the deployment must be mended.
        :raises TypeError: for what is no ``DeviceAuthorization``: its text is to be read first.
        """
        self._serving.check().allow(Action.CONNECT, checked_device(device).key)
        return await self._flows.devices.complete(device)

    async def unlink(self, provider_id: str, user_id: str) -> UnlinkOutcome:
        """Disconnect the user: remove the link, then revoke its tokens at the provider (RFC 7009).

        Also removed are the companions that came with the same authorization, and authorizations that were
        begun; one that is being completed in this process stores nothing. A device flow that nobody in this
        process waits for is unknown here and can be completed later. Revoking is best effort. Where it would
        end another of the user's links nothing is revoked, but with ``on_shared_grant="end"``.

        :raises UnknownProvider: no provider with this id was given to the service, and there is no such link.
        :raises StoreUnavailable: the link may still be there; try again.
        """
        key = self._serving.check().allow(Action.DISCONNECT, LinkKey(provider_id, user_id))
        provider = await self._flows.unlinker.provider_of(key)
        return await self._flows.carried.run(partial(self._flows.unlinker.unlink, provider, key))

    async def links(self, user_id: str, *, of_former_client: bool | None = None) -> list[Link]:
        """Return the user's links, ordered by provider id.

        ``of_former_client=True``: those alone that were made with another client of their provider than new
        links are, and wait for the user to connect again; ``False``: the others alone.

        :raises StoreUnavailable: try again later.
        """
        self._serving.check().allow(Action.READ, Target(user_id=id_text(user_id, "user_id")))
        return await self._flows.listing.links(user_id, of_former_client)

    async def validate(self, provider_id: str, user_id: str) -> Validity:
        """Ask the provider whether it accepts the stored access token. No token is touched.

        An access token that has expired is ``TokenInvalid`` and says nothing about the link: ask the
        :class:`~extauth.TokenService` first. If the answer says whose account it is, that is recorded, but
        never as another account than the one that is known.

        :raises LinkNotFound: the user has not connected this provider.
        :raises UnknownProvider: no provider with this id was given to the service.
        :raises StoreUnavailable: try again later.
        """
        key = self._serving.check().allow(Action.READ, LinkKey(provider_id, user_id))
        return await self._flows.validator.validate(key)

    async def purge(self) -> int:
        """Remove authorizations that have expired, and return how many.

        :meth:`begin` does it now and then; nobody else needs to.

        :raises StoreUnavailable: try again later.
        """
        self._serving.check().allow(Action.PURGE, Target())
        return await self._flows.purger.purge()

    async def aclose(self) -> None:
        """Refuse new calls and finish what is under way: exchanges with their tokens stored, and unlinks.

        Who waits for a device flow gets ``ProviderUnavailable`` and can complete it later. A cancellation
        meanwhile is put off to the end. Safe to call twice.
        """
        if self._serving.close(idle=self._flows.idle):
            await defer_cancellation(start_protected(self._flows.aclose()))

    def uses(self, store: LinkStore) -> bool:
        """Whether this service keeps its links in that very store."""
        return self._serving.on(store)
