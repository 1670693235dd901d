#!/usr/bin/env bash
# The authorization server of the MCP SDK for Python: a client revokes a refresh token that was issued to another client, for
# example to the one that the same application had registered before.
#
# A good guess: it is refused. RFC 7009 section 2.1 has the server verify whether the token was issued to the client that asks,
# and if not, refuse the request and inform the client of the error.
# What happens: 200 with an empty body, as for a token that was revoked, and the token goes on working. With its own client it is
# revoked, by the same answer.
#
# For users of extauth: unlink() revokes with the client that the link was made with, also after another has taken its place, as
# long as its credentials are in the store; a link of a client that is not known here is never asked about, and says
# revoked=False. An application that revokes by itself must not take a 200 for more than that the request was read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0 httpx==0.28.1
cat > "$folder/revoke.py" <<'PY'
import asyncio, sys
from importlib.metadata import version

import httpx
from mcp.server.auth.provider import RefreshToken
from mcp.server.auth.routes import create_auth_routes
from mcp.server.auth.settings import RevocationOptions
from mcp.shared.auth import OAuthClientInformationFull
from pydantic import AnyHttpUrl
from starlette.applications import Starlette

SERVER = "http://127.0.0.1:8000"


class Storage:
    """What the SDK leaves to the application, as far as revocation asks for it: two clients, a token of the first."""

    def __init__(self):
        callback = [AnyHttpUrl(SERVER + "/callback")]
        self.clients = {
            name: OAuthClientInformationFull(
                client_id=name,
                client_secret="of-" + name,
                redirect_uris=callback,
                token_endpoint_auth_method="client_secret_post",
            )
            for name in ("first", "second")
        }
        self.refresh = {"token": RefreshToken(token="token", client_id="first", scopes=[])}

    async def get_client(self, client_id):
        return self.clients.get(client_id)

    async def load_access_token(self, token):
        return None

    async def load_refresh_token(self, client, token):
        return self.refresh.get(token)

    async def revoke_token(self, token):
        del self.refresh[token.token]


async def main():
    storage = Storage()
    routes = create_auth_routes(storage, AnyHttpUrl(SERVER), revocation_options=RevocationOptions(enabled=True))
    seen = []
    transport = httpx.ASGITransport(Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url=SERVER) as http:
        for name in ("second", "first"):
            form = {"token": "token", "client_id": name, "client_secret": "of-" + name}
            answer = await http.post("/revoke", data=form)
            seen.append((answer.status_code, answer.text, "token" in storage.refresh))
            print(f"revoked by the {name} client: {answer.status_code} {answer.text!r}, the token is there: {seen[-1][2]}")
    return seen


print("mcp", version("mcp"), "Python", sys.version.split()[0])
sys.exit(asyncio.run(main()) != [(200, "", True), (200, "", False)])
PY
timeout 60 "$folder/venv/bin/python" "$folder/revoke.py"
