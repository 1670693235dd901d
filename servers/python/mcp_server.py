"""The authorization servers of MCP's packages: ``mcp_server.py PORT REDIRECT_URI mcp|fastmcp|fastmcp-proxy``.

The SDK leaves storage to the application: that of the tests is used. FastMCP has its own, and with ``proxy``
it gives tokens of its own for those of a server that lets nobody register: itself, here. Its clients are
public, or prove themselves with keys.
"""

from __future__ import annotations

import json
import sys
import threading
import urllib.request
from pathlib import Path

import uvicorn

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "peer"))
from fastmcp import FastMCP
from fastmcp.server.auth.oauth_proxy import OAuthProxy
from fastmcp.server.auth.providers.in_memory import InMemoryOAuthProvider
from mcp.server import MCPServer
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions, RevocationOptions
from mcp.shared.auth import OAuthClientInformationFull
from mcp_site import Storage
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

PORT, REDIRECT_URI, KIND = sys.argv[1:]
BASE = f"http://127.0.0.1:{PORT}"
SCOPES = ["read", "write"]
REGISTRATION = ClientRegistrationOptions(enabled=True, valid_scopes=SCOPES, default_scopes=SCOPES)
REVOCATION = RevocationOptions(enabled=True)


def of_the_sdk():
    settings = AuthSettings(
        issuer_url=BASE,
        resource_server_url=f"{BASE}/mcp",
        client_registration_options=REGISTRATION,
        revocation_options=REVOCATION,
        validate_token_resource=False,
    )
    storage = Storage()
    server = MCPServer("Notes", auth_server_provider=storage, auth=settings)
    return server.streamable_http_app(), storage.load_access_token


def in_memory():
    auth = InMemoryOAuthProvider(
        base_url=BASE, client_registration_options=REGISTRATION, revocation_options=REVOCATION
    )
    return FastMCP("Notes", auth=auth).http_app(path="/mcp"), auth.verify_token


def proxy():
    upstream = InMemoryOAuthProvider(base_url=f"{BASE}/upstream")
    client = {"client_id": "proxy", "client_secret": "of-this-run-only"}
    upstream.clients["proxy"] = OAuthClientInformationFull(
        **client,
        redirect_uris=[f"{BASE}/auth/callback"],
        scope=" ".join(SCOPES),
        grant_types=["authorization_code", "refresh_token"],
        token_endpoint_auth_method="client_secret_post",
    )
    auth = OAuthProxy(
        upstream_authorization_endpoint=f"{BASE}/upstream/authorize",
        upstream_token_endpoint=f"{BASE}/upstream/token",
        **{f"upstream_{name}": value for name, value in client.items()},
        token_endpoint_auth_method="client_secret_post",
        token_verifier=upstream,
        base_url=BASE,
        valid_scopes=SCOPES,
        require_authorization_consent=False,
    )
    app = FastMCP("Notes", auth=auth).http_app(path="/mcp")
    app.router.routes.append(Mount("/upstream", app=FastMCP("Upstream", auth=upstream).http_app()))
    return app, auth.verify_token


def register():
    """Register the application as the protocol has it."""
    asked = {
        "client_name": "An application",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": " ".join(SCOPES),
        "token_endpoint_auth_method": "none" if KIND == "fastmcp-proxy" else "client_secret_post",
    }
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{BASE}/register", json.dumps(asked).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


if __name__ == "__main__":
    app, verify = {"mcp": of_the_sdk, "fastmcp": in_memory, "fastmcp-proxy": proxy}[KIND]()

    async def me(request):
        token = await verify(request.headers["Authorization"].removeprefix("Bearer "))
        return JSONResponse({"sub": "alice"}, 200 if token else 401)

    app.router.routes.append(Route("/me", me))

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            threading.Thread(target=say, daemon=True).start()

    def say():
        client = register()
        said = {
            "authorize_url": f"{BASE}/authorize",
            "token_url": f"{BASE}/token",
            "revoke_url": None if KIND == "fastmcp-proxy" else f"{BASE}/revoke",
            "api_url": f"{BASE}/me",
            "client_id": client["client_id"],
            "client_secret": client.get("client_secret"),
            "client_auth": "client_secret_post",
            "scopes": SCOPES,
        }
        print(json.dumps(said), flush=True)

    config = uvicorn.Config(app, "127.0.0.1", int(PORT), log_level="critical", timeout_graceful_shutdown=1)
    Server(config).run()
