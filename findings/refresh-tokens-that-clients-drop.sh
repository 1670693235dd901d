#!/usr/bin/env bash
# A refresh is answered with a new access token and no new refresh token. Which client libraries can refresh a second time?
#
# RFC 6749 (section 6): a new refresh token is optional, and without one the old one stays. Servers say "without one" in three
# ways: they leave it out, or a serializer writes null or "". Four clients refresh twice against each; the server notes what
# they present.
#
# A good guess: all keep the old one; it is the common case with Google, Dropbox or Salesforce, and these are old libraries.
# What happens: simple-oauth2 drops it when it is left out, and presents an empty one the second time. At null or "" all four
# replace the old token by nothing, because what counts for them is that the key is there; the second request has no refresh
# token or an empty one, or is not sent.
#
# For users of extauth: an empty or null refresh token counts as none, and the old one is kept. If you bring tokens over from
# one of these libraries, look for rows whose refresh token is empty: the old one was good, and is gone. Those users must
# connect again.
set -euo pipefail
{ command -v node && command -v npm; } > /dev/null || { echo "this needs Node.js 20 or later with npm on the PATH" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --no-audit --no-fund --loglevel=error --prefix "$folder" simple-oauth2@5.1.0 > /dev/null
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check \
    Authlib==1.9.10 google-auth==2.63.0 requests==2.34.2 requests-oauthlib==2.0.0
cat > simple.mjs <<'JS'
import { AuthorizationCode } from "simple-oauth2";

const client = new AuthorizationCode({ client: { id: "c", secret: "s" }, auth: { tokenHost: process.argv[2], tokenPath: "/token" } });
let token = client.createToken({ access_token: "old", refresh_token: "first" });
token = await token.refresh();
await token.refresh().catch((error) => error);
JS
cat > clients.py <<'PY'
import http.server, json, os, subprocess, sys, threading, urllib.parse
from importlib.metadata import version

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials
from requests_oauthlib import OAuth2Session

presented = []


class TokenEndpoint(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True))
        presented.append(form.get("refresh_token"))
        body = json.dumps({"access_token": "new", "token_type": "Bearer", "expires_in": 3600, **how}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), TokenEndpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
url = base + "/token"
OLD = {"access_token": "old", "refresh_token": "first", "token_type": "Bearer", "expires_at": 1}


def google_auth():
    credentials = Credentials(None, refresh_token="first", token_uri=url, client_id="c", client_secret="s")
    credentials.refresh(Request())
    credentials.refresh(Request())


def authlib():
    session = AuthlibSession("c", "s", token=OLD)
    session.refresh_token(url)
    session.refresh_token(url)


def requests_oauthlib():
    session = OAuth2Session("c", token=OLD)
    session.refresh_token(url, client_id="c", client_secret="s")
    session.refresh_token(url, client_id="c", client_secret="s")


def simple_oauth2():
    subprocess.run(["node", "simple.mjs", base], check=False, capture_output=True, timeout=20)


python = [f"{name} {version(name)}," for name in ("Authlib", "google-auth", "requests-oauthlib")]
print(*python, "simple-oauth2 5.1.0, Python", sys.version.split()[0])
seen = {}
for name, how in {"left out": {}, "null": {"refresh_token": None}, '""': {"refresh_token": ""}}.items():
    for client in (authlib, google_auth, requests_oauthlib, simple_oauth2):
        presented.clear()
        note = ""
        try:
            client()
        except Exception as error:
            note = type(error).__name__
        seen[name, client.__name__] = presented == ["first", "first"]
        print(f"{name:9} {client.__name__:18} presents {presented} {note}")
expected = {(name, client): name == "left out" and client != "simple_oauth2" for name, client in seen}
sys.exit(seen != expected)
PY
timeout 80 venv/bin/python -W ignore clients.py
