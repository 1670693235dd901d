"""One OAuth 2.0 client registration at one authorization server: wiring of the parts beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import final
from urllib.parse import urlencode

from aiohttp import ClientSession

from extauth.adapters.oauth2.api import ApiRules
from extauth.adapters.oauth2.calling import ProviderCalls
from extauth.adapters.oauth2.client_auth import ClientAuth, ClientCredentials
from extauth.adapters.oauth2.client_keys import ClientKey
from extauth.adapters.oauth2.endpoint import endpoint_url
from extauth.adapters.oauth2.identity import IdentityRules, identity_by
from extauth.adapters.oauth2.installations import InstallationRules
from extauth.adapters.oauth2.reply import Reply, ReplyRules, judge
from extauth.adapters.oauth2.revocation import Revocation, revocation_by
from extauth.adapters.oauth2.transport import HttpTimeouts, post_form
from extauth.adapters.oauth2.validation import ValidationRules
from extauth.adapters.oauth2.wall_clock import SystemClock, WallClock
from extauth.domain.link import Account, GrantOrigin
from extauth.domain.linking import Installation
from extauth.domain.linking_outcomes import Validity
from extauth.domain.outcomes import ExchangeOutcome, NotSent, Unknown
from extauth.domain.policy import ProviderTraits
from extauth.domain.storable import MAX_ID_LENGTH, storable_text
from extauth.domain.token_set import TokenSet

_OURS = frozenset(
    {"grant_type", "refresh_token", "client_id", "client_secret"},
)


def _checked_session(session: ClientSession | None) -> ClientSession | None:
    if session is not None and (session.auth is not None or "Authorization" in session.headers):
        msg = (
            "session must have no default credentials (auth= or an Authorization header): they would be"
            " sent to the provider beside the client's own; give a session without them, or none"
        )
        raise ValueError(msg)
    return session


def _checked_id(provider_id: str) -> str:
    if not 0 < len(storable_text(provider_id, "provider_id")) <= MAX_ID_LENGTH:
        msg = f"provider_id must have 1 to {MAX_ID_LENGTH} characters"
        raise ValueError(msg)
    return provider_id


def _checked_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    if isinstance(scopes, str):
        msg = "scopes must be a collection of scope names, not one str"
        raise ValueError(msg)  # noqa: TRY004 - one exception type for every refused value
    return tuple(storable_text(scope, "scopes") for scope in scopes)


def _checked_params(params: Mapping[str, str]) -> dict[str, str]:
    if clash := params.keys() & _OURS:
        msg = f"refresh_params must not set {', '.join(sorted(clash))}"
        raise ValueError(msg)
    return {name: storable_text(value, f"refresh_params[{name!r}]") for name, value in params.items()}


@final
class OAuth2Provider:
    """An :class:`~extauth.domain.ports.OAuthProvider` over aiohttp.

    Without ``session`` each exchange opens a connection of its own and closes it. Exchanges are rare,
    and a connection kept alive may die under the request, which leaves its outcome unknown. So there is
    nothing to close, and one provider serves any event loop. Such a connection has no cookies and takes
    no proxy and no ``.netrc`` from the environment.

    An application that needs a proxy, its own certificates or tracing gives its ``session``. It is used
    with its connector and cookies and is never closed here; timeouts, redirects, ``Accept``,
    ``Content-Type`` and ``User-Agent`` are this class's. Its trace hooks see the secrets that are sent.

    ``refresh_params`` are more form fields of each refresh, for providers that want their scope or
    resource repeated. Endpoints are ``https``, but for loopback hosts.

    :raises ValueError: for an empty id, a URL that secrets must not go to, an unknown ``client_auth``,
        a ``client_secret`` or ``client_key`` that is missing or not used, or a URL that is given twice:
        alone and in ``revocation`` or ``identity``.
    """

    def __init__(
        self,
        provider_id: str,
        *,
        client_id: str,
        client_secret: str | None = None,
        token_url: str,
        authorize_url: str | None = None,
        revoke_url: str | None = None,
        device_url: str | None = None,
        userinfo_url: str | None = None,
        scopes: Iterable[str] = (),
        client_auth: ClientAuth = "client_secret_basic",
        client_key: ClientKey | None = None,
        session: ClientSession | None = None,
        traits: ProviderTraits = ProviderTraits(),  # noqa: B008 - frozen
        replies: ReplyRules = ReplyRules(),  # noqa: B008 - frozen
        timeouts: HttpTimeouts = HttpTimeouts(),  # noqa: B008 - frozen
        clock: WallClock = SystemClock(),  # noqa: B008 - has no state
        refresh_params: Mapping[str, str] | None = None,
        revocation: Revocation | None = None,
        identity: IdentityRules = IdentityRules(),  # noqa: B008 - frozen
        validation: ValidationRules | None = None,
        api: ApiRules = ApiRules(),  # noqa: B008 - frozen
        installations: InstallationRules | None = None,
    ) -> None:
        def optional(url: str | None, what: str) -> str | None:
            return None if url is None else endpoint_url(url, what)

        self._provider_id = _checked_id(provider_id)
        self._token_url = endpoint_url(token_url, "token_url")
        self._credentials = ClientCredentials(
            client_id,
            client_secret,
            client_auth,
            key=client_key,
            token_endpoint=self._token_url,
            clock=clock,
        )
        self.authorize_url = optional(authorize_url, "authorize_url")
        """Where the user's browser is sent to consent (RFC 6749 section 3.1)."""
        self.device_url = optional(device_url, "device_url")
        """The device authorization endpoint (RFC 8628 section 3.1)."""
        self.userinfo_url = optional(userinfo_url, "userinfo_url")
        self.scopes = _checked_scopes(scopes)
        """The scopes to ask the user for, in the given order."""
        self._session = _checked_session(session)
        self._traits = traits
        self._replies = replies
        self._timeouts = timeouts
        self._clock = clock
        self._refresh_params = _checked_params(refresh_params or {})
        self._calls = ProviderCalls(
            credentials=self._credentials,
            clock=clock,
            session=session,
            timeouts=timeouts,
            api=api,
            revocation=revocation_by(optional(revoke_url, "revoke_url"), revocation),
            identity=identity_by(self.userinfo_url, identity),
            validation=validation,
            installation_rules=installations,
        )

    def __repr__(self) -> str:
        return f"OAuth2Provider({self._provider_id!r}, client_id={self.client_id!r})"

    @property
    def provider_id(self) -> str:
        """The provider part of this provider's link keys."""
        return self._provider_id

    @property
    def client_id(self) -> str:
        """The client's id at the provider; no secret (RFC 6749 section 2.2)."""
        return self._credentials.client_id

    @property
    def traits(self) -> ProviderTraits:
        """What this provider is known to do on a refresh."""
        return self._traits

    @property
    def origin(self) -> GrantOrigin:
        """The client and token endpoint that grants made here belong to."""
        return GrantOrigin(self.client_id, self._token_url)

    async def refresh(self, tokens: TokenSet) -> ExchangeOutcome:
        """Present the refresh token once (RFC 6749 section 6) and judge the answer.

        Never retries, and raises nothing for what the network or the provider does. Members that the
        provider omitted are left out of the result, except that an unknown lifetime is estimated. When
        cancelled, the outcome is unknown.

        :raises ValueError: if there is no refresh token.
        """
        if tokens.refresh_token is None:
            msg = "there is no refresh token to present"
            raise ValueError(msg)
        fields = {**self._refresh_params, "refresh_token": tokens.refresh_token}
        return await self._exchange("refresh_token", fields, previous=tokens)

    async def exchange_code(
        self, code: str, *, redirect_uri: str, code_verifier: str | None = None
    ) -> ExchangeOutcome:
        """Exchange an authorization code (RFC 6749 section 4.1.3) once and judge the answer.

        ``redirect_uri`` is the one that the user was sent with; ``code_verifier`` is PKCE's (RFC 7636
        section 4.5). Raises and is cancelled as :meth:`refresh`.

        :raises ValueError: for a code, redirect URI or verifier that is empty or not valid Unicode.
        """
        fields = {"code": code, "redirect_uri": redirect_uri}
        if code_verifier is not None:
            fields["code_verifier"] = code_verifier
        for name, value in fields.items():
            if not storable_text(value, name):
                msg = f"{name} must not be empty"
                raise ValueError(msg)
        return await self._exchange("authorization_code", fields, previous=None)

    async def revoke(self, tokens: TokenSet) -> bool:
        """Ask the provider once to revoke these tokens, by its own way or RFC 7009's at ``revoke_url``.

        Returns whether it confirmed; a token that it no longer knows is revoked as well (RFC 7009 section
        2.2). False without a way, and for whatever else the network or the provider does. When
        cancelled, the outcome is unknown.
        """
        return await self._calls.revoke(tokens)

    async def identify(self, tokens: TokenSet) -> Account | None:
        """Ask once whose tokens these are; None if the provider does not say, or not now."""
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

    async def _exchange(
        self, grant_type: str, fields: Mapping[str, str], *, previous: TokenSet | None
    ) -> ExchangeOutcome:
        asked_at = self._clock.now()
        reply = await self._post(self._token_url, {"grant_type": grant_type, **fields})
        if not isinstance(reply, Reply):
            return reply
        return judge(reply, self._replies, asked_at=asked_at, previous=previous)

    async def _post(self, url: str, fields: Mapping[str, str]) -> Reply | NotSent | Unknown:
        return await post_form(
            url,
            urlencode({**fields, **self._credentials.fields()}).encode("ascii"),
            self._credentials.headers(),
            session=self._session,
            timeouts=self._timeouts,
        )
