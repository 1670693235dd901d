"""An API that takes the access tokens (RFC 6750), and what it says to those that do not work."""

from __future__ import annotations

from http import HTTPStatus
from typing import final

from aiohttp import web

from extauth.testing.provider_model.families import AccessToken
from extauth.testing.provider_model.redemption import ExpiredAccess, LiveAccess
from extauth.testing.server.consent import filled
from extauth.testing.server.identity import claims_about
from extauth.testing.server.refusals import Refusal, body_of
from extauth.testing.server.state import ServerState

RESOURCE_METADATA = "/.well-known/oauth-protected-resource"
"""RFC 9728 section 3.1; the path of the resource follows."""

_MOST_CALLS = 5000
"""What the headers of a rate limit say; nothing counts up to it."""


def shown_token(request: web.Request, scheme: str) -> str | None:
    """Return the token in the header; None if it is not shown in this scheme."""
    header = request.headers.get("Authorization", "")
    if not scheme:
        return header or None
    given, _, token = header.partition(" ")
    return token if given.lower() == scheme.lower() and token else None


@final
class Api:
    """``/resource`` and what tells about a token or its account."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    async def resource(self, request: web.Request) -> web.Response:
        """Answer who the token's subject is."""
        if request.method not in self._state.quirks.api_methods:
            return web.Response(status=HTTPStatus.METHOD_NOT_ALLOWED)
        admitted = self._admitted(request, resource=True)
        if isinstance(admitted, web.Response):
            return admitted
        if not self._state.quirks.api_scopes <= admitted.scopes:
            return self._insufficient(self._state.quirks.api_scopes)
        return web.json_response({"subject": admitted.family.subject})

    async def token_info(self, request: web.Request) -> web.Response:
        """Answer who the subject of the token in the path is."""
        admitted = self._admitted(request, resource=False)
        if isinstance(admitted, web.Response):
            return admitted
        return web.json_response({"subject": admitted.family.subject})

    async def userinfo(self, request: web.Request) -> web.Response:
        """Answer with the claims about the account (OpenID Connect Core section 5.3)."""
        quirks, state = self._state.quirks, self._state
        admitted = self._admitted(request, resource=False)
        if isinstance(admitted, web.Response):
            return admitted
        account = state.accounts.of(admitted.family.subject)
        if quirks.userinfo is not None:
            return web.json_response(filled(quirks.userinfo, account, state.url))
        if "openid" not in admitted.scopes:
            return self._insufficient(frozenset({"openid"}))
        return web.json_response(claims_about(account))

    def _admitted(self, request: web.Request, *, resource: bool) -> AccessToken | web.Response:
        """Return the token that the request shows, or the answer to one that shows none that works."""
        state, quirks = self._state, self._state.quirks
        if state.rate_limited_calls > 0:
            state.rate_limited_calls -= 1
            return self._rate_limited()
        if any(name not in request.headers for name in quirks.api_headers):
            return web.json_response({"error": "invalid_request"}, status=HTTPStatus.BAD_REQUEST)
        token = self._shown(request)
        pointer = f'resource_metadata="{state.url}{RESOURCE_METADATA}{request.path}"' if resource else ""
        if token is None:
            return self._unauthorized(HTTPStatus.UNAUTHORIZED, pointer, {})
        access = state.grants.access(token, state.monotonic())
        record = state.grants.record(token)
        if isinstance(access, LiveAccess) and isinstance(record, AccessToken):
            state.api_calls[token] += 1
            late = state.api_calls[token] > quirks.replica_lag
            if late and (not resource or self._is_for(record, f"{state.url}{request.path}")):
                return record
        expired = isinstance(access, ExpiredAccess)
        status = quirks.expired_status if expired else HTTPStatus.UNAUTHORIZED
        body = body_of(Refusal("invalid_token"), quirks.error_shape, status)
        if isinstance(access, ExpiredAccess):
            body["expired_for"] = access.seconds_ago
        error = 'error="invalid_token"'
        return self._unauthorized(status, ", ".join(filter(None, [error, pointer])), body)

    def _shown(self, request: web.Request) -> str | None:
        match self._state.quirks.api_place:
            case "header":
                return shown_token(request, self._state.quirks.api_scheme)
            case "path":
                return request.match_info.get("access_token")
            case "query":
                return request.query.get("access_token")

    def _is_for(self, access: AccessToken, url: str) -> bool:
        """Whether the token may be used here: at one of its resources, or below."""
        return not access.resources or any(
            url == resource or url.startswith(f"{resource.rstrip('/')}/") for resource in access.resources
        )

    def _unauthorized(self, status: int, parameters: str, body: dict[str, object]) -> web.Response:
        scheme = self._state.quirks.api_scheme or "Bearer"
        headers = {"Cache-Control": "no-store"}
        if status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = f"{scheme} {parameters}".strip()
        return web.json_response(body, status=status, headers=headers)

    def _insufficient(self, scopes: frozenset[str]) -> web.Response:
        """Return the answer to a token that was not granted enough (RFC 6750 section 3.1)."""
        told = f', scope="{" ".join(sorted(scopes))}"' if self._state.quirks.names_missing_scopes else ""
        challenge = {"WWW-Authenticate": f'Bearer error="insufficient_scope"{told}'}
        body = {"error": "insufficient_scope"}
        return web.json_response(body, status=HTTPStatus.FORBIDDEN, headers=challenge)

    def _rate_limited(self) -> web.Response:
        reset = int(self._state.now().timestamp()) + 60
        headers = {
            "Retry-After": "60",
            "X-RateLimit-Limit": str(_MOST_CALLS),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(reset),
        }
        body = {"message": "rate limit exceeded"}
        return web.json_response(body, status=self._state.quirks.rate_limit_status, headers=headers)
