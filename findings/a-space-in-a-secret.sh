#!/usr/bin/env bash
# The authorization server of Authlib, and a client secret with a space in it, sent by HTTP Basic in three ways.
#
# RFC 6749 (section 2.3.1, appendix B) form-encodes the secret before it goes into the header, so that "open sesame" becomes
# "open+sesame". A form decoder reads "open%20sesame" the same.
#
# A good guess: a server either undoes the form encoding, and takes the first two, or does not, and takes the raw secret alone.
# What happens: it undoes percent signs only. The raw secret and "open%20sesame" are let in, and the one spelling that is
# refused, as invalid_client, is the RFC's own, "open+sesame".
#
# For users of extauth: nothing to do. It sends a space as %20, which both kinds of server read alike, and the other characters
# that differ (+ / = %) as percent signs too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check Authlib==1.9.10 Flask==3.1.3
cat > "$folder/space.py" <<'PY'
import base64, sys, threading, urllib.error, urllib.request
from importlib.metadata import version

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from flask import Flask
from werkzeug.serving import make_server

SECRET = "open sesame"


class Client(ClientMixin):
    client_id = "c"

    def get_client_id(self):
        return "c"

    def check_client_secret(self, secret):
        return secret == SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_grant_type(self, grant_type):
        return True

    def get_allowed_scope(self, scope):
        return ""


app = Flask(__name__)
server = AuthorizationServer(
    app, query_client=lambda client_id: Client() if client_id == "c" else None, save_token=lambda token, request: None
)
server.register_grant(ClientCredentialsGrant)
app.add_url_rule("/token", "token", server.create_token_response, methods=["POST"])

listening = make_server("127.0.0.1", 0, app)
threading.Thread(target=listening.serve_forever, daemon=True).start()


def ask(spelling):
    header = base64.b64encode(f"c:{spelling}".encode()).decode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{listening.port}/token",
        data=b"grant_type=client_credentials",
        headers={"Authorization": f"Basic {header}"},
    )
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as refused:
        return refused.code


print("Authlib", version("Authlib"))
seen = {spelling: ask(spelling) for spelling in ("open sesame", "open+sesame", "open%20sesame")}
for spelling, status in seen.items():
    print(f"{spelling:15} {status}")
listening.shutdown()
sys.exit(seen != {"open sesame": 200, "open+sesame": 401, "open%20sesame": 200})
PY
AUTHLIB_INSECURE_TRANSPORT=1 "$folder/venv/bin/python" "$folder/space.py" 2> "$folder/log" || { cat "$folder/log" >&2; exit 1; }
