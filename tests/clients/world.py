"""An application with a user, a provider and its API, and the three clients that call it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import attrs
import httpx
import httpx2

import extauth
from extauth import Auth, LinkKey, RefreshPolicy
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.clients.aiohttp import TokenMiddleware
from extauth.clients.httpx import TokenAuth
from extauth.clients.httpx2 import TokenAuth as TokenAuth2
from extauth.testing import AuthorizationServer
from tests.clients.api import Api, serving_api

TRUSTED = ssl.create_default_context()
"""Made once: it takes longer than a test."""


@attrs.define(eq=False)
class World:
    """What a test has."""

    server: AuthorizationServer
    provider: OAuth2Provider
    auth: Auth
    api: Api
    other: Api
    """Another origin."""

    async def connect(self, user: str) -> str:
        """Give the user a link, and return its access token."""
        tokens = self.server.new_grant(user)
        await self.auth.store.put(LinkKey("example", user), tokens, origin=self.provider.origin)
        return tokens.access_token

    async def token(self, user: str = "alice") -> str:
        """Return the user's token as it is now."""
        return (await self.auth.link("example", user)).tokens.access_token

    async def revoke(self, user: str = "alice") -> str:
        """Have the API refuse the user's token from now on, and return it."""
        token = await self.token(user)
        self.server.grants.revoke(token)
        return token


@asynccontextmanager
async def opened_world(
    store: str = "memory://", *, policy: RefreshPolicy | None = None, **options: Any
) -> AsyncIterator[World]:
    """Open one, with alice connected."""
    async with AsyncExitStack() as opened:
        server = await opened.enter_async_context(AuthorizationServer())
        api = await opened.enter_async_context(serving_api(server))
        other = await opened.enter_async_context(serving_api(server))
        provider = OAuth2Provider(
            "example",
            client_id=server.client_id,
            client_secret=server.client_secret,
            token_url=server.token_url,
            **options,
        )
        auth = await opened.enter_async_context(extauth.open(store, [provider], keys="plain", policy=policy))
        world = World(server, provider, auth, api, other)
        await world.connect("alice")
        yield world


@attrs.frozen
class Answer:
    """What came back."""

    status: int
    body: bytes


Send = Callable[..., Awaitable[Answer]]
Client = Callable[..., AbstractAsyncContextManager[Send]]


@asynccontextmanager
async def by_aiohttp(auth: Auth, user: Any, **options: Any) -> AsyncIterator[Send]:
    """Call by aiohttp."""
    middleware = TokenMiddleware(auth, "example", user, **options)
    async with aiohttp.ClientSession(middlewares=[middleware]) as session:

        async def send(method: str, url: str, *, content: Any = None, **more: Any) -> Answer:
            async with session.request(method, url, data=content, **more) as answer:
                return Answer(answer.status, await answer.read())

        yield send


def _by(client: Any, token_auth: Any) -> Client:
    @asynccontextmanager
    async def opened(auth: Auth, user: Any, **options: Any) -> AsyncIterator[Send]:
        shows = token_auth(auth, "example", user, **options)
        async with client(auth=shows, follow_redirects=True, verify=TRUSTED, timeout=None) as http:

            async def send(method: str, url: str, **more: Any) -> Answer:
                answer = await http.request(method, url, **more)
                return Answer(answer.status_code, answer.content)

            yield send

    return opened


by_httpx = _by(httpx.AsyncClient, TokenAuth)
by_httpx2 = _by(httpx2.AsyncClient, TokenAuth2)

CLIENTS: dict[str, Client] = {"aiohttp": by_aiohttp, "httpx": by_httpx, "httpx2": by_httpx2}
