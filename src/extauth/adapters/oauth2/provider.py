"""One OAuth 2.0 client registration at one authorization server: wiring of the parts beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import final

from aiohttp import ClientSession

from extauth.adapters.oauth2.client.client_auth import ClientAuth, ClientCredentials
from extauth.adapters.oauth2.client.client_keys import ClientKey
from extauth.adapters.oauth2.client.configuration import (
    checked_id,
    checked_origins,
    checked_scopes,
    optional_endpoint,
)
from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.call import ProviderCalls
from extauth.adapters.oauth2.endpoints.identity import IdentityRules, identity_by
from extauth.adapters.oauth2.endpoints.installations import InstallationRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation, revocation_by
from extauth.adapters.oauth2.endpoints.validation import ValidationRules, validation_by
from extauth.adapters.oauth2.http.addresses import Reach, names_loopback
from extauth.adapters.oauth2.http.endpoint import endpoint_url
from extauth.adapters.oauth2.http.phases import HttpTimeouts
from extauth.adapters.oauth2.http.session import checked_session
from extauth.adapters.oauth2.linking_traits import linking_traits
from extauth.adapters.oauth2.rules import check_rules
from extauth.adapters.oauth2.token.authorization_request import AuthorizationEndpoint, AuthorizationRules
from extauth.adapters.oauth2.token.exchanges import Exchanges
from extauth.adapters.oauth2.token.reply_rules import ReplyRules
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.clock import SystemClock
from extauth.domain.link import Account, GrantOrigin
from extauth.domain.linking import AuthorizationRequest, CallbackMethod, Installation, LinkingTraits
from extauth.domain.linking_outcomes import BeginDeviceOutcome, CodeOutcome, PollOutcome, Validity
from extauth.domain.linking_ports import RegisteredClients
from extauth.domain.outcomes import ExchangeOutcome, Unknown
from extauth.domain.policy import ProviderTraits
from extauth.domain.ports import WallClock
from extauth.domain.token_set import TokenSet
from extauth.domain.wrong_types import UrlObject


@final
class OAuth2Provider:
    """A :class:`~extauth.domain.linking_ports.LinkingProvider` over aiohttp.

    Without ``session`` each exchange opens a connection of its own and closes it: one kept alive may die
    under the request, and leave its outcome unknown. An application that needs a proxy, its own certificates
    or tracing gives a ``session`` of :func:`~extauth.adapters.oauth2.client_session`. It is not closed here;
    timeouts, redirects, ``Accept``, ``Content-Type`` and ``User-Agent`` are this class's.

    ``reach`` says which addresses requests may go to; give ``public`` where a user had a say in the URLs. By
    default ``any``, and for URLs that answers name ``public``, or ``loopback`` if ``token_url`` is there.

    What a provider does differently from the standard is data: ``authorization`` and ``requests`` for what
    is sent, ``replies`` and ``identity`` for what comes back, ``traits`` for refreshing, and ``issuer``,
    ``sends_issuer``, ``openid``, ``callback_method`` and ``callback_fields`` as in
    :class:`~extauth.domain.linking.LinkingTraits`. Endpoints are ``https``, but for loopback hosts.

    A link's tokens are neither sent nor handed out to another client, token endpoint or resource than it was
    made with; after a move ``formerly`` names those before. ``resource`` is the one that all tokens are for
    (RFC 8707), such as an MCP server; the rules say what is sent.

    :raises ValueError: for an empty id, a URL that secrets must not go to, an unknown ``client_auth``,
        a ``client_secret`` or ``client_key`` that is missing or not used, ``sends_issuer`` without
        ``issuer``, a session that is not fit, a URL that is given twice: alone and in ``revocation`` or
        ``identity``, or a call to a host that ``callback_fields`` would name.
    :raises TypeError: for an argument of another type, such as rules that are a class, not called.
    """

    def __init__(
        self,
        provider_id: str,
        *,
        client_id: str,
        client_secret: str | None = None,
        token_url: str | UrlObject,
        authorize_url: str | UrlObject | None = None,
        revoke_url: str | UrlObject | None = None,
        device_url: str | UrlObject | None = None,
        userinfo_url: str | UrlObject | None = None,
        scopes: Iterable[str] = (),
        resource: str | None = None,
        formerly: Collection[GrantOrigin] = (),
        client_auth: ClientAuth = "client_secret_basic",
        client_key: ClientKey | None = None,
        session: ClientSession | None = None,
        traits: ProviderTraits = ProviderTraits(),  # noqa: B008 - frozen
        requests: TokenRequests = TokenRequests(),  # noqa: B008 - frozen
        replies: ReplyRules = ReplyRules(),  # noqa: B008 - frozen
        authorization: AuthorizationRules = AuthorizationRules(),  # noqa: B008 - frozen
        identity: IdentityRules = IdentityRules(),  # noqa: B008 - frozen
        issuer: str | None = None,
        sends_issuer: bool = False,
        openid: bool = False,
        callback_method: CallbackMethod = "GET",
        callback_fields: Iterable[str] = (),
        reach: Reach | None = None,
        timeouts: HttpTimeouts = HttpTimeouts(),  # noqa: B008 - frozen
        clock: WallClock = SystemClock(),  # noqa: B008 - has no state
        revocation: Revocation | None = None,
        validation: ValidationRules | None = None,
        api: ApiRules = ApiRules(),  # noqa: B008 - frozen
        installations: InstallationRules | None = None,
    ) -> None:
        check_rules(
            traits=traits,
            requests=requests,
            replies=replies,
            authorization=authorization,
            identity=identity,
            session=session,
            timeouts=timeouts,
            revocation=revocation,
            validation=validation,
            api=api,
            installations=installations,
        )
        self.provider_id = checked_id(provider_id)
        """The provider part of this provider's link keys."""
        self._token_url = endpoint_url(token_url, "token_url")
        self._credentials = ClientCredentials(
            client_id,
            client_secret,
            client_auth,
            key=client_key,
            token_endpoint=self._token_url,
            issuer=issuer,
            audience=requests.assertion_audience,
            clock=clock,
            named=requests.names_client,
        )
        self.client_id = client_id
        """The client's id at the provider; no secret (RFC 6749 section 2.2)."""
        self.origin = GrantOrigin(client_id, self._token_url, resource)
        """The client, token endpoint and resource that grants made here belong to."""
        self.formerly = checked_origins(formerly)
        self.clients: RegisteredClients | None = None
        """The clients of which this is one, if they registered themselves."""
        self.authorize_url = optional_endpoint(authorize_url, "authorize_url")
        """Where the user's browser is sent to consent (RFC 6749 section 3.1)."""
        self.device_url = optional_endpoint(device_url, "device_url")
        """The device authorization endpoint (RFC 8628 section 3.1)."""
        self.userinfo_url = optional_endpoint(userinfo_url, "userinfo_url")
        self.scopes = checked_scopes(scopes)
        """The scopes to ask the user for, in the given order."""
        session = checked_session(session, reach or "any")
        self.traits = traits
        """What this provider is known to do on a refresh."""
        self.api = api
        """Where its API is, and which headers it wants."""
        self._authorization = AuthorizationEndpoint(
            provider_id, self.authorize_url, authorization, client_id, requests.client_id_field, openid
        )
        optional_endpoint(requests.refresh_url, "refresh_url")
        self.linking: LinkingTraits = linking_traits(
            authorization,
            replies,
            revocation,
            client_auth=client_auth,
            scopes=self.scopes,
            authorize_url=self.authorize_url,
            token_url=self._token_url,
            device_url=self.device_url,
            issuer=issuer,
            sends_issuer=sends_issuer,
            openid=openid,
            callback_method=callback_method,
            callback_fields=callback_fields,
        )
        """What this provider's linking flow is like."""
        self._exchanges = Exchanges.at(
            self._token_url,
            self._credentials,
            requests=requests,
            authorization=authorization,
            replies=replies,
            traits=traits,
            identity=identity,
            scopes=self.scopes,
            issuer=issuer,
            openid=openid,
            session=session,
            timeouts=timeouts,
            reach=reach or "any",
            clock=clock,
        )
        self._calls = ProviderCalls(
            credentials=self._credentials,
            clock=clock,
            session=session,
            timeouts=timeouts,
            reach=reach or "any",
            answered_reach=reach or ("loopback" if names_loopback(self._token_url) else "public"),
            api=api,
            revocation=revocation_by(optional_endpoint(revoke_url, "revoke_url"), revocation),
            identity=identity_by(self.userinfo_url, identity),
            validation=validation_by(self.userinfo_url, validation),
            installation_rules=installations,
            callback_fields=self.linking.callback_fields,
        )

    def __repr__(self) -> str:
        return f"OAuth2Provider({self.provider_id!r}, client_id={self.client_id!r})"

    def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return the URL to send the user's browser to (RFC 6749 section 4.1.1).

        It asks for the request's scopes, or the provider's own where it names none.

        :raises ValueError: if there is no ``authorize_url``, if the request lacks a code challenge that the
            provider requires, or if its ``params`` set what is not theirs.
        """
        return self._authorization.url_for(request, self._exchanges.scope_text(request.scopes))

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

        ``redirect_uri`` is the one that the user was sent with; ``code_verifier`` is PKCE's (RFC 7636
        section 4.5). With ``nonce`` the answer must have an ID token that carries it. Raises and is
        cancelled as :meth:`refresh`.

        :raises ValueError: for a code, redirect URI, verifier, nonce or resource that is empty or not
            valid Unicode.
        """
        return await self._exchanges.code(
            code, redirect_uri=redirect_uri, code_verifier=code_verifier, nonce=nonce, resources=resources
        )

    async def begin_device(self, scopes: frozenset[str]) -> BeginDeviceOutcome:
        """Ask for a device code (RFC 8628 section 3.1), for these scopes or the provider's own if empty.

        Raises and is cancelled as :meth:`refresh`.

        :raises ValueError: if there is no ``device_url``.
        """
        if self.device_url is None:
            msg = f"the provider {self.provider_id!r} has no device_url; give it one if it offers this flow"
            raise ValueError(msg)
        return await self._exchanges.device_codes(self.device_url, scopes)

    async def poll_device(self, device_code: str) -> PollOutcome:
        """Ask once whether the user has decided (RFC 8628 section 3.4). Is cancelled as :meth:`refresh`.

        :raises ValueError: for an empty code.
        """
        return await self._exchanges.device_code(device_code)

    async def refresh(self, tokens: TokenSet, *, resource: str | None = None) -> ExchangeOutcome:
        """Present the refresh token once (RFC 6749 section 6) and judge the answer.

        With ``resource`` for an access token for it (RFC 8707 section 2.2). Never retries, and raises nothing
        for what the network or the provider does. Members that were omitted are left out of the result,
        but for a lifetime, which is estimated. When cancelled, the outcome is unknown.

        :raises ValueError: if there is no refresh token, or ``resource`` is empty.
        """
        return await self._exchanges.refresh_token(tokens, () if resource is None else (resource,))

    async def revoke(self, tokens: TokenSet) -> bool:
        """Ask the provider to revoke these tokens, by its own way or RFC 7009's at ``revoke_url``.

        Each is asked about once: the refresh token, and the access tokens where one does not end with the
        other. Where only an access token ends the grant and this one has expired, it is refreshed first.
        Returns whether it confirmed for all; a token that it no longer knows is revoked as well (RFC 7009
        section 2.2). False for all else that happens. When cancelled, the outcome is unknown.
        """
        return await self._calls.revoke(tokens, self._exchanges.renewed)

    async def identify(self, tokens: TokenSet) -> Account | Unknown | None:
        """Ask whose tokens these are; None without a way of asking, ``Unknown`` without an answer."""
        return await self._calls.identify(tokens)

    async def validate(self, tokens: TokenSet) -> Validity:
        """Ask whether the access token is accepted. Must not come between an exchange and its save."""
        return await self._calls.validate(tokens)

    async def installations(self, tokens: TokenSet) -> tuple[Installation, ...]:
        """Return what the access token reaches: app installations, sites, tenants.

        :raises ProviderUnavailable: if there is no telling; a part of the list would be a lie.
        :raises ValueError: if the provider has no such list.
        """
        return await self._calls.installations(tokens)

    def api_headers(self, tokens: TokenSet) -> dict[str, str]:
        """Return the headers that show these tokens to the provider's API, the access token's included."""
        return self._calls.headers(tokens)
