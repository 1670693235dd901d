"""How one provider's token requests differ from the standard's, as data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias, final, get_args

import attrs

from extauth.adapters.oauth2.client.client_auth import AssertionAudience
from extauth.domain.storable import storable_text

BodyEncoding: TypeAlias = Literal["form", "json"]
Repeated: TypeAlias = Literal["redirect_uri", "scope"]

_SECRET_FIELDS = frozenset({"client_secret", "client_assertion"})
_OUR_HEADERS = frozenset({"authorization", "content-length", "content-type", "host", "transfer-encoding"})
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _field_name(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not storable_text(value, attribute.name):
        msg = f"{attribute.name} must not be empty"
        raise ValueError(msg)


def _headers(_: object, attribute: attrs.Attribute[Mapping[str, str]], value: Mapping[str, str]) -> None:
    for name, text in value.items():
        if name.lower() in _OUR_HEADERS:
            msg = f"{attribute.name} must not set {name}"
            raise ValueError(msg)
        if not _HEADER_NAME.fullmatch(name) or not text.isascii() or not text.isprintable():
            msg = f"{attribute.name} must be printable ASCII: {name!r} or its value is not"
            raise ValueError(msg)


@final
@attrs.frozen(kw_only=True)
class TokenRequests:
    """The requests to a token endpoint (RFC 6749 sections 4.1.3 and 6). The defaults are the standard's.

    Fields are sent in this order: ``grant_type``; ``code_params`` or ``refresh_params``; the code or the
    refresh token; ``redirect_uri``, ``scope``, ``code_verifier``, resources; and what names or
    authenticates the client. JSON has no white space between its members.

    :raises ValueError: for an unknown encoding or repetition, an empty name, or a parameter or header that
        would take the place of one that is sent anyway.
    """

    encoding: BodyEncoding = attrs.field(
        default="form", validator=attrs.validators.in_(get_args(BodyEncoding))
    )
    client_id_field: str = attrs.field(default="client_id", validator=_field_name)
    """What the client's id is called, here and in authorization requests."""
    names_client: bool = False
    """Whether the client's id is in the body although the ``Authorization`` header has it. Some servers look
    for it there alone (RFC 6749 section 3.2.1 allows it); others, as Okta's, refuse the request then."""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], validator=_headers)
    """Further headers, such as an API version."""
    code_grant: str = attrs.field(default="authorization_code", validator=_field_name)
    code_field: str = attrs.field(default="code", validator=_field_name)
    code_params: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Further fields when a code is exchanged."""
    refresh_grant: str = attrs.field(default="refresh_token", validator=_field_name)
    refresh_field: str = attrs.field(default="refresh_token", validator=_field_name)
    refresh_params: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Further fields of each refresh."""
    refresh_repeats: frozenset[Repeated] = frozenset()
    """What a refresh says again: the redirect URI of the authorization, the scopes that were granted. The
    redirect URI is kept for that as ``redirect_uri`` in ``TokenSet.extra`` when a code is exchanged."""
    refresh_url: str | None = None
    """Where refreshes go, if not to the token endpoint."""
    assertion_audience: AssertionAudience = attrs.field(
        default="issuer", validator=attrs.validators.in_(get_args(AssertionAudience))
    )
    """Whom the assertions of ``private_key_jwt`` and ``client_secret_jwt`` are for (``aud``): the issuer, at
    every endpoint (rfc7523bis), or the token endpoint where no issuer is known. A server that is
    documented to want it otherwise gets ``token_endpoint``, at every endpoint too, or the URL of the
    ``endpoint`` that is called. Both are for servers that the application itself chose: one that is
    malicious can name another's token endpoint as its own and show the assertion there."""

    def __attrs_post_init__(self) -> None:
        if unknown := frozenset(self.refresh_repeats) - frozenset(get_args(Repeated)):
            msg = f"refresh_repeats: {', '.join(sorted(unknown))} cannot be repeated"
            raise ValueError(msg)
        ours = {"grant_type", "client_id", self.client_id_field} | _SECRET_FIELDS
        self._check_params(
            "code_params", self.code_params, ours | {self.code_field, "redirect_uri", "code_verifier"}
        )
        self._check_params(
            "refresh_params", self.refresh_params, ours | {self.refresh_field} | self.refresh_repeats
        )

    @staticmethod
    def _check_params(what: str, params: Mapping[str, str], ours: set[str]) -> None:
        if clash := params.keys() & ours:
            msg = f"{what} must not set {', '.join(sorted(clash))}"
            raise ValueError(msg)
        for name, value in params.items():
            storable_text(value, f"{what}[{name!r}]")
