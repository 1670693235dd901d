"""Authlib's asynchronous OAuth 2.0 client, with tokens that extauth keeps.

Authlib's ``update_token`` is told of new tokens after the refresh, and its lock is each client's own: of two
clients that hold the same refresh token both present it. Here the client has no refresh token to present.
"""

# Authlib has no types, and pyright infers some of its code in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final, NoReturn, final

from extauth.auth import Auth
from extauth.clients.field_values import checked_values
from extauth.extras import extra_needed
from extauth.integrations.user_tokens import ApiHeaders, UserTokens, bearer, token_refused

with extra_needed("authlib"):
    from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Auth, oauth2_client

__all__ = ["UserOAuth2Client"]

_DEFAULT: Final[Any] = oauth2_client.USE_CLIENT_DEFAULT  # pyright: ignore[reportAttributeAccessIssue]
_NOT_HERE: Final = (
    "extauth keeps this client's tokens and refreshes them: connect users with auth.begin and auth.complete,"
    " disconnect them with auth.unlink"
)


@final
class _UserAuth(OAuth2Auth):  # type: ignore[misc] # Authlib's, so that it is of the httpx that Authlib uses
    """Puts a user's token into each request, and another one if that is refused."""

    def __init__(self, tokens: UserTokens, api_headers: ApiHeaders) -> None:
        super().__init__(None)
        self._tokens = tokens
        self._api_headers = api_headers

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        await request.aread()  # to send it again
        tokens = await self._tokens.working()
        request.headers.update(checked_values(self._api_headers(tokens)))
        response = yield request
        if token_refused(request.url, response):
            await response.aread()  # which gives its connection back
            other = await self._tokens.instead_of(tokens)
            if other is None:
                return
            request.headers.update(checked_values(self._api_headers(other)))
            if token_refused(request.url, (yield request)):
                self._tokens.refused_again(other)


class UserOAuth2Client(AsyncOAuth2Client):  # type: ignore[misc]
    """An ``AsyncOAuth2Client`` that acts for one user, and neither keeps nor refreshes a token.

    The token is asked for at each request. A 401 is reported, and the request sent once more; however many
    are refused with one token, it is refreshed once. ``withhold_token=True`` and ``auth=...`` of a request
    mean what they mean in Authlib. Requests raise what :meth:`extauth.Auth.access_token` raises, as it is.

    What a client does with tokens of its own is refused with a ``RuntimeError``: ``fetch_token``,
    ``refresh_token``, ``revoke_token``, ``introspect_token`` and setting ``token``, which is ``None``.
    """

    def __init__(
        self,
        auth: Auth,
        provider_id: str,
        user_id: str,
        *,
        resource: str | None = None,
        api_headers: ApiHeaders = bearer,
        **options: Any,
    ) -> None:
        """Act for ``user_id`` at ``provider_id``.

        ``api_headers`` is the provider's where that takes tokens in its own way: ``provider.api_headers``.
        The ``options`` are those of ``httpx2.AsyncClient``, or of ``httpx``'s where Authlib uses that.

        :raises ValueError: for ids that cannot be a link's.
        :raises TypeError: if ``auth`` is none that is open, or for options about tokens, such as
            ``update_token``.
        """
        self.session = None  # Authlib's __del__ takes it away, also where the rest was not made
        taken = sorted(options.keys() - set(self.SESSION_REQUEST_PARAMS))
        if taken:
            msg = f"{', '.join(taken)}: not an option of the HTTP client; {_NOT_HERE}"
            raise TypeError(msg)
        self._user_auth = _UserAuth(UserTokens(auth, provider_id, user_id, resource), api_headers)
        super().__init__(**options)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    async def request(
        self,
        method: str,
        url: Any,
        withhold_token: bool = False,  # noqa: FBT002 - as in Authlib
        auth: Any = _DEFAULT,
        **options: Any,
    ) -> Any:
        """Send a request with the user's token, as ``AsyncOAuth2Client`` does."""
        if not withhold_token and auth is _DEFAULT:
            auth = self._user_auth
        return await super().request(method, url, withhold_token=withhold_token, auth=auth, **options)

    def stream(
        self,
        method: str,
        url: Any,
        withhold_token: bool = False,  # noqa: FBT002 - as in Authlib
        auth: Any = _DEFAULT,
        **options: Any,
    ) -> Any:
        """Send a request with the user's token and stream its answer, as ``AsyncOAuth2Client`` does."""
        if not withhold_token and auth is _DEFAULT:
            auth = self._user_auth
        return super().stream(method, url, withhold_token=withhold_token, auth=auth, **options)

    async def ensure_active_token(self, token: object = None) -> None:
        """Refuse: a token is asked for at each request.

        :raises RuntimeError: always.
        """
        _refuse()

    def fetch_token(self, *arguments: object, **options: object) -> NoReturn:
        """Refuse, as do the methods below.

        :raises RuntimeError: always.
        """
        _refuse()

    refresh_token = fetch_token
    revoke_token = fetch_token
    introspect_token = fetch_token
    token_from_fragment = fetch_token
    parse_response_token = fetch_token

    @property
    def token(self) -> None:
        """None: extauth is asked at each request."""

    @token.setter
    def token(self, token: object) -> NoReturn:
        _refuse()


def _refuse() -> NoReturn:
    raise RuntimeError(_NOT_HERE)
