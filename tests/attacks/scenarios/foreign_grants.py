"""A configuration comes to point elsewhere: another server is to get the tokens of the first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import final

import pytest
from aiohttp import ClientSession, web

from extauth import GrantOrigin, LinkKey, ProviderMisconfigured, TokenService, open_store
from extauth.adapters.discovery import mcp_provider
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.testing import AuthorizationServer
from tests.adapters.discovery.conftest import Site, served_site
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence

ALICE = LinkKey("tool", "alice")
CALLBACK = "https://app.example/callback/tool"


@final
class Host:
    """An API with an authorization server of its own, which takes whatever it is shown."""

    def __init__(self, site: Site, server: AuthorizationServer) -> None:
        self.site = site
        self.server = server

    def provider(self, **options: object) -> OAuth2Provider:
        return OAuth2Provider(
            ALICE.provider_id,
            client_id=self.server.client_id,
            client_secret=self.server.client_secret,
            token_url=self.server.token_url,
            **options,  # type: ignore[arg-type]
        )

    async def called(self, tokens: TokenService, *, rejected: str | None = None) -> str | None:
        """Call its API as the application would; return the token that it was shown."""
        if rejected is None:
            token = await tokens.access_token(*ALICE_WHO)
        else:
            token = (await tokens.refresh(*ALICE_WHO, rejected=rejected)).tokens.access_token
        headers = {"Authorization": f"Bearer {token}"}
        async with ClientSession() as http, http.get(f"{self.site.url}/api", headers=headers):
            pass
        return self.site.headers[-1].get("Authorization")


ALICE_WHO = (ALICE.provider_id, ALICE.user_id)


@asynccontextmanager
async def _host() -> AsyncIterator[Host]:
    async with served_site() as site, AuthorizationServer() as server:
        site.page("/api", lambda: web.Response(text="ok"))
        yield Host(site, server)


async def _pointed_elsewhere(*, stale: bool) -> object:
    async with _host() as good, _host() as evil, open_store("memory://") as store:
        granted = good.server.new_grant("alice")
        await store.put(ALICE, granted, origin=good.provider().origin)
        async with TokenService(store, [evil.provider()]) as tokens:
            shown = await evil.called(tokens, rejected="an older one" if stale else None)
        return shown == f"Bearer {granted.access_token}"


async def _fresh_token(_: Fence) -> object:
    return await _pointed_elsewhere(stale=False)


async def _after_a_rejection(_: Fence) -> object:
    return await _pointed_elsewhere(stale=True)


async def _moved(_: Fence) -> None:
    async with _host() as host, open_store("memory://") as store:
        before = GrantOrigin(host.server.client_id, "https://old.example/token")
        await store.put(ALICE, host.server.new_grant("alice"), origin=before)
        provider = host.provider(formerly=[before])
        async with TokenService(store, [provider]) as tokens:
            shown = await host.called(tokens)
            link = await tokens.refresh(*ALICE_WHO)
            stored = await store.get(ALICE)
            assert stored is not None
            assert (stored.version, stored.origin) == (2, provider.origin)
            assert shown is not None
            assert host.server.grants.subject_of(link.tokens.access_token) == "alice"


async def _mcp_swap(_: Fence) -> object:
    """The user's good MCP server is replaced by an evil one that names the same authorization server."""
    async with _mcp_world() as (good, evil, auth), open_store("memory://") as store:
        granted = auth.new_grant("alice")
        first = await _mcp(good, auth, store)
        await store.put(ALICE, granted, origin=first.origin)
        second = await _mcp(evil, auth, store)
        async with TokenService(store, [second]) as tokens:
            return await Host(evil, auth).called(tokens) == f"Bearer {granted.access_token}"


async def _mcp_restart(_: Fence) -> None:
    async with _mcp_world() as (good, _evil, auth), open_store("memory://") as store:
        first = await _mcp(good, auth, store)
        await store.put(ALICE, auth.new_grant("alice"), origin=first.origin)
        async with TokenService(store, [await _mcp(good, auth, store)]) as tokens:
            assert await Host(good, auth).called(tokens) is not None


@asynccontextmanager
async def _mcp_world() -> AsyncIterator[tuple[Site, Site, AuthorizationServer]]:
    async with served_site() as good, served_site() as evil, AuthorizationServer() as auth:
        for site in (good, evil):
            site.page("/api", lambda: web.Response(text="ok"))
            document = {"resource": f"{site.url}/api", "authorization_servers": [auth.issuer]}
            site.publish("/.well-known/oauth-protected-resource/api", document)
        yield good, evil, auth


async def _mcp(site: Site, auth: AuthorizationServer, store: object) -> OAuth2Provider:
    return await mcp_provider(
        f"{site.url}/api",
        redirect_uri=CALLBACK,
        store=store,  # type: ignore[arg-type]
        client_name="App",
        provider_id=ALICE.provider_id,
        client_id=auth.client_id,
        client_secret=auth.client_secret,
    )


def _anybodys_grant(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(GrantOrigin, "owns", lambda *_: True)


ATTACKS = [
    Attack(
        name="foreign grant: the configuration points to another server, which gets the working token",
        source="RFC 6749 10.3, RFC 9700 4.9.1",
        attempt=_fresh_token,
        honest=_moved,
        without_guard=_anybodys_grant,
        refused=ProviderMisconfigured,
    ),
    Attack(
        name="foreign grant: another server refuses an older token and is shown the working one",
        source="RFC 6749 10.3, RFC 9700 4.9.1",
        attempt=_after_a_rejection,
        honest=_moved,
        without_guard=_anybodys_grant,
        refused=ProviderMisconfigured,
    ),
    Attack(
        name="foreign grant: another MCP server at the same authorization server takes the first one's place",
        source="RFC 8707 3, MCP authorization (token audience binding)",
        attempt=_mcp_swap,
        honest=_mcp_restart,
        without_guard=_anybodys_grant,
        refused=ProviderMisconfigured,
    ),
]
