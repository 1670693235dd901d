#!/usr/bin/env bash
# One call of refresh(), a server whose refresh tokens are for one use, and a gateway before it that loses one answer.
#
# The server rotates: each refresh token works once, and one that comes again ends the grant, as RFC 9700 (section 4.14.2)
# wants it for public clients. The first answer is replaced on its way back by the gateway's 503. All other answers arrive.
#
# A good guess: a refresh is a POST that must not be repeated blindly, so each client reports the 503, and the application
# decides.
# What happens: google-auth presents the same refresh token again, by itself, up to three times in one call. The second time
# the server sees a stolen token and ends the grant, and the caller reads invalid_grant instead of 503: an outage looks like a
# user who has withdrawn. Authlib and requests-oauthlib ask once. requests-oauthlib calls the 503 a missing token.
#
# For users of extauth: it doesn't present a refresh token again after a 5xx while the access token works, and afterwards
# once, or at once where the provider tolerates it. Google's own tokens stay the same, so google-auth is right for Google; do
# not use its Credentials for other providers, nor beside extauth for the same grant.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    Authlib==1.9.10 google-auth==2.63.0 requests==2.34.2 requests-oauthlib==2.0.0
cat > "$folder/presented.py" <<'PY'
import http.server, json, os, sys, threading, urllib.parse
from importlib.metadata import version

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials
from requests_oauthlib import OAuth2Session


class Rotating:
    """The server behind the gateway: which token is good, which were used, and what came."""

    def __init__(self):
        self.good, self.used, self.presented = "token-0", set(), []

    def refresh(self, token):
        self.presented.append(token)
        if token in self.used:
            self.good = None
        if token != self.good:
            return 400, {"error": "invalid_grant"}
        self.used.add(token)
        self.good = f"token-{len(self.used)}"
        return 200, {"access_token": "new", "token_type": "Bearer", "expires_in": 3600, "refresh_token": self.good}


class Gateway(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        status, answer = rotating.refresh(form["refresh_token"])
        if len(rotating.presented) == 1:
            status, answer = 503, {}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


gateway = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
threading.Thread(target=gateway.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{gateway.server_port}/token"
OLD = {"access_token": "old", "refresh_token": "token-0", "token_type": "Bearer", "expires_at": 1}


def google_auth():
    Credentials(None, refresh_token="token-0", token_uri=url, client_id="c", client_secret="s").refresh(Request())


def authlib():
    AuthlibSession("c", "s", token=OLD).refresh_token(url)


def requests_oauthlib():
    OAuth2Session("c", token=OLD).refresh_token(url, client_id="c", client_secret="s")


print(*(f"{name} {version(name)}," for name in ("Authlib", "google-auth", "requests-oauthlib")), "Python", sys.version.split()[0])
seen = {}
for client in (authlib, requests_oauthlib, google_auth):
    rotating = Rotating()
    try:
        client()
    except Exception as error:
        reported = f"{type(error).__name__}: {error}"
    alive = rotating.good is not None
    seen[client.__name__] = (len(rotating.presented), alive, "invalid_grant" in reported)
    print(f"{client.__name__:18} presented {len(rotating.presented)} times, grant alive: {alive}, reported: {reported[:60]}")
once = (1, True, False)
sys.exit(seen != {"authlib": once, "requests_oauthlib": once, "google_auth": (2, False, True)})
PY
timeout 60 "$folder/venv/bin/python" -W ignore "$folder/presented.py"
