#!/usr/bin/env bash
# A client of the MCP Python SDK starts again with what its storage kept: an access token that is over, and a refresh token.
#
# The storage gives back exactly what the SDK gave it: a token with `expires_in`, and the client's registration. The server
# answers 401 to the old access token and would answer the refresh token with a new one.
#
# A good guess: the SDK sees that the token is over, or learns it from the 401, and uses the refresh token; that is what it is
# kept for.
# What happens: `expires_in` is seconds from an answer that nobody noted the time of, so a token that was read from a storage
# counts as good for ever. It is sent, and the 401 starts a whole new authorization: the user is sent to a browser. The refresh
# token is not presented at all. Within one process, where the SDK saw the answer, it is.
#
# For users of extauth: no TokenStorage is offered; `extauth.integrations.mcp` gives a session a token that works, whoever
# refreshed it and when. If you move over, the refresh tokens in such a storage may well be good.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0
cat > "$folder/restart.py" <<'PY'
import asyncio, http.server, json, logging, sys, threading
from importlib.metadata import version

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

CALLBACK = "http://127.0.0.1:9/callback"


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        good = self.headers.get("Authorization") == "Bearer new"
        self.answer(200 if good else 401 if self.path == "/mcp" else 404, {})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, {"access_token": "new", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "second"})

    def answer(self, status, members):
        came.append(f"{self.command} {self.path} {self.headers.get('Authorization', '')}".strip())
        body = json.dumps(members).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Storage:
    """What the process before this one stored, an hour ago and more."""

    async def get_tokens(self):
        return OAuthToken(access_token="old", refresh_token="first", expires_in=3600)

    async def set_tokens(self, tokens):
        pass

    async def get_client_info(self):
        return OAuthClientInformationFull(client_id="c", redirect_uris=[CALLBACK])

    async def set_client_info(self, client):
        pass


class AskedTheUser(Exception):
    pass


async def browser(url):
    raise AskedTheUser


async def callback():
    raise AskedTheUser


async def call(*, knows_the_time):
    """Make one call, by a client that has just started, or by one that saw the token come."""
    came.clear()
    metadata = OAuthClientMetadata(redirect_uris=[CALLBACK])
    auth = OAuthClientProvider(f"{url}/mcp", metadata, Storage(), browser, callback)
    if knows_the_time:
        await auth._initialize()
        auth.context.token_expiry_time = 1.0
    async with httpx2.AsyncClient(auth=auth) as http:
        try:
            outcome = (await http.get(f"{url}/mcp")).status_code
        except AskedTheUser:
            outcome = "the user is sent to a browser"
    print(f"started again: {not knows_the_time}; {outcome}; requests: {came}")
    return outcome, any(request.startswith("POST") for request in came)


came = []
logging.disable(logging.CRITICAL)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
print("mcp", version("mcp"), "Python", sys.version.split()[0])
same = asyncio.run(call(knows_the_time=True))
again = asyncio.run(call(knows_the_time=False))
sys.exit((same, again) != ((200, True), ("the user is sent to a browser", False)))
PY
timeout 60 "$folder/venv/bin/python" "$folder/restart.py"
