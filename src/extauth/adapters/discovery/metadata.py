"""What an authorization server publishes about itself, read and judged. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Unpack, cast, final

import attrs

from extauth.adapters.discovery.members import flag, required_text, text, texts
from extauth.adapters.discovery.well_known import issuer_url
from extauth.adapters.oauth2 import ClientAuth, OAuth2Provider, Reach
from extauth.adapters.oauth2.client.configuration import checked_scopes
from extauth.adapters.oauth2.endpoints.calls import CallAuth
from extauth.adapters.oauth2.endpoints.identity import IdentityRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.options import RequestOptions
from extauth.adapters.oauth2.rules import check_rules
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules, check_query
from extauth.domain.errors import ProviderMisconfigured

DEFAULT_CLIENT_AUTH: Final = ("client_secret_basic",)
"""What a server supports that publishes no methods (RFC 8414 section 2)."""

DEFAULT_GRANT_TYPES: Final = ("authorization_code", "implicit")

PKCE_METHOD: Final = "S256"

WITH_SECRET: Final[tuple[ClientAuth, ...]] = ("client_secret_post", "client_secret_basic")
"""Ways of sending a client secret (RFC 6749 section 2.3.1), the one that more servers read alike first."""

_BY_SECRET: Final[Mapping[str, CallAuth]] = {
    "client_secret_basic": "client_basic",
    "client_secret_post": "client_post",
}

_OPENID_MEMBERS: Final = ("id_token_signing_alg_values_supported", "subject_types_supported")
"""Members that every OpenID provider must publish, and nobody else has a reason to."""


@final
@attrs.frozen(kw_only=True)
class ServerMetadata:
    """An authorization server, as its metadata document describes it (RFC 8414 section 2).

    Endpoints are URLs that secrets may be sent to, or None where the server has none.
    """

    issuer: str
    authorization_endpoint: str | None = None
    token_endpoint: str
    registration_endpoint: str | None = None
    """Where clients register themselves (RFC 7591)."""
    revocation_endpoint: str | None = None
    revocation_auth_methods: tuple[str, ...] | None = None
    """How clients may authenticate there, in the server's order; None where it does not say: then as at the
    token endpoint."""
    revocation_wants_secret: bool = False
    """Whether a ``client_secret`` is wanted there of every client, be it empty. No document says so."""
    introspection_endpoint: str | None = None
    device_authorization_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    scopes_supported: tuple[str, ...] = ()
    """Those that it lists; it may have more."""
    client_auth_methods: tuple[str, ...] = DEFAULT_CLIENT_AUTH
    """How clients may authenticate to the token endpoint, in the server's order."""
    code_challenge_methods: tuple[str, ...] | None = None
    """PKCE methods (RFC 7636); None where it does not say, which many do that support it."""
    grant_types: tuple[str, ...] = DEFAULT_GRANT_TYPES
    protected_resources: tuple[str, ...] | None = None
    """The resources that it gives tokens for (RFC 9728 section 4); None where it does not say."""
    takes_client_documents: bool = False
    """Whether the URL of a document may be a client's id (draft-ietf-oauth-client-id-metadata-document)."""
    sends_issuer: bool = False
    """Whether every callback carries ``iss`` (RFC 9207 section 3)."""
    pushed_requests_only: bool = False
    """Whether it takes an authorization request only by a request of its own beforehand (RFC 9126 section 5),
    which extauth does not send."""
    openid: bool = False
    """Whether it speaks OpenID Connect."""
    reach: Reach | None = attrs.field(default=None, eq=False, repr=False)
    """Which addresses its endpoints may have, as discovery was told; None where the application wrote it."""

    @property
    def wants_client_named(self) -> bool:
        """Whether it seems to want a client's id in the body although HTTP Basic has it.

        No document says so. Servers made with the reference SDK of MCP (2.3.0) do, and list
        ``client_secret_post`` before Basic; of those that list Basic first, as RFC 6749 section 2.3.1 prefers
        it, some take the id for a second proof (workers-oauth-provider 1.2.3, Okta).
        """
        ways = [method for method in self.client_auth_methods if method in WITH_SECRET]
        return ways[:1] == ["client_secret_post"]

    def choose_client_auth(self, client_secret: str | None) -> ClientAuth:
        """Return how a client with this secret, or with none, authenticates here.

        Without a secret ``none``. With one ``client_secret_post`` where the server lists it, whatever else it
        lists: of a secret in HTTP Basic many servers do not undo the encoding that the standard asks for (RFC
        6749 section 2.3.1). Otherwise ``client_secret_basic``.

        :raises ProviderMisconfigured: with ``client_auth_unsupported`` if it takes no secret in either way.
        """
        if client_secret is None:
            return "none"
        for method in WITH_SECRET:
            if method in self.client_auth_methods:
                return method
        msg = "the provider lists no way of sending a client secret; give client_auth if it has one"
        raise ProviderMisconfigured(msg, reason="client_auth_unsupported")

    def provider(
        self,
        provider_id: str,
        *,
        client_id: str,
        client_secret: str | None = None,
        scopes: Iterable[str] = (),
        client_auth: ClientAuth | None = None,
        **keywords: Unpack[RequestOptions],
    ) -> OAuth2Provider:
        """Return this server as a provider for a client that is registered there.

        Without ``client_auth`` it is chosen by the secret (:meth:`choose_client_auth`); a client that has a
        key says so itself. A code challenge is sent; a server that does not know it ignores it (RFC 6749
        section 3.1). So is a nonce with the scope ``openid``, which says that the server speaks OpenID
        Connect also where its document does not. Callbacks must come from this issuer, and endpoints that are
        not at its host must not be another provider's. Refresh tokens are taken to rotate and to be revoked
        on reuse, the strictest case; ``traits`` says otherwise. ``keywords`` are those of ``OAuth2Provider``
        and win over what was found.

        :raises ValueError: as :class:`~extauth.adapters.oauth2.OAuth2Provider` does.
        :raises ProviderMisconfigured: as :meth:`choose_client_auth`; and ``pkce_unsupported`` without
            ``authorization`` among the keywords, if the server lists challenge methods and S256 is none of
            them, or lists none and the client is public: nothing else would guard its codes;
            ``pushed_requests_only``.
        """
        self.check_requests()
        wanted = checked_scopes(scopes)
        chosen = client_auth or self.choose_client_auth(client_secret)
        if "authorization" not in keywords:
            self._check_pkce(public=chosen == "none")
        rules = keywords.get("authorization", AuthorizationRules())
        check_rules(authorization=rules)
        found = self._found(wanted)
        if keywords.get("revoke_url") is None:
            found["revocation"] = self._revocation(chosen, has_secret=client_secret is not None)
        given = {**found, **cast("dict[str, Any]", keywords)}
        given["authorization"] = attrs.evolve(rules, published=True)
        return OAuth2Provider(
            provider_id,
            client_id=client_id,
            client_secret=client_secret,
            client_auth=chosen,
            scopes=wanted,
            **given,
        )

    def check_requests(self) -> None:
        """Refuse a server whose page would show users an error, as it wants the request pushed.

        :raises ProviderMisconfigured: with ``pushed_requests_only``.
        """
        if self.pushed_requests_only:
            msg = (
                "the provider takes authorization requests only if they are pushed (RFC 9126), which extauth"
                " does not do; have it take others of this client"
            )
            raise ProviderMisconfigured(msg, reason="pushed_requests_only")

    def _check_pkce(self, *, public: bool) -> None:
        methods = self.code_challenge_methods or ()
        if self.authorization_endpoint is None or PKCE_METHOD in methods or not (methods or public):
            return
        what = "others alone, such as plain" if methods else "none, and the client has no secret"
        msg = (
            f"the provider should list S256 among its code challenge methods (PKCE), but lists {what}: codes"
            " would be unguarded (RFC 9700 section 2.1.1). Give authorization=AuthorizationRules() if its"
            ' documentation says that it takes S256, or AuthorizationRules(pkce="off") to go without'
        )
        raise ProviderMisconfigured(msg, reason="pkce_unsupported")

    def _revocation(self, client_auth: ClientAuth, *, has_secret: bool) -> Revocation | None:
        """Return the standard's way, by a proof that the endpoint lists if the client has one of them."""
        if self.revocation_endpoint is None:
            return None
        listed = self.revocation_auth_methods
        auth: CallAuth = "client"
        if listed is not None and client_auth not in listed and has_secret:
            ways: list[CallAuth] = [_BY_SECRET[method] for method in listed if method in _BY_SECRET]
            auth = ways[0] if ways else auth
        alone = auth == "client_basic" and not self.wants_client_named
        return Revocation.standard(
            self.revocation_endpoint, auth=auth, wants_secret=self.revocation_wants_secret and not alone
        )

    def _found(self, scopes: tuple[str, ...]) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "sends_issuer": self.sends_issuer,
            "openid": self.openid or "openid" in scopes,
            # The endpoint is OpenID Connect's, for those who asked for that (Core, section 5.3).
            "identity": IdentityRules(in_id_token=self.openid, call_needs="openid"),
            "token_url": self.token_endpoint,
            "authorize_url": self.authorization_endpoint,
            "device_url": self.device_authorization_endpoint,
            "userinfo_url": self.userinfo_endpoint,
            "reach": self.reach,
        }


