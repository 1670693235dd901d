#!/usr/bin/env bash
# Authlib and requests-oauthlib: an access token whose end is said as a date never expires.
#
# A provider answers a refresh as Square does, {"access_token": ..., "expires_at": "2026-01-02T03:04:05Z", "refresh_token": ...},
# without expires_in. The token is over. Both clients are set up to refresh by themselves.
#
# A good guess: the date is read, or the answer is refused. A number in the same place is read by both, and they refresh.
# What happens: nothing is said. The text stays in the token, counts as "no known end", and the dead token is sent to the API.
#
# For users of extauth: `expires_at` is read as a number and as a date and time, at every provider, and one without an offset
# is UTC. A link whose `tokens.expires_at` is None has no known end: its token is handed out until an API refuses it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    Authlib==1.9.10 oauthlib==4.0.1 requests-oauthlib==2.0.0 requests==2.34.2
cat > "$folder/date.py" <<'PY'
import json, os, sys, threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from requests_oauthlib import OAuth2Session as OAuthlibSession

CLIENT = {"client_id": "c", "client_secret": "s"}


class Provider(BaseHTTPRequestHandler):
    """The first token that it gives is over already, those after it are good for an hour."""

    form, seen = "", []

    def log_message(self, *args):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        end = datetime.now(timezone.utc) + timedelta(hours=1 if self.seen else -1)
        said = end.strftime("%Y-%m-%dT%H:%M:%SZ") if self.form == "date" else int(end.timestamp())
        token = "good" if self.seen else "over"
        self.seen.append("refresh")
        self.reply({"access_token": token, "token_type": "bearer", "refresh_token": "rt", "expires_at": said})

    def do_GET(self):
        self.seen.append(f"API called with {self.headers['Authorization']}")
        self.reply({})

    def reply(self, members):
        body = json.dumps(members).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"


def authlib():
    with AuthlibSession("c", "s", token_endpoint=url, token_endpoint_auth_method="client_secret_post") as session:
        session.refresh_token(url, refresh_token="rt")
        session.get(url)


def requests_oauthlib():
    options = {"auto_refresh_url": url, "auto_refresh_kwargs": CLIENT, "token_updater": lambda token: None}
    with OAuthlibSession("c", **options) as session:
        session.refresh_token(url, refresh_token="rt", **CLIENT)
        session.get(url)


print(*(f"{name} {version(name)}" for name in ("Authlib", "oauthlib", "requests-oauthlib")), "Python", sys.version.split()[0])
found = {}
for Provider.form in ("number", "date"):
    for client in (authlib, requests_oauthlib):
        Provider.seen.clear()
        client()
        found[Provider.form, client.__name__] = Provider.seen[1:]
        print(f"expires_at is a {Provider.form}, an hour ago: {client.__name__:17}", *Provider.seen[1:], sep=" | ")
refreshed = ["refresh", "API called with Bearer good"]
dead = ["API called with Bearer over"]
expected = {("number", name): refreshed for name in ("authlib", "requests_oauthlib")}
expected |= {("date", name): dead for name in ("authlib", "requests_oauthlib")}
sys.exit(found != expected)
PY
timeout 60 "$folder/venv/bin/python" -W ignore "$folder/date.py"
