"""The authorization code flow (RFC 6749 section 4.1): from the link that is clicked to the stored link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import final

import attrs

from extauth.domain.errors import ExtAuthError, InvalidCallback, IssuerMismatch, StoreUnavailable
from extauth.domain.hidden import Hidden
from extauth.domain.link import Link, LinkKey
from extauth.domain.linking import AuthorizationRequest, LinkingTraits, PendingAuthorization
from extauth.domain.linking_ports import LinkingProvider, LinkingStore
from extauth.domain.outcomes import Exchanged
from extauth.domain.storable import masked
from extauth.domain.wrong_types import UrlObject, id_text
from extauth.services.errors import refusal
from extauth.services.events import EventEmitter
from extauth.services.linking.authorizations import Authorizations, unknown_state
from extauth.services.linking.begun_redirects import begun_redirects
from extauth.services.linking.callback import Callback, read_callback
from extauth.services.linking.connect import GrantConnector
from extauth.services.linking.endpoints import Endpoints
from extauth.services.linking.in_progress import Completion, InFlightCompletions
from extauth.services.linking.params import check_params
from extauth.services.linking.redirect_uris import RedirectUris, mixable, server_of
from extauth.services.linking.scopes import asked_scopes, granted_before
from extauth.services.linking.state import (
    SecretSource,
    code_challenge,
    code_verifier,
    looks_like_state,
    new_secret,
    nonce,
    state_hash,
)
from extauth.services.provider_call import ProviderCaller
from extauth.services.providers import check_connectable, provider_of
from extauth.services.registered_clients import (
    note_answer,
    noted_client,
    present_provider,
    provider_of_code,
)


@final
class CodeFlow:
    """Begins authorizations and completes them."""

    def __init__(
        self,
        store: LinkingStore,
        providers: Mapping[str, LinkingProvider],
        *,
        caller: ProviderCaller,
        connector: GrantConnector,
        in_flight: InFlightCompletions,
        emitter: EventEmitter,
        ttl: timedelta,
        redirect_uris: RedirectUris,
        secret_source: SecretSource,
    ) -> None:
        self._store = store
        self._providers = providers
        self._caller = caller
        self._connector = connector
        self._in_flight = in_flight
        self._emitter = emitter
        self._authorizations = Authorizations(store, ttl)
        self._redirect_uris = redirect_uris
        self._begun = begun_redirects(store)
        self._endpoints = Endpoints(providers, self._begun.endpoints)
        self._secret_source = secret_source

    async def begin(
        self,
        key: LinkKey,
        redirect_uri: str,
        *,
        scopes: Iterable[str] | None,
        include_granted: bool,
        resources: Iterable[str],
        params: Mapping[str, str],
    ) -> str:
        """See :meth:`~extauth.LinkingService.begin`."""
        provider = provider_of(self._providers, key.provider_id)
        self._redirect_uris.check(provider.provider_id, redirect_uri)
        self._endpoints.check(provider)
        check_params(params)
        check_connectable(provider, key)
        provider = await present_provider(provider)
        before = await granted_before(self._store, provider, key, wanted=include_granted)
        asked = asked_scopes(provider, before, scopes)
        state = Hidden(new_secret(self._secret_source))
        pending = PendingAuthorization(
            state_hash=state_hash(state.value),
            key=key,
            redirect_uri=redirect_uri,
            salt=new_secret(self._secret_source),
            scopes=asked,
            resources=resources,
            sent_challenge=provider.linking.pkce,
            sent_nonce=_asks_id_token(provider.linking, asked),
            client_id=noted_client(provider),
        )
        derived = _derived(provider, pending, state.value)
        request = AuthorizationRequest(
            redirect_uri=redirect_uri,
            state=state.value,
            scopes=asked,
            code_challenge=None if derived.verifier is None else code_challenge(derived.verifier),
            nonce=derived.nonce,
            resources=pending.resources,
            params=params,
            incremental=before is not None,
        )
        url = Hidden(provider.authorization_url(request))
        if rival := self._begun.note(redirect_uri, server_of(provider)):
            raise mixable(redirect_uri, provider.provider_id, [rival])
        await self._authorizations.begin(pending)
        return url.value

    def read(
        self,
        given: Hidden[str | UrlObject | Mapping[str, object]],
        *,
        user_id: str,
        provider_id: str | None,
        method: str | None,
    ) -> Callback:
        """Read a callback and refuse what can be refused without touching its state.

        :raises ValueError: if it is not said who is signed in, or where the callback came to.
        :raises InvalidCallback: if it is none.
        :raises UnknownState: if its state cannot have been given out here.
        :raises UnknownProvider: if no provider has that id.
        """
        _check_signed_in(user_id)
        expected = self._providers.values() if provider_id is None else [self._provider(provider_id)]
        if method is not None and method not in {each.linking.callback_method for each in expected}:
            raise _by_other_method()
        try:
            callback = read_callback(given.value)
        except (InvalidCallback, TypeError) as error:
            # Its frames hold the parameters.
            raise error.with_traceback(None) from None
        if provider_id is None and callback.location is None and self._redirect_uris.needs_location():
            msg = (
                "complete needs provider_id, from the route that was called, or the whole URL: with several"
                " providers it must know whose redirect URI was called (mix-up, RFC 9700 section 4.4)"
            )
            raise ValueError(msg)
        if not looks_like_state(callback.params["state"]):
            raise unknown_state()
        return callback

    async def complete(
        self, callback: Callback, *, user_id: str, provider_id: str | None, method: str | None
    ) -> Link:
        """Complete the authorization; whoever calls it must not be cancelled before it has ended.

        See :meth:`~extauth.LinkingService.complete`.
        """
        with self._in_flight.completing() as completion:
            hashed = state_hash(callback.params["state"])
            # What is known of a state never changes, so that what is checked here is what is taken.
            self._check_belongs(
                callback, await self._authorizations.find(hashed, user_id), provider_id, method
            )
            pending = await self._authorizations.take(hashed, user_id)
            completion.key = pending.key
            try:
                return await self._connect(callback, pending, completion)
            except ExtAuthError as error:
                # A store that fails while it is given the tokens may have kept them.
                if not (completion.given and isinstance(error, StoreUnavailable)):
                    await self._authorizations.note_failure(pending)
                raise

    def _check_belongs(
        self, callback: Callback, pending: PendingAuthorization, provider_id: str | None, method: str | None
    ) -> None:
        """Refuse an answer to something else, whose state is left to the answer that belongs to it."""
        provider = self._provider(pending.key.provider_id)
        if provider_id not in {None, pending.key.provider_id, provider.provider_id}:
            msg = "the callback is for another provider than the user was sent to"
            raise IssuerMismatch(msg)
        callback.check_location(pending.redirect_uri)
        callback.check_issuer(provider.linking, self._issuers())
        if method is not None and method != provider.linking.callback_method:
            raise _by_other_method()

    async def _connect(
        self, callback: Callback, pending: PendingAuthorization, completion: Completion
    ) -> Link:
        provider = self._provider(pending.key.provider_id)
        traits = provider.linking
        code = Hidden(callback.code(provider.provider_id))
        # Before the code is spent: a store that is down is better noticed now.
        before = await self._store.get(pending.key)
        provider = await provider_of_code(provider, pending.client_id)
        completion.refuse_withdrawn()
        derived = _derived(provider, pending, callback.params["state"])
        outcome = await self._caller.call_until_sent(
            lambda: provider.exchange_code(
                code.value,
                redirect_uri=pending.redirect_uri,
                code_verifier=derived.verifier,
                nonce=derived.nonce,
                resources=pending.resources,
            )
        )
        note_answer(provider, outcome)
        if not isinstance(outcome, Exchanged):
            raise refusal(provider.provider_id, outcome, self._emitter)
        return await self._connector.connect(
            provider,
            pending.key,
            completion,
            outcome,
            before=before,
            scopes=pending.scopes,
            extra={name: callback.params[name] for name in traits.callback_fields & callback.params.keys()},
        )

    def _issuers(self) -> set[str]:
        issuers = (provider.linking.issuer for provider in self._providers.values())
        return {issuer for issuer in issuers if issuer is not None}

    def _provider(self, provider_id: str) -> LinkingProvider:
        return provider_of(self._providers, provider_id)


@final
@attrs.frozen
class _Derived:
    """What is derived from a state, each if the authorization request has it."""

    verifier: str | None = attrs.field(repr=masked)
    nonce: str | None = attrs.field(repr=masked)


def _derived(provider: LinkingProvider, pending: PendingAuthorization, state: str) -> _Derived:
    # What was sent counts, not what would be sent now: the settings may have changed meanwhile.
    traits = provider.linking
    challenged, nonced = pending.sent_challenge, pending.sent_nonce
    if challenged is None:
        challenged = traits.pkce
    if nonced is None:
        nonced = _asks_id_token(traits, pending.scopes)
    return _Derived(
        code_verifier(state, pending.salt) if challenged else None,
        nonce(state, pending.salt) if nonced else None,
    )


def _asks_id_token(traits: LinkingTraits, scopes: frozenset[str]) -> bool:
    return traits.openid and "openid" in scopes


def _check_signed_in(user_id: object) -> None:
    """Refuse a session without a user: it would get the link of whoever began.

    :raises ValueError: for it.
    :raises TypeError: for an id of another type.
    """
    if user_id is None or not id_text(user_id, "user_id"):
        msg = (
            "complete needs user_id, the user who is signed in in this very browser: without one, an attacker"
            " who began could have this browser's account linked to themselves. If nobody is signed in, let"
            " the user sign in first and then follow the callback again, or begin again"
        )
        raise ValueError(msg)


def _by_other_method() -> InvalidCallback:
    return InvalidCallback("the callback came by another HTTP method than the provider's")
