"""A request to one of a provider's own endpoints, as data: revocation, user info, validation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, final, get_args
from urllib.parse import quote, urlencode

import attrs

from extauth.adapters.oauth2.client.client_auth import ClientCredentials
from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.templates import (
    MissingValueError,
    Values,
    checked_template,
    checked_url_template,
    filled,
    filled_url,
    names_in,
    names_in_host,
)
from extauth.adapters.oauth2.http.request import FORM, JSON, HttpRequest
from extauth.domain.storable import JsonValue
from extauth.domain.token_set import TokenSet

CallMethod: TypeAlias = Literal["GET", "POST", "DELETE"]

CallAuth: TypeAlias = Literal["client", "client_basic", "client_post", "access_token", "none"]
"""By the client's own way of authenticating at the token endpoint, by HTTP Basic or by its secret among the
fields whatever that is, by the access token as an API call, or not at all."""

CallEncoding: TypeAlias = Literal["form", "json", "query", "none"]

_HIDDEN: Final = "hidden"
"""Stands for a token in what may be shown."""

_BODIES: Final = frozenset({"form", "json"})


@final
@attrs.frozen
class NotMade:
    """The call cannot be made for this link."""

    missing: str
    """What it would need and the link or the client does not have."""


def _checked_fields(value: JsonValue, what: str) -> None:
    if isinstance(value, str):
        checked_template(value, what)
    elif isinstance(value, list):
        for item in value:
            _checked_fields(item, what)
    elif isinstance(value, dict):
        for inner in value.values():
            _checked_fields(inner, what)


def _texts(value: JsonValue) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in _texts(each)]


def _filled_fields(value: JsonValue, values: Values) -> JsonValue:
    if isinstance(value, str):
        return filled(value, values)
    if isinstance(value, list):
        return [_filled_fields(item, values) for item in value]
    if isinstance(value, dict):
        return {name: _filled_fields(inner, values) for name, inner in value.items()}
    return value


@final
@attrs.frozen(kw_only=True)
class Call:
    """One request, sent once.

    ``url``, ``fields`` and ``headers`` may hold ``{access_token}``, ``{refresh_token}``, ``{token}`` (the
    refresh token if there is one, else the access token), ``{token_type_hint}`` (which of them that is),
    ``{client_id}``, and ``{extra[name]}`` for what was kept of the token endpoint's answer, be it nested:
    ``{extra[team][id]}``. In a URL they are percent-encoded, but for an ``{extra[...]}`` that it begins with:
    that is a URL of the provider's, and must be one that secrets may be sent to.

    Presets for several hosts write ``{variable[name]}``, to be replaced before the call can be made.

    A brace itself is written twice, as in the GraphQL query ``{{ viewer {{ id }} }}``.

    :raises ValueError: for a template that names something else or has a lone brace, a URL that secrets
        must not go to, and for fields or client authentication with no place in the request.
    """

    method: CallMethod = "GET"
    url: str
    auth: CallAuth = "access_token"
    encoding: CallEncoding = "none"
    fields: Mapping[str, JsonValue] = attrs.field(factory=dict[str, JsonValue])
    """Text, but for ``json``, where it may be nested; templates are filled wherever text stands."""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Win over all others, those that authenticate included."""

    def __attrs_post_init__(self) -> None:
        for value, allowed, what in (
            (self.method, CallMethod, "method"),
            (self.auth, CallAuth, "auth"),
            (self.encoding, CallEncoding, "encoding"),
        ):
            if value not in get_args(allowed):
                msg = f"{what} must be one of {', '.join(get_args(allowed))}, not {value!r}"
                raise ValueError(msg)
        checked_url_template(self.url, "url")
        for name, field in self.fields.items():
            _checked_fields(field, f"fields[{name!r}]")
            if self.encoding != "json" and not isinstance(field, str):
                msg = f"fields[{name!r}] must be text, unless encoding is json"
                raise ValueError(msg)
        for name, header in self.headers.items():
            checked_template(header, f"headers[{name!r}]")
        self._check_places()

    def _check_places(self) -> None:
        if self.method == "GET" and self.encoding in _BODIES:
            msg = f"a GET has no body for encoding={self.encoding!r}; choose query"
        elif self.fields and self.encoding == "none":
            msg = "fields need an encoding"
        elif self.auth in {"client", "client_post"} and self.encoding not in _BODIES:
            msg = "client authentication needs a body, encoding form or json; or choose client_basic"
        else:
            return
        raise ValueError(msg)

    @property
    def names(self) -> frozenset[str]:
        """What its templates have a place for, such as ``token``."""
        texts = [self.url, *self.headers.values()]
        for field in self.fields.values():
            texts += _texts(field)
        return frozenset(name for text in texts for name in names_in(text))

    @property
    def led_by_answers(self) -> bool:
        """Whether what was kept of an answer decides to which host the call goes."""
        return bool(names_in_host(self.url))

    def led_by(self, names: frozenset[str]) -> bool:
        """Whether one of these, kept in ``TokenSet.extra``, decides to which host the call goes."""
        return not names.isdisjoint(names_in_host(self.url))

    def request(
        self, tokens: TokenSet, credentials: ClientCredentials, api: ApiRules
    ) -> HttpRequest | NotMade:
        """Return the request for these tokens, ready to be sent."""
        values = Values(tokens, credentials.client_id)
        try:
            url = filled_url(self.url, values)
            fields = {name: _filled_fields(value, values) for name, value in self.fields.items()}
            headers = {name: filled(value, values) for name, value in self.headers.items()}
        except MissingValueError as error:
            return NotMade(error.name)
        proof: Mapping[str, str] | None = {}
        match self.auth:
            case "access_token":
                proof = api.headers_for(tokens, credentials.client_id)
            case "client_basic":
                proof = credentials.basic_headers()
            case "client":
                proof = credentials.headers()
                fields |= credentials.fields(url)
            case "client_post":
                if (posted := credentials.posted_fields()) is None:
                    return NotMade("client_secret")
                fields |= posted
            case "none":
                pass
        if proof is None:
            return NotMade("client_secret")
        named = {name.lower() for name in headers}
        headers |= {name: value for name, value in proof.items() if name.lower() not in named}
        request = self._encoded(url, headers, fields)
        return attrs.evolve(request, shown_url=self._shown_url(values, request.url))

    def _shown_url(self, values: Values, url: str) -> str | None:
        """Return the URL without the tokens in it, if there are any."""
        without = attrs.evolve(values, tokens=_without_tokens(values.tokens))
        shown = filled_url(self.url, without)
        if self.encoding == "query":
            shown = _with_query(
                shown, {name: filled(str(field), without) for name, field in self.fields.items()}
            )
        return None if shown == url else shown

    def _encoded(self, url: str, headers: Mapping[str, str], fields: dict[str, JsonValue]) -> HttpRequest:
        if self.encoding == "json":
            body = json.dumps(fields, separators=(",", ":")).encode()
            return HttpRequest(self.method, url, headers, body, JSON)
        texts = {name: str(value) for name, value in fields.items()}
        if self.encoding == "form":
            return HttpRequest(self.method, url, headers, urlencode(texts).encode("ascii"), FORM)
        return HttpRequest(self.method, _with_query(url, texts), headers)


def _with_query(url: str, fields: Mapping[str, str]) -> str:
    return url + ("&" if "?" in url else "?") + urlencode(fields, quote_via=quote) if fields else url


def _without_tokens(tokens: TokenSet) -> TokenSet:
    return attrs.evolve(
        tokens,
        access_token=_HIDDEN,
        refresh_token=None if tokens.refresh_token is None else _HIDDEN,
    )
