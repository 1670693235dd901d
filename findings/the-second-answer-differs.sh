#!/usr/bin/env bash
# A server made with Authlib after its guide: what the first token answer says, and what the answer to a refresh says.
#
# The refresh grant is the guide's: find the token, find the user, and mark the old token as revoked. Refresh tokens are
# switched on with OAUTH2_REFRESH_TOKEN_GENERATOR = True. Nothing else is configured.
#
# A good guess: both answers look alike: the same lifetime, and a new refresh token, since the old one is revoked.
# What happens: the first access token lives 864000 seconds and all later ones 3600, because the default lifetime goes by
# grant type. The refresh answer has no refresh token (that is INCLUDE_NEW_REFRESH_TOKEN, off as it comes), which by RFC 6749
# says "keep the old one". But the old one is revoked, so the second refresh is invalid_grant: users drop out an hour after
# the first refresh, ten days in.
#
# For users of extauth: lifetimes are read from each answer, so the first is harmless. The second is not to be mended from
# outside: such a link ends in ReauthorizationRequired. A test of a provider should refresh twice; if the server is yours, set
# INCLUDE_NEW_REFRESH_TOKEN = True.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check Authlib==1.9.10 Flask==3.1.3
cat > "$folder/answers.py" <<'PY'
import base64, os, sys
from importlib.metadata import version

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import grants
from flask import Flask

BASIC = {"Authorization": "Basic " + base64.b64encode(b"c:s").decode()}


class Client:
    client_id = "c"

    def check_client_secret(self, secret):
        return secret == "s"

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_grant_type(self, grant_type):
        return True

    def get_allowed_scope(self, scope):
        return scope or ""


class Token(dict):
    revoked = False

    def check_client(self, client):
        return True

    def get_scope(self):
        return self.get("scope", "")

    def get_expires_in(self):
        return self["expires_in"]


def serve(include):
    """Answer the token endpoint to a first request, a refresh, and another refresh."""
    issued = {}

    class Password(grants.ResourceOwnerPasswordCredentialsGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]

        def authenticate_user(self, username, password):
            return username

    class Refresh(grants.RefreshTokenGrant):
        INCLUDE_NEW_REFRESH_TOKEN = include

        def authenticate_refresh_token(self, refresh_token):
            token = issued.get(refresh_token)
            return token if token is not None and not token.revoked else None

        def authenticate_user(self, token):
            return "alice"

        def revoke_old_credential(self, token):
            token.revoked = True

    app = Flask(__name__)
    app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
    server = AuthorizationServer(
        app,
        query_client=lambda client_id: Client(),
        save_token=lambda token, request: issued.update({token.get("refresh_token"): Token(token)}),
    )
    server.register_grant(Password)
    server.register_grant(Refresh)
    app.post("/token")(server.create_token_response)
    http = app.test_client()

    def ask(**form):
        return http.post("/token", data=form, headers=BASIC).json

    first = ask(grant_type="password", username="alice", password="any")
    second = ask(grant_type="refresh_token", refresh_token=first["refresh_token"])
    newest = second.get("refresh_token", first["refresh_token"])
    third = ask(grant_type="refresh_token", refresh_token=newest)
    return [(answer.get("expires_in"), "refresh_token" in answer, answer.get("error")) for answer in (first, second, third)]


print("Authlib", version("Authlib"), "Flask", version("Flask"), "Python", sys.version.split()[0])
seen = {include: serve(include) for include in (False, True)}
for include, answers in seen.items():
    print(f"INCLUDE_NEW_REFRESH_TOKEN = {include}")
    for name, (lifetime, refreshable, error) in zip(("first answer", "a refresh", "another"), answers):
        print(f"  {name:13} expires_in {lifetime}, refresh token: {refreshable}, error: {error}")
first = (864000, True, None)
as_it_comes = [first, (3600, False, None), (None, False, "invalid_grant")]
switched_on = [first, (3600, True, None), (3600, True, None)]
sys.exit(seen != {False: as_it_comes, True: switched_on})
PY
timeout 60 "$folder/venv/bin/python" -W ignore "$folder/answers.py"