def server_metadata(
    members: Mapping[str, object],
    issuer: str,
    usable: Callable[[str, str], str],
    *,
    reach: Reach | None = None,
) -> ServerMetadata:
    """Read the document that ``issuer`` publishes; ``usable(url, what)`` returns or refuses an endpoint.

    The document must name exactly that issuer (RFC 8414 section 3.3, OpenID Connect Discovery section 4.3).
    One that names another could send a user's code to the wrong server.

    :raises ProviderMisconfigured: with ``issuer_mismatch``; with ``invalid_metadata`` for a member that is
        missing or not of its type, and an authorization endpoint whose query sets what each request sets;
        and what ``usable`` raises.
    """
    check_issuer(text(members, "issuer"), issuer)

    def endpoint(name: str) -> str | None:
        url = text(members, name)
        return None if url is None else usable(url, name)

    scopes = texts(members, "scopes_supported") or ()
    return ServerMetadata(
        issuer=issuer,
        authorization_endpoint=_with_harmless_query(endpoint("authorization_endpoint")),
        token_endpoint=usable(required_text(members, "token_endpoint"), "token_endpoint"),
        registration_endpoint=endpoint("registration_endpoint"),
        revocation_endpoint=endpoint("revocation_endpoint"),
        revocation_auth_methods=texts(members, "revocation_endpoint_auth_methods_supported"),
        introspection_endpoint=endpoint("introspection_endpoint"),
        device_authorization_endpoint=endpoint("device_authorization_endpoint"),
        userinfo_endpoint=endpoint("userinfo_endpoint"),
        scopes_supported=scopes,
        client_auth_methods=texts(members, "token_endpoint_auth_methods_supported") or DEFAULT_CLIENT_AUTH,
        code_challenge_methods=texts(members, "code_challenge_methods_supported"),
        grant_types=texts(members, "grant_types_supported") or DEFAULT_GRANT_TYPES,
        protected_resources=texts(members, "protected_resources"),
        takes_client_documents=flag(members, "client_id_metadata_document_supported"),
        sends_issuer=flag(members, "authorization_response_iss_parameter_supported"),
        pushed_requests_only=members.get("require_pushed_authorization_requests") is True,
        openid="openid" in scopes or any(texts(members, name) for name in _OPENID_MEMBERS),
        reach=reach,
    )


