"""extauth against an MCP server of which it knows the URL alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import final

import attrs
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from extauth import Auth
from extauth.adapters.discovery import (
    client_document,
    discover,
    discover_resource,
    missing_scopes,
    register_client,
)
from extauth.adapters.oauth2 import ClientAuth, OAuth2Provider
from extauth.domain.outcomes import GrantRejected
from servers.driving import connect, rotations
from servers.running import REDIRECT_URI
from servers.settings import NAME, PROVIDER, USER, McpClient, application
from servers.visiting import Visitor

DOCUMENTS = "https://documents.example"
"""The host of the application's documents, by the name that the servers must look for on this machine."""


@final
@attrs.frozen(kw_only=True)
class Found:
    """What came of it for one kind of client, in the words of the table."""

    client: str
    granted: str
    rotations: str
    more: str
    """What asking for the scopes comes to for want of which the server has refused a call."""
    unlinked: str
    broken: tuple[str, ...]


async def find(visitor: Visitor, folder: Path) -> list[Found]:
    """Connect to the site's MCP server with each kind of client; with none where it has no such server."""
    if visitor.site.mcp_url is None:
        return []
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    async with _documents(pem) as (public, with_key):
        clients = {
            "registers itself": McpClient(),
            "by hand, HTTP Basic": await _by_hand(visitor.site.mcp_url, "client_secret_basic"),
            "by hand, secret in the body": await _by_hand(visitor.site.mcp_url, "client_secret_post"),
            "a document": public,
            "a document and a key": with_key,
        }
        return [
            await _drive(visitor, folder / f"{number}.db", kind, client)
            for number, (kind, client) in enumerate(clients.items())
        ]


async def _by_hand(mcp_url: str, way: ClientAuth) -> McpClient:
    """Return a client that is registered before the application hears of it, for one way alone."""
    resource = await discover_resource(mcp_url)
    metadata = attrs.evolve(await discover(resource.authorization_servers[0]), client_auth_methods=(way,))
    client = await register_client(metadata, redirect_uris=[REDIRECT_URI], client_name=NAME)
    return McpClient(client.client_id, client.client_secret, way)


@asynccontextmanager
async def _documents(pem: str) -> AsyncGenerator[tuple[McpClient, McpClient]]:
    """Serve the documents of a public client, and of one that has a key."""

    async def serve(request: web.Request) -> web.Response:
        client = clients[request.path]
        assert client.document_url is not None
        return web.json_response(
            client_document(
                client.document_url,
                client_name=NAME,
                redirect_uris=[REDIRECT_URI],
                client_key=client.private_key,
            )
        )

    server = web.Application()
    server.router.add_get("/{name}", serve)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        at = f"{DOCUMENTS}:{runner.addresses[0][1]}"
        public = McpClient(document_url=f"{at}/public.json")
        with_key = McpClient(document_url=f"{at}/key.json", key=pem)
        clients = {"/public.json": public, "/key.json": with_key}
        yield public, with_key
    finally:
        await runner.cleanup()


async def _drive(visitor: Visitor, file: Path, kind: str, client: McpClient) -> Found:
    broken: list[str] = []
    store = f"sqlite:///{file}"
    async with application(store, visitor.site, client) as (auth, provider):
        if provider.client_id != (client.client_id or client.document_url or provider.client_id):
            broken.append("its id is another")
        link = await connect(auth, visitor)
        granted = link.tokens.scopes
        rotated = await rotations(visitor, store, link, broken, client)
        more = await _more(auth, visitor, broken)
        unlinked = await _unlinked(auth, provider, visitor, broken)
    return Found(
        client=kind,
        granted=" ".join(sorted(granted)),
        rotations=rotated,
        more=more,
        unlinked=unlinked,
        broken=tuple(broken),
    )


async def _more(auth: Auth, visitor: Visitor, broken: list[str]) -> str:
    """Let the server refuse a call for want of a scope, and ask the user for it."""
    link = await auth.link(PROVIDER, USER)
    refused = await visitor.call(link.tokens.access_token)
    missing = missing_scopes(refused.challenge, link.tokens.scopes) or frozenset()
    if refused.status != 403 or not missing:
        broken.append(f"a call that needs more scopes was answered {refused.said}")
    url = await auth.begin(PROVIDER, USER, REDIRECT_URI, scopes=missing, include_granted=True)
    more = await auth.complete(await visitor.consent(url), user_id=USER, provider_id=PROVIDER)
    again = await visitor.call(more.tokens.access_token)
    if again.status != 200 or not more.tokens.scopes >= link.tokens.scopes | missing:
        broken.append(f"with {sorted(more.tokens.scopes)} the same call is answered {again.said}")
    return f"{refused.said}; then {' '.join(sorted(more.tokens.scopes))}: {again.said}"


async def _unlinked(auth: Auth, provider: OAuth2Provider, visitor: Visitor, broken: list[str]) -> str:
    """Disconnect, and see whether anything of the grant is left."""
    tokens = (await auth.link(PROVIDER, USER)).tokens
    outcome = await auth.unlink(PROVIDER, USER)
    access = "lives" if await visitor.works(tokens.access_token) else "dies"
    answer = await provider.refresh(tokens)
    refresh = f"then {answer.code}" if isinstance(answer, GrantRejected) else "lives"
    if (outcome.revoked, access) != (True, "dies") or not isinstance(answer, GrantRejected):
        broken.append("something of an unlinked grant is left")
    return f"revoked={outcome.revoked}; AT {access}; RT {refresh}"
