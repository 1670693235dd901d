"""The request that a browser carries to the authorization endpoint: its quirks as data, and its URL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias, final, get_args
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import attrs

from extauth.domain.linking import OFFLINE_ACCESS, AuthorizationRequest
from extauth.domain.request_parameters import BINDING, REQUEST_OBJECTS, SHAPING, folded
from extauth.domain.storable import storable_text

Pkce: TypeAlias = Literal["allowed", "required", "public_only", "off"]
"""Whether a provider takes a code challenge (RFC 7636). It is sent wherever it is not refused."""

_OFFLINE = (("access_type", "offline"), ("duration", "permanent"), ("token_access_type", "offline"))
"""Parameters that ask for a refresh token, with their values."""


def _separator(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value:
        msg = f"{attribute.name} must not be empty"
        raise ValueError(msg)


def _preset_params(
    _: object, attribute: attrs.Attribute[Mapping[str, str]], value: Mapping[str, str]
) -> None:
    _refuse(attribute.name, value, BINDING | REQUEST_OBJECTS)


def _refuse(what: str, names: Iterable[str], reserved: Iterable[str]) -> None:
    same = frozenset(map(folded, reserved))
    if clash := {name for name in names if folded(name) in same}:
        msg = f"{what} must not set {', '.join(sorted(clash))}"
        raise ValueError(msg)


@final
@attrs.frozen(kw_only=True)
class AuthorizationRules:
    """The request that a browser carries to the authorization endpoint (RFC 6749 section 4.1.1).

    :raises ValueError: for an unknown ``pkce``, an empty separator, or a parameter that ties a callback
        to its request or takes its place.
    """

    scope_param: str | None = "scope"
    """``None``: scopes are fixed at the provider and never sent."""
    scope_separator: str = attrs.field(default=" ", validator=_separator)
    extra_scopes: tuple[str, ...] = ()
    """Scopes asked for in any case, such as ``offline_access``; without them there is no refresh token."""
    params: Mapping[str, str] = attrs.field(factory=dict[str, str], validator=_preset_params)
    """Further parameters; ``response_type`` and ``response_mode`` belong here where they differ."""
    incremental_params: Mapping[str, str] = attrs.field(factory=dict[str, str], validator=_preset_params)
    """Parameters that keep what was granted before when more is asked for."""
    offline_consent: bool = True
    """Whether an OpenID provider is sent ``prompt=consent`` with the scope ``offline_access``, which it must
    ignore otherwise (OpenID Connect Core section 11). ``params`` with a ``prompt`` win. False where refresh
    tokens are known to come without: there it would only ask the user again."""
    pkce: Pkce = attrs.field(default="allowed", validator=attrs.validators.in_(get_args(Pkce)))
    resource_param: str = "resource"
    """Names a resource (RFC 8707 section 2); ``audience`` at some."""
    operator: str | None = None
    """Who runs the server, where its customers have hosts of their own: providers with the same operator may
    share a redirect URI, as those of one issuer may. So a code for one must be safe at all of its hosts."""
    published: bool = False
    """Whether the endpoints are those of a document that the server publishes, as what is discovered has
    it."""

    @property
    def asks_refresh_token(self) -> bool:
        """Whether each request asks for a refresh token in so many words."""
        return bool(self.extra_scopes) or any(self.params.get(name) == value for name, value in _OFFLINE)

    def takes_challenge(self, *, public: bool) -> bool:
        """Whether a client, public or confidential, sends a code challenge."""
        return self.pkce in {"allowed", "required"} or (self.pkce == "public_only" and public)

    def scope_text(self, asked: Iterable[str], preferred: tuple[str, ...] = ()) -> str:
        """Return the scopes as one text: those of ``preferred`` in their order, others by code point,
        ``extra_scopes`` last. Empty where scopes are fixed at the provider."""
        if self.scope_param is None:
            return ""
        wanted = frozenset(asked)
        ordered = [scope for scope in preferred if scope in wanted]
        ordered += sorted(wanted - frozenset(ordered) - frozenset(self.extra_scopes))
        return self.scope_separator.join(dict.fromkeys([*ordered, *self.extra_scopes]))


def check_query(endpoint: str) -> None:
    """Refuse an authorization endpoint whose query ties, shapes or replaces the request. Somebody else may
    have written it, in a document that was discovered.

    :raises ValueError: naming the parameters, without their values.
    """
    names = dict(parse_qsl(urlsplit(endpoint).query, keep_blank_values=True))
    _refuse("the query of authorize_url", names, BINDING | SHAPING | REQUEST_OBJECTS)


def authorization_url(
    endpoint: str,
    rules: AuthorizationRules,
    request: AuthorizationRequest,
    *,
    client_id: str,
    client_id_field: str = "client_id",
    scope: str = "",
    openid: bool = False,
) -> str:
    """Return the URL to send the browser to (RFC 6749 section 4.1.1).

    The query of ``endpoint``, which :func:`check_query` has seen, stays as it is and comes first. Then
    ``response_type``, the client's id, ``redirect_uri``, the scope, ``state``, the code challenge (RFC 7636
    section 4.3), ``nonce``, one parameter for each resource (RFC 8707 section 2), an ``openid`` provider's
    ``prompt=consent`` where the scope has ``offline_access``, the rules' parameters and the request's, each
    in its own order. A parameter that overrides one keeps its place. Everything but letters, digits and
    ``_.-~`` is percent-encoded, a space as ``%20``, so that a server reads it the same as a form and as a
    URI.

    :raises ValueError: for a parameter of the request that is not its to set, one that the endpoint's query
        has already, a missing code challenge where the provider requires one, or unstorable text.
    """
    if rules.pkce == "required" and request.code_challenge is None:
        msg = "the provider requires a code_challenge"
        raise ValueError(msg)
    resources = [(rules.resource_param, resource) for resource in request.resources]
    ours = {client_id_field, *(name for name, _ in resources)}
    if rules.scope_param is not None:
        ours.add(rules.scope_param)
    _refuse("params", request.params, BINDING | SHAPING | REQUEST_OBJECTS | ours)
    head = {"response_type": "code", client_id_field: client_id, "redirect_uri": request.redirect_uri}
    if scope and rules.scope_param is not None:
        head[rules.scope_param] = scope
    head["state"] = request.state
    if request.code_challenge is not None:
        head |= {"code_challenge": request.code_challenge, "code_challenge_method": "S256"}
    if request.nonce is not None:
        head["nonce"] = request.nonce
    existing = urlsplit(endpoint).query
    of_endpoint = dict(parse_qsl(existing, keep_blank_values=True))
    offline = openid and rules.offline_consent and OFFLINE_ACCESS in scope.split(rules.scope_separator)
    prompt = {"prompt": "consent"} if offline and "prompt" not in of_endpoint else {}
    more = {
        **prompt,
        **rules.params,
        **(rules.incremental_params if request.incremental else {}),
        **request.params,
    }
    if resources:
        more.pop(rules.resource_param, None)
    query = [(name, more.pop(name, value)) for name, value in head.items()] + resources + [*more.items()]
    _refuse("the authorization request", (name for name, _ in query), of_endpoint)
    for name, value in query:
        storable_text(value, name)
    joint = "" if endpoint.endswith(("?", "&")) else "&" if existing else "?"
    return f"{endpoint}{joint}{urlencode(query, quote_via=quote, safe='')}"


@final
@attrs.frozen
class AuthorizationEndpoint:
    """Where one client sends its users' browsers to.

    :raises ValueError: as :func:`check_query`.
    """

    provider_id: str
    url: str | None
    """None if the provider has no such endpoint."""
    rules: AuthorizationRules
    client_id: str
    client_id_field: str
    openid: bool

    def __attrs_post_init__(self) -> None:
        if self.url is not None:
            check_query(self.url)

    def url_for(self, request: AuthorizationRequest, scope: str) -> str:
        """Return the URL for this request, which asks for the scopes in this text.

        :raises ValueError: if there is no endpoint, or as :func:`authorization_url`.
        """
        if self.url is None:
            msg = f"the provider {self.provider_id!r} has no authorize_url; give it one"
            raise ValueError(msg)
        return authorization_url(
            self.url,
            self.rules,
            request,
            client_id=self.client_id,
            client_id_field=self.client_id_field,
            scope=scope,
            openid=self.openid,
        )