def _with_harmless_query(authorization_endpoint: str | None) -> str | None:
    if authorization_endpoint is None:
        return None
    try:
        check_query(authorization_endpoint)
    except ValueError:
        msg = "the provider's authorization_endpoint has a query that sets what is each request's own to set"
        raise ProviderMisconfigured(msg, reason="invalid_metadata") from None
    return authorization_endpoint


def check_issuer(named: str | None, issuer: str) -> None:
    """Refuse a document that names another issuer than the one that was asked for.

    :raises ProviderMisconfigured: with ``issuer_mismatch``; what the document names is not quoted.
    """
    if named is None:
        msg = "the document names no issuer"
        raise ProviderMisconfigured(msg, reason="issuer_mismatch")
    if named != issuer:
        msg = f"the document is another issuer's than the one asked for{_why_another(named, issuer)}"
        raise ProviderMisconfigured(msg, reason="issuer_mismatch")


def _why_another(named: str, issuer: str) -> str:
    if named.removesuffix("/") == issuer.removesuffix("/"):
        return ", only by a slash at the end; ask for it as the document has it"
    if "{" in named:  # Entra's for all tenants
        return ": what it names is to be filled in first; ask for one tenant's own"
    try:
        issuer_url(named)
    except ValueError:
        return ": it names no https URL; have the server know its own address, behind a proxy the public one"
    return "; ask for it as its member issuer has it, if that is the server that you mean"
