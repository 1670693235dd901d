"""A remote MCP server with one tool, and the authorization server whose tokens it takes.

It stands in for the servers that your users want to reach.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings

from extauth.testing import AuthorizationServer


class FromTheBooks:
    """A ``TokenVerifier``: says whose a token is, if it works."""

    def __init__(self, authorization: AuthorizationServer) -> None:
        self.authorization = authorization

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what is known of a token that works."""
        if not self.authorization.accepts(token):
            return None
        books = self.authorization.grants
        [resource] = getattr(books.record(token), "resources", None) or {None}
        return AccessToken(
            token=token, client_id="any", scopes=[], resource=resource, subject=books.subject_of(token)
        )


async def whose_notes() -> str:
    """Say whose notes are read."""
    access = get_access_token()
    return f"notes of {access.subject}" if access else "nobody's notes"


@asynccontextmanager
async def serving(sock: socket.socket) -> AsyncIterator[tuple[str, AuthorizationServer]]:
    """Serve it; yield its URL, and the authorization server."""
    url = f"http://127.0.0.1:{sock.getsockname()[1]}/mcp"
    async with AuthorizationServer() as authorization:
        settings = AuthSettings(
            issuer_url=authorization.issuer, resource_server_url=url, validate_token_resource=True
        )
        verifier = FromTheBooks(authorization)
        notes = MCPServer("Notes", token_verifier=verifier, auth=settings, log_level="ERROR")
        notes.add_tool(whose_notes)
        server = uvicorn.Server(
            uvicorn.Config(notes.streamable_http_app(), log_level="error", timeout_graceful_shutdown=1)
        )
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            yield url, authorization
        finally:
            server.should_exit = True
            await serving
