"""Clients that come and go at the MCP servers that the others are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest

import extauth
from extauth import LinkKey, ProviderMisconfigured, ReauthorizationRequired
from extauth.adapters.discovery import mcp_provider
from extauth.domain.registered_clients import PATIENCE
from tests.peer.mcp_server import CALLBACK, McpServer, served


@attrs.define
class WallClock:
    """A clock that the test sets."""

    at: datetime = attrs.field(factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        """Return the time it shows."""
        return self.at


@pytest.fixture(params=["mcp", "fastmcp"])
def package(request):
    """Which server."""
    return request.param


@pytest.fixture
async def store(tmp_path):
    """A file of its own, as an application on one machine has."""
    async with extauth.open_store(f"sqlite:///{tmp_path}/links.db") as opened:
        yield opened


@pytest.fixture
def clock():
    """What clients are judged by."""
    return WallClock()


async def opened(server: McpServer, store: Any, clock: WallClock, **options: Any) -> Any:
    """Start one replica."""
    provider = await mcp_provider(
        server.url,
        redirect_uri=CALLBACK,
        store=store,
        client_name="Test",
        provider_id="notes",
        clock=clock,
        **options,
    )
    return extauth.open(store, [provider])


async def connected(auth: extauth.Auth, server: McpServer, user: str, **begin: Any) -> extauth.Link:
    """Connect a user."""
    return await auth.complete(
        await server.consent(await auth.begin("notes", user, CALLBACK, **begin)), user_id=user
    )


async def refreshed(auth: extauth.Auth, store: Any, user: str) -> str:
    """Refresh, and return the new access token."""
    rejected = (await store.get(LinkKey("notes", user))).tokens.access_token
    return (await auth.refresh("notes", user, rejected=rejected)).tokens.access_token


async def test_links_of_two_clients(package, store, clock):
    """Each is refreshed and unlinked with the secret of its own client, on a replica of either."""
    with served(package) as server:
        async with await opened(server, store, clock, scopes=["notes"], may_ask=[]) as old:
            first = await connected(old, server, "alice")
            async with await opened(server, store, clock, scopes=["notes"], may_ask=["pictures"]) as new:
                second = await connected(new, server, "bob", scopes=["notes", "pictures"])
                assert second.origin.client_id != first.origin.client_id
                assert second.tokens.scopes == {"notes", "pictures"}
                for auth in (old, new):
                    assert await server.accepts(await refreshed(auth, store, "alice"))
                    assert await server.accepts(await refreshed(auth, store, "bob"))
                    (former,) = await auth.links("alice", of_former_client=True)
                    assert former.origin == first.origin
                    assert await auth.links("bob", of_former_client=True) == []
                for auth, user in ((new, "alice"), (old, "bob")):
                    access_token = await auth.access_token("notes", user)
                    assert (await auth.unlink("notes", user)).revoked
                    assert not await server.accepts(access_token)


async def test_a_server_that_forgot_its_clients(package, store, clock):
    """It was started again, and had them in memory: when a user begins, another client is registered."""
    with served(package) as server:
        port = urlsplit(server.url).port
        async with await opened(server, store, clock) as auth:
            first = await connected(auth, server, "alice")
    with served(package, port) as server:
        async with await opened(server, store, clock) as auth:
            with pytest.raises(ProviderMisconfigured) as rejected:
                await refreshed(auth, store, "alice")
            assert rejected.value.reason == "invalid_client"
            clock.at += PATIENCE
            second = await connected(auth, server, "bob")
            assert second.origin.client_id != first.origin.client_id
            assert await server.accepts(await refreshed(auth, store, "bob"))
        async with await opened(server, store, clock) as auth:
            with pytest.raises(ReauthorizationRequired) as caught:
                await refreshed(auth, store, "alice")
            assert caught.value.reason == "client_forgotten"
            assert (await store.get(LinkKey("notes", "alice"))).failure is None
            again = await connected(auth, server, "alice")
            assert again.origin == second.origin
