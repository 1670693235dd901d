"""A resource says of itself what is another's: its host, its name, its authorization server (RFC 9728)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from extauth import ProviderMisconfigured, open_store
from extauth.adapters.discovery import mcp, mcp_provider, resources
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.linking import AuthorizationRequest
from tests.adapters.discovery.conftest import Site, served_site
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence

CALLBACK = "https://app.example/callback"
ABOUT = "/.well-known/oauth-protected-resource"
SERVER = "/.well-known/oauth-authorization-server"


@asynccontextmanager
async def _world(**members: Any) -> AsyncIterator[tuple[Site, Site]]:
    """A good host with an MCP server and its authorization server, and an evil host."""
    async with served_site() as good, served_site() as evil:
        registered = 0

        def register() -> web.Response:
            nonlocal registered
            registered += 1
            return web.json_response({"client_id": f"client-{registered}"}, status=201)

        document = good.server_document(
            good.url,
            registration_endpoint=f"{good.url}/register",
            token_endpoint_auth_methods_supported=["none"],
            **members,
        )
        good.publish(SERVER, document)
        good.page("/register", register)
        _about(good, f"{ABOUT}/mcp", f"{good.url}/mcp", good)
        yield good, evil


def _about(site: Site, path: str, resource: str, auth: Site) -> None:
    site.publish(path, {"resource": resource, "authorization_servers": [auth.url]})


async def _connected(url: str, **options: Any) -> OAuth2Provider:
    async with open_store("memory://") as store:
        return await mcp_provider(
            url, redirect_uri=CALLBACK, client_name="App", **{"store": store, **options}
        )


def _asked_for(provider: OAuth2Provider) -> str:
    """Return the resource that the user is asked to give a token for."""
    request = AuthorizationRequest(redirect_uri=CALLBACK, state="st", code_challenge="ch")
    return parse_qs(urlsplit(provider.authorization_url(request)).query)["resource"][0]


async def _whole_host(_: Fence) -> object:
    """Mallory has a path of the host, which sends clients to the host's own metadata."""
    async with _world() as (good, _evil):
        _about(good, ABOUT, good.url, good)
        challenge = f'Bearer resource_metadata="{good.url}{ABOUT}"'
        good.page("/~mallory", lambda: web.Response(status=401, headers={"WWW-Authenticate": challenge}))
        return _asked_for(await _connected(f"{good.url}/~mallory")) == good.url


async def _another_path(_: Fence) -> object:
    """The same, with a document of mallory's own that names a neighbour."""
    async with _world() as (good, _evil):
        challenge = f'Bearer resource_metadata="{good.url}/~mallory/about"'
        good.page("/~mallory", lambda: web.Response(status=401, headers={"WWW-Authenticate": challenge}))
        _about(good, "/~mallory/about", f"{good.url}/mcp", good)
        return _asked_for(await _connected(f"{good.url}/~mallory")) == f"{good.url}/mcp"


async def _another_host(_: Fence) -> object:
    async with _world() as (good, evil):
        _about(evil, f"{ABOUT}/mcp", f"{good.url}/mcp", good)
        return _asked_for(await _connected(f"{evil.url}/mcp")) == f"{good.url}/mcp"


async def _itself(_: Fence) -> None:
    async with _world() as (good, _evil):
        assert _asked_for(await _connected(f"{good.url}/mcp")) == f"{good.url}/mcp"


async def _unlisted(_: Fence) -> object:
    """The good authorization server gives tokens for the good resource alone, and says so."""
    async with _world() as (good, evil):
        _listing(good)
        _about(evil, f"{ABOUT}/mcp", f"{evil.url}/mcp", good)
        return _asked_for(await _connected(f"{evil.url}/mcp")) == f"{evil.url}/mcp"


async def _listed(_: Fence) -> None:
    async with _world() as (good, _evil):
        _listing(good)
        assert _asked_for(await _connected(f"{good.url}/mcp")) == f"{good.url}/mcp"


def _listing(good: Site) -> None:
    document = good.server_document(
        good.url,
        registration_endpoint=f"{good.url}/register",
        token_endpoint_auth_methods_supported=["none"],
        protected_resources=[f"{good.url}/mcp"],
    )
    good.publish(SERVER, document)


async def _anothers_consent(_: Fence) -> object:
    """Users have consented to the client of the good resource: is it the evil one's, too?"""
    async with _world() as (good, evil), open_store("memory://") as store:
        _about(evil, f"{ABOUT}/mcp", f"{evil.url}/mcp", good)
        consented = await _connected(f"{good.url}/mcp", store=store)
        return (await _connected(f"{evil.url}/mcp", store=store)).client_id == consented.client_id


async def _restarted(_: Fence) -> None:
    async with _world() as (good, _evil), open_store("memory://") as store:
        clients = [(await _connected(f"{good.url}/mcp", store=store)).client_id for _ in range(2)]
        assert clients == ["client-1", "client-1"]


def _any_name(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resources, "check_named", lambda named, _: named)


def _any_resource(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mcp, "check_listed", lambda *_: None)


def _one_client(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mcp, "registration_name", lambda issuer, redirect_uri, _: f"{issuer} {redirect_uri}")


ATTACKS = [
    Attack(
        name="resource metadata: a path's owner gets tokens for the whole host",
        source="RFC 9728 3.3, 7.3",
        attempt=_whole_host,
        honest=_itself,
        without_guard=_any_name,
        refused=ProviderMisconfigured,
    ),
    Attack(
        name="resource metadata: a path's owner gets tokens for a neighbour's path",
        source="RFC 9728 3.3, 7.3",
        attempt=_another_path,
        honest=_itself,
        without_guard=_any_name,
        refused=ProviderMisconfigured,
    ),
    Attack(
        name="resource metadata: an evil host names the good resource as itself",
        source="RFC 9728 3.3, 7.3",
        attempt=_another_host,
        honest=_itself,
        without_guard=_any_name,
        refused=ProviderMisconfigured,
    ),
    Attack(
        name="resource metadata: an evil resource names an authorization server that does not list it",
        source="RFC 9728 4, 7.6",
        attempt=_unlisted,
        honest=_listed,
        without_guard=_any_resource,
        refused=ProviderMisconfigured,
    ),
    Attack(
        name="resource metadata: an evil resource goes by the client that users consented to",
        source="MCP authorization (confused deputy), RFC 7591 5",
        attempt=_anothers_consent,
        honest=_restarted,
        without_guard=_one_client,
    ),
]
