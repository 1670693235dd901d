"""Builds the requests to a token endpoint, and to the device endpoint beside it, and sends each once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias, final
from urllib.parse import urlencode

import attrs
from aiohttp import ClientSession

from extauth.adapters.oauth2.client.client_auth import ClientCredentials
from extauth.adapters.oauth2.http.addresses import Reach
from extauth.adapters.oauth2.http.phases import HttpTimeouts
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.http.request import FORM, JSON, HttpRequest
from extauth.adapters.oauth2.http.transport import send
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.domain.hidden import Hidden
from extauth.domain.outcomes import ADDRESS_NOT_ALLOWED, ClientRejected, NotSent, Unknown
from extauth.domain.token_set import TokenSet

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
"""RFC 8628 section 3.4."""

REMEMBERED_REDIRECT_URI: Final = "redirect_uri"
"""Where ``TokenSet.extra`` keeps the redirect URI that refreshes have to repeat."""

Answer: TypeAlias = Reply | ClientRejected | NotSent | Unknown
"""``ClientRejected`` comes of no reply: the address is one that requests may not go to."""

_Fields: TypeAlias = Sequence[tuple[str, str]]


def _form_body(fields: _Fields) -> bytes:
    return urlencode(fields).encode("ascii")


def _json_body(fields: _Fields) -> bytes:
    members: dict[str, str | list[str]] = {}
    for name, value in fields:
        earlier = members.get(name)
        # JSON says a name once; several resources become a list.
        if earlier is None:
            members[name] = value
        else:
            members[name] = [*([earlier] if isinstance(earlier, str) else earlier), value]
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()


@final
@attrs.frozen(kw_only=True, repr=False, eq=False)
class TokenEndpoint:
    """Where one client exchanges codes and refresh tokens. Says nothing about what the answers mean.

    Fields come in the order that :class:`~extauth.adapters.oauth2.TokenRequests` documents.
    """

    url: str
    credentials: ClientCredentials
    requests: TokenRequests
    resource_param: str
    session: ClientSession | None
    timeouts: HttpTimeouts
    reach: Reach

    async def redeem_code(
        self, code: str, *, redirect_uri: str, code_verifier: str | None, resources: Iterable[str]
    ) -> Answer:
        """Exchange an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""
        binding = [("redirect_uri", redirect_uri)]
        if code_verifier is not None:
            binding.append(("code_verifier", code_verifier))
        fields = self._fields(
            self.requests.code_grant,
            self.requests.code_params,
            [(self.requests.code_field, code), *binding],
            resources,
        )
        return await self._post(self.url, fields)

    async def redeem_refresh_token(
        self, tokens: TokenSet, *, scope: str, resources: Iterable[str] = ()
    ) -> Answer:
        """Present the refresh token (RFC 6749 section 6), with ``scope`` where scopes are repeated."""
        repeated: list[tuple[str, str]] = []
        redirect_uri = tokens.extra.get(REMEMBERED_REDIRECT_URI)
        if "redirect_uri" in self.requests.refresh_repeats and isinstance(redirect_uri, str):
            repeated.append(("redirect_uri", redirect_uri))
        if "scope" in self.requests.refresh_repeats and scope:
            repeated.append(("scope", scope))
        fields = self._fields(
            self.requests.refresh_grant,
            self.requests.refresh_params,
            [(self.requests.refresh_field, tokens.refresh_token or ""), *repeated],
            resources,
        )
        return await self._post(self.requests.refresh_url or self.url, fields)

    async def redeem_device_code(self, device_code: str) -> Answer:
        """Ask whether the user has decided (RFC 8628 section 3.4). The client is named in any case."""
        fields = self._fields(DEVICE_GRANT, {}, [("device_code", device_code)], ())
        return await self._post(self.url, fields, named=True)

    async def request_device_code(self, url: str, *, scope: str) -> Answer:
        """Ask the device endpoint for codes (RFC 8628 section 3.1). The client is named in any case."""
        fields = Hidden[_Fields]([("scope", scope)] if scope else [])
        return await self._post(url, fields, named=True)

    def _fields(
        self, grant_type: str, params: Mapping[str, str], grant: _Fields, resources: Iterable[str]
    ) -> Hidden[_Fields]:
        asked = [(self.resource_param, resource) for resource in resources]
        replaced = {self.resource_param} if asked else frozenset[str]()
        kept = [(name, value) for name, value in params.items() if name not in replaced]
        return Hidden([("grant_type", grant_type), *kept, *grant, *asked])

    async def _post(self, url: str, fields: Hidden[_Fields], *, named: bool = False) -> Answer:
        request = self._request(url, fields, named=named)
        answer = await send(request, session=self.session, timeouts=self.timeouts)
        # Another try would be refused as well: the configuration has to say more, or the URL is an evil one.
        return ClientRejected(ADDRESS_NOT_ALLOWED) if answer == NotSent(ADDRESS_NOT_ALLOWED) else answer

    def _request(self, url: str, fields: Hidden[_Fields], *, named: bool) -> HttpRequest:
        client = self.credentials.fields(url)
        if named:
            client = {"client_id": self.credentials.client_id, **client}
        renamed = [
            (self.requests.client_id_field if name == "client_id" else name, value)
            for name, value in client.items()
        ]
        as_json = self.requests.encoding == "json"
        return HttpRequest(
            "POST",
            url,
            {**self.requests.headers, **self.credentials.headers()},
            (_json_body if as_json else _form_body)([*fields.value, *renamed]),
            JSON if as_json else FORM,
            reach=self.reach,
        )
