"""Users connect a remote MCP server once, and call its tools through the gateway, each with their own token.

Whoever calls the gateway shows it no token of the MCP server's, and gets none.
"""

from __future__ import annotations

from aiohttp import web
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from extauth import Auth, InsufficientScope, LinkNotFound, ReauthorizationRequired, TemporarilyUnavailable
from extauth.integrations.mcp import McpHttpClient
from extauth.web import ConnectedAccounts
from extauth.web.aiohttp import routes

PROVIDER = "notes"


async def who(request: web.Request) -> str | None:
    """Say who is signed in. Your session stands here; a header that anybody can send is for examples."""
    return request.headers.get("X-User")


async def call_tool(auth: Auth, user: str, server_url: str, tool: str) -> str:
    """Call a tool as the user, in a session of its own."""
    async with McpHttpClient(auth, PROVIDER, user, server_url=server_url) as http:
        with http.link_errors():
            async with Client(streamable_http_client(server_url, http_client=http)) as client:
                result = await client.call_tool(tool)
    return "".join(part.text for part in result.content if part.type == "text")


def make_app(auth: Auth, accounts: ConnectedAccounts, server_url: str) -> web.Application:
    """Return the gateway's application."""

    async def tool(request: web.Request) -> web.Response:
        user = await who(request)
        if user is None:
            raise web.HTTPUnauthorized
        try:
            said = await call_tool(auth, user, server_url, request.match_info["tool"])
        except (LinkNotFound, ReauthorizationRequired, InsufficientScope) as error:
            return web.json_response({"error": error.code, "connect": "/accounts/"}, status=409)
        except TemporarilyUnavailable as error:
            return web.json_response({"error": error.code}, status=503)
        return web.json_response({"result": said})

    app = web.Application()
    app.add_routes(routes(accounts))
    app.router.add_post("/tools/{tool}", tool)
    return app
