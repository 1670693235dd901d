"""MCP servers that this project did not write, each with the authorization server of its package.

``python -m tests.peer.mcp_site mcp`` serves the reference SDK's, with the storage that it leaves to the
application; ``... fastmcp`` serves FastMCP with its own, and ``... fastmcp-proxy`` FastMCP with its proxy in
front of that. All over loopback, with open registration, refresh tokens that work once, and revocation. The
URL of the MCP server is said on standard output.

It ends when its standard input does, that is, with whoever started it.
"""

from __future__ import annotations

import json
import secrets
import socket
import sys
import threading
import time
from typing import Any

import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth.oauth_proxy import OAuthProxy
from fastmcp.server.auth.providers.in_memory import InMemoryOAuthProvider
from mcp.server import MCPServer
from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    OAuthAuthorizationServerProvider,
    RefreshToken,
    construct_redirect_uri,
)
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions, RevocationOptions
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from starlette.responses import JSONResponse
from starlette.routing import Mount

SCOPE = "notes"
MORE = "pictures"
HOUR = 3600

REGISTRATION = ClientRegistrationOptions(enabled=True, valid_scopes=[SCOPE, MORE], default_scopes=[SCOPE])
REVOCATION = RevocationOptions(enabled=True)


class Storage(OAuthAuthorizationServerProvider):  # type: ignore[misc]  # not installed where types are checked
    """What the SDK asks an application for. Everybody consents at once, and a refresh token works once."""

    def __init__(self) -> None:
        self.clients: dict[str, Any] = {}
        self.codes: dict[str, AuthorizationCode] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.refresh_tokens: dict[str, RefreshToken] = {}

    async def get_client(self, client_id):
        return self.clients.get(client_id)

    async def register_client(self, client_info):
        self.clients[client_info.client_id] = client_info

    async def authorize(self, client, params):
        code = AuthorizationCode(
            code=secrets.token_urlsafe(32),
            scopes=params.scopes or [SCOPE],
            expires_at=time.time() + 60,
            client_id=client.client_id,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
        )
        self.codes[code.code] = code
        return construct_redirect_uri(str(params.redirect_uri), code=code.code, state=params.state)

    async def load_authorization_code(self, client, authorization_code):
        return self.codes.get(authorization_code)

    async def exchange_authorization_code(self, client, authorization_code):
        del self.codes[authorization_code.code]
        return self._issued(client, authorization_code.scopes, authorization_code.resource)

    async def load_refresh_token(self, client, refresh_token):
        return self.refresh_tokens.get(refresh_token)

    async def exchange_refresh_token(self, client, refresh_token, scopes):
        del self.refresh_tokens[refresh_token.token]
        return self._issued(client, scopes, refresh_token.resource)

    async def load_access_token(self, token):
        return self.access_tokens.get(token)

    async def revoke_token(self, token):
        for tokens in (self.access_tokens, self.refresh_tokens):
            for name in [name for name, kept in tokens.items() if kept.client_id == token.client_id]:
                del tokens[name]

    def _issued(self, client, scopes, resource):
        access, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        granted = {"client_id": client.client_id, "scopes": scopes, "resource": resource}
        self.access_tokens[access] = AccessToken(token=access, expires_at=int(time.time()) + HOUR, **granted)
        self.refresh_tokens[refresh] = RefreshToken(token=refresh, **granted)
        return OAuthToken(access_token=access, refresh_token=refresh, expires_in=HOUR, scope=" ".join(scopes))


def mcp_app(url):
    """The reference SDK's server."""
    settings = AuthSettings(
        issuer_url=url,
        resource_server_url=f"{url}/mcp",
        client_registration_options=REGISTRATION,
        revocation_options=REVOCATION,
        required_scopes=[SCOPE],
        validate_token_resource=True,
    )
    server = MCPServer("Notes", auth_server_provider=Storage(), auth=settings)
    return server.streamable_http_app()


def fastmcp_app(url):
    """FastMCP with the authorization server that it has for trying things out."""
    auth = InMemoryOAuthProvider(
        base_url=url,
        client_registration_options=REGISTRATION,
        revocation_options=REVOCATION,
        required_scopes=[SCOPE],
    )
    return FastMCP("Notes", auth=auth).http_app(path="/mcp")


def fastmcp_proxy_app(url):
    """FastMCP with tokens of its own for those of a server that lets nobody register."""
    upstream = InMemoryOAuthProvider(base_url=f"{url}/upstream", required_scopes=[SCOPE])
    client = {"client_id": "proxy", "client_secret": "made-up"}
    upstream.clients["proxy"] = OAuthClientInformationFull(
        **client,
        redirect_uris=[f"{url}/auth/callback"],
        scope=SCOPE,
        grant_types=["authorization_code", "refresh_token"],
        token_endpoint_auth_method="client_secret_post",
    )
    auth = OAuthProxy(
        upstream_authorization_endpoint=f"{url}/upstream/authorize",
        upstream_token_endpoint=f"{url}/upstream/token",
        **{f"upstream_{name}": value for name, value in client.items()},
        token_endpoint_auth_method="client_secret_post",
        token_verifier=upstream,
        base_url=url,
        valid_scopes=[SCOPE],
        require_authorization_consent=False,
    )
    app = FastMCP("Notes", auth=auth).http_app(path="/mcp")
    app.router.routes.append(Mount("/upstream", app=FastMCP("Upstream", auth=upstream).http_app()))
    return app


APPS = {"mcp": mcp_app, "fastmcp": fastmcp_app, "fastmcp-proxy": fastmcp_proxy_app}


class Counting:
    """The same application, which counts token requests and says their number at ``/asked``."""

    def __init__(self, app) -> None:
        self.app = app
        self.asked = 0

    async def __call__(self, scope, receive, send):
        path = scope.get("path")
        if path == "/asked":
            await JSONResponse(self.asked)(scope, receive, send)
            return
        self.asked += path == "/token"
        await self.app(scope, receive, send)


def serve(package: str, port: int) -> None:
    """Serve until the standard input ends. All is kept in memory: who starts again at the same port has
    forgotten it."""
    # Bound first, since the site must know where it is.
    listening = socket.create_server(("127.0.0.1", port))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    app = APPS[package](url)
    server = uvicorn.Server(uvicorn.Config(Counting(app), log_level="error", timeout_graceful_shutdown=1))

    def wait() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=wait, daemon=True).start()
    print(json.dumps(f"{url}/mcp"), flush=True)
    server.run(sockets=[listening])


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
