"""Authlib's server on Flask, wired as its guide has it: ``authlib_server.py PORT REDIRECT_URI [rotating]``.

With ``rotating`` the refresh grant has ``INCLUDE_NEW_REFRESH_TOKEN``, which it has not by itself.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants, scope_to_list
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from flask import Flask, jsonify

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback
PORT, REDIRECT_URI, *MORE = sys.argv[1:]
CLIENT_ID, SECRET = "an-application", "of-this-run-only"
CODES: dict[str, Code] = {}
TOKENS: list[Token] = []


class Client(ClientMixin):
    def get_client_id(self):
        return CLIENT_ID

    def get_default_redirect_uri(self):
        return REDIRECT_URI

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == REDIRECT_URI

    def check_client_secret(self, client_secret):
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method in {"client_secret_basic", "client_secret_post"}

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type in {"authorization_code", "refresh_token"}


class Code:
    def __init__(self, redirect_uri, scope):
        self.redirect_uri, self.scope = redirect_uri, scope

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope


class Token(TokenMixin):
    def __init__(self, said):
        self.said, self.revoked, self.issued_at = said, False, time.time()

    def check_client(self, client):
        return True

    def get_scope(self):
        return self.said.get("scope", "")

    def get_expires_in(self):
        return self.said["expires_in"]

    def is_expired(self):
        return time.time() > self.issued_at + self.said["expires_in"]

    def is_revoked(self):
        return self.revoked

    def get_user(self):
        return "alice"

    def get_client(self):
        return CLIENT


CLIENT = Client()


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

    def save_authorization_code(self, code, request):
        CODES[code] = Code(request.payload.redirect_uri, request.payload.scope)

    def query_authorization_code(self, code, client):
        return CODES.get(code)

    def delete_authorization_code(self, authorization_code):
        for code in [code for code, kept in CODES.items() if kept is authorization_code]:
            del CODES[code]

    def authenticate_user(self, authorization_code):
        return "alice"


class RefreshTokenGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]
    INCLUDE_NEW_REFRESH_TOKEN = "rotating" in MORE

    def authenticate_refresh_token(self, refresh_token):
        found = [t for t in TOKENS if t.said.get("refresh_token") == refresh_token and not t.revoked]
        return found[0] if found else None

    def authenticate_user(self, credential):
        return "alice"

    def revoke_old_credential(self, credential):
        credential.revoked = True


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

    def query_token(self, token_string, token_type_hint):
        held = [t for t in TOKENS if token_string in {t.said["access_token"], t.said.get("refresh_token")}]
        return held[0] if held else None

    def revoke_token(self, token, request):
        token.revoked = True


class Bearer(BearerTokenValidator):
    def authenticate_token(self, token_string):
        return next((t for t in TOKENS if t.said["access_token"] == token_string), None)


logging.getLogger("werkzeug").disabled = True
app = Flask(__name__)
app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
server = AuthorizationServer(
    app,
    query_client=lambda client_id: CLIENT if client_id == CLIENT_ID else None,
    save_token=lambda token, request: TOKENS.append(Token(dict(token))),
)
server.register_grant(AuthorizationCodeGrant)
server.register_grant(RefreshTokenGrant)
server.register_endpoint(Revocation)
protected = ResourceProtector()
protected.register_token_validator(Bearer())


@app.get("/authorize")
def authorize():
    """Everybody is signed in as alice, and says yes."""
    grant = server.get_consent_grant(end_user="alice")
    assert scope_to_list(grant.request.payload.scope) is not None
    return server.create_authorization_response(grant=grant, grant_user="alice")


@app.post("/token")
def token():
    return server.create_token_response()


@app.post("/revoke")
def revoke():
    return server.create_endpoint_response("revocation")


@app.get("/me")
@protected()
def me():
    return jsonify(sub="alice")


if __name__ == "__main__":
    base = f"http://127.0.0.1:{PORT}"
    urls = {
        name: f"{base}/{path}"
        for name, path in {
            "authorize_url": "authorize",
            "token_url": "token",
            "revoke_url": "revoke",
            "api_url": "me",
        }.items()
    }
    print(
        json.dumps({**urls, "client_id": CLIENT_ID, "client_secret": SECRET, "scopes": ["read", "write"]}),
        flush=True,
    )
    app.run("127.0.0.1", int(PORT), threaded=True)
