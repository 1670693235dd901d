"""From the URL of an MCP server to a call that it accepts, on the authorization server of the test kit."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientSession

from extauth import LinkingService, TokenService, open_store
from extauth.adapters.discovery import discover, mcp_provider
from extauth.testing import AuthorizationServer, ServerQuirks

CALLBACK = "https://app.example/callback"


async def called(url: str, access_token: str) -> int:
    """Return the status of a call with this token."""
    headers = {"Authorization": f"Bearer {access_token}"}
    async with ClientSession() as http, http.get(url, headers=headers) as response:
        return response.status


@pytest.mark.parametrize("issuer_path", ["", "/realms/main"])
async def test_an_unknown_server(tmp_path, issuer_path):
    """A server known by its URL alone registers a client, connects a user, and accepts each token; two
    replicas do that as one."""
    quirks = ServerQuirks(issuer_path=issuer_path)
    async with (
        AuthorizationServer(quirks=quirks) as server,
        open_store(f"sqlite:///{tmp_path}/l.db") as store,
    ):
        url = f"{server.url}/resource/wiki"

        async def replica():
            return await mcp_provider(
                url, redirect_uri=CALLBACK, store=store, client_name="App", provider_id="wiki"
            )

        first, second = await asyncio.gather(replica(), replica())
        assert first.origin == second.origin
        async with LinkingService(store, [first]) as begins, LinkingService(store, [second]) as completes:
            callback = await server.visit(await begins.begin("wiki", "alice", CALLBACK))
            await completes.complete(callback.url, user_id="alice")
        async with TokenService(store, [second]) as tokens:
            access_token = await tokens.access_token("wiki", "alice")
            assert await called(url, access_token) == 200
            assert await called(f"{server.url}/resource/other", access_token) == 401
            refreshed = await tokens.refresh("wiki", "alice", rejected=access_token)
            assert await called(url, refreshed.tokens.access_token) == 200
            assert await called(f"{server.url}/resource/other", refreshed.tokens.access_token) == 401


async def test_a_known_issuer(tmp_path):
    """A provider made of an issuer's metadata connects a user with the client that the application has."""
    async with AuthorizationServer() as server, open_store(f"sqlite:///{tmp_path}/l.db") as store:
        metadata = await discover(server.issuer)
        provider = metadata.provider("p", client_id=server.client_id, client_secret=server.client_secret)
        async with LinkingService(store, [provider]) as linking:
            callback = await server.visit(await linking.begin("p", "alice", CALLBACK))
            link = await linking.complete(callback.url, user_id="alice")
            assert await called(f"{server.url}/resource", link.tokens.access_token) == 200
            assert (await linking.unlink("p", "alice")).revoked
            assert await called(f"{server.url}/resource", link.tokens.access_token) == 401
