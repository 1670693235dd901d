"""gidgethub's client for GitHub's API, acting for one user.

gidgethub takes a token when the client is made, or with each call. This client asks for one when a request is
sent, REST or GraphQL, and has another one if that is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, final

from extauth.auth import Auth
from extauth.domain.hidden import NamesOnly
from extauth.domain.token_set import TokenSet
from extauth.extras import extra_needed
from extauth.integrations.user_tokens import UNAUTHORIZED, UserTokens

with extra_needed("aiohttp"):
    import aiohttp

with extra_needed("gidgethub"):
    from gidgethub import abc, sansio

__all__ = ["UserGitHubAPI"]

_TOKEN_OPTIONS: Final = frozenset({"oauth_token", "app_id", "private_key"})


@final
class UserGitHubAPI(abc.GitHubAPI):
    """A ``gidgethub.abc.GitHubAPI`` over aiohttp that acts for one user.

    A 401 is reported, and the request sent once more; however many are refused with one token, it is
    refreshed once. A call that is given ``oauth_token=`` or ``jwt=`` uses that and nothing else. Calls
    raise what :meth:`extauth.Auth.access_token` raises, as it is.

    Give a ``cache`` to one user's clients alone: gidgethub keeps answers in it by URL, whoever asked.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        requester: str,
        *,
        auth: Auth,
        provider_id: str,
        user_id: str,
        cache: abc.CACHE_TYPE | None = None,
        base_url: str = sansio.DOMAIN,
        **options: Any,
    ) -> None:
        """Act for ``user_id`` at ``provider_id``; the rest is as for ``gidgethub.aiohttp.GitHubAPI``.

        :raises ValueError: for ids that cannot be a link's.
        :raises TypeError: if ``auth`` is none that is open, or a token is given, too.
        """
        given = sorted(_TOKEN_OPTIONS & options.keys())
        if given:
            msg = (
                f"{', '.join(given)}: the token is the user's; give another one with each call that needs it"
            )
            raise TypeError(msg)
        super().__init__(requester, cache=cache, base_url=base_url, **options)
        self._session = session
        self._tokens = UserTokens(auth, provider_id, user_id)

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        if any(name.lower() == "authorization" for name in headers):
            return (await self._sent(method, url, headers, body))[1]
        tokens = await self._tokens.working()
        refused, answer = await self._sent(method, url, _with(tokens, headers), body)
        if refused and (other := await self._tokens.instead_of(tokens)) is not None:
            refused, answer = await self._sent(method, url, _with(other, headers), body)
            if refused:
                self._tokens.refused_again(other)
        return answer

    async def _sent(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[bool, tuple[int, Mapping[str, str], bytes]]:
        """Return whether the server that was asked refused the token, and the answer.

        Of a redirect to another origin aiohttp takes the token off: what answers 401 there never saw it.
        """
        async with self._session.request(method, url, headers=headers, data=body) as response:
            asked = response.history[0].url if response.history else response.url
            refused = response.status == UNAUTHORIZED and response.url.origin() == asked.origin()
            return refused, (response.status, response.headers, await response.read())

    async def sleep(self, seconds: float) -> None:
        """Wait, as gidgethub asks for."""
        await asyncio.sleep(seconds)


def _with(tokens: TokenSet, headers: Mapping[str, str]) -> Mapping[str, str]:
    # Its repr shows no value, as tools that report errors show the local variables of each frame.
    return NamesOnly({**headers, "authorization": f"Bearer {tokens.access_token}"})
