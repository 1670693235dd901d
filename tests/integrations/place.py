"""An application with users at the authorization server of the test kit, whose API takes the tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, final

import attrs

import extauth
from extauth import Auth, Link, LinkKey, RefreshPolicy
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.testing import AuthorizationServer, Consent

CALLBACK = "https://app.example/callback/example"


@final
@attrs.frozen
class Place:
    """A server, and an application that is open."""

    server: AuthorizationServer
    auth: Auth

    async def connect(self, user: str, scopes: Iterable[str] | None = None) -> Link:
        """Let the user consent, in a browser."""
        self.server.consent = Consent.approve(user)
        url = await self.auth.begin("example", user, CALLBACK, scopes=scopes)
        callback = await self.server.visit(url)
        return await self.auth.complete(callback.url, user_id=user, provider_id="example")

    async def refuse(self, user: str) -> str:
        """Let the API refuse the stored access token; return it."""
        stored = await self.auth.store.get(LinkKey("example", user))
        assert stored is not None
        self.server.grants.revoke(stored.tokens.access_token)
        return stored.tokens.access_token


@asynccontextmanager
async def at_server(policy: RefreshPolicy | None = None, **options: Any) -> AsyncIterator[Place]:
    """Run a server and open an application at it."""
    async with AuthorizationServer(redirect_uris=[CALLBACK], **options) as server:
        provider = OAuth2Provider(
            "example",
            client_id=server.client_id,
            client_secret=server.client_secret,
            authorize_url=server.authorize_url,
            token_url=server.token_url,
        )
        async with extauth.open("memory://", [provider], policy=policy) as auth:
            yield Place(server, auth)
