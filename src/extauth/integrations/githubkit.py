"""An authentication strategy of githubkit, by which its client acts for one user.

githubkit's own strategies for users keep the tokens in an object and refresh them by themselves; of two such
objects both present the same refresh token.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, Any, final

from extauth.auth import Auth
from extauth.extras import extra_needed
from extauth.integrations.user_tokens import UserTokens, bearer, token_refused

with extra_needed("githubkit"):
    import httpx
    from githubkit.auth import BaseAuthStrategy

if TYPE_CHECKING:
    from githubkit import GitHubCore

__all__ = ["UserAuthStrategy"]


@final
class UserAuthStrategy(BaseAuthStrategy):
    """Acts for one user, in the asynchronous calls of a ``githubkit.GitHub``.

    The token is asked for at each request. A 401 is reported, and the request sent once more; however many
    are refused with one token, it is refreshed once.

    githubkit raises its ``RequestError`` for all that goes wrong on the way: what
    :meth:`extauth.Auth.access_token` raises is its ``exc``, and its ``__cause__``. Calls that are not
    asynchronous get a ``RuntimeError`` in this way.
    """

    def __init__(self, auth: Auth, provider_id: str, user_id: str) -> None:
        """Act for ``user_id`` at ``provider_id``.

        :raises ValueError: for ids that cannot be a link's.
        :raises TypeError: if ``auth`` is none that is open.
        """
        self._tokens = UserTokens(auth, provider_id, user_id)

    def __repr__(self) -> str:
        return f"UserAuthStrategy({self._tokens.provider_id!r}, {self._tokens.user_id!r})"

    def get_auth_flow(self, github: GitHubCore[Any]) -> httpx.Auth:
        """Return what authenticates the requests of a client."""
        return _UserAuth(self._tokens)


@final
class _UserAuth(httpx.Auth):
    def __init__(self, tokens: UserTokens) -> None:
        self._tokens = tokens

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        msg = "extauth is for asyncio: call github.rest.*.async_* or github.arequest"
        raise RuntimeError(msg)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        await request.aread()  # to send it again
        tokens = await self._tokens.working()
        request.headers.update(bearer(tokens))
        response = yield request
        if token_refused(request.url, response):
            await response.aread()  # which gives its connection back
            other = await self._tokens.instead_of(tokens)
            if other is None:
                return
            request.headers.update(bearer(other))
            if token_refused(request.url, (yield request)):
                self._tokens.refused_again(other)
