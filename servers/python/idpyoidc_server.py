"""idpyoidc's provider on Flask, as its examples have it: ``idpyoidc_server.py PORT REDIRECT_URI [revoking]``.

With ``revoking`` a refresh revokes the refresh token that it was asked with, which it does not by itself.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile

import flask
from cryptojwt.key_jar import init_key_jar
from idpyoidc.message.oauth2 import ResponseMessage
from idpyoidc.server import Server
from idpyoidc.server.configure import OPConfiguration
from idpyoidc.server.oauth2.token_revocation import TokenRevocation
from idpyoidc.server.oidc.authorization import Authorization
from idpyoidc.server.oidc.token import Token
from idpyoidc.server.oidc.userinfo import UserInfo as UserInfoEndpoint
from idpyoidc.server.user_authn.authn_context import UNSPECIFIED
from idpyoidc.server.user_authn.user import NoAuthn
from idpyoidc.server.user_info import UserInfo

PORT, REDIRECT_URI, *MORE = sys.argv[1:]
CLIENT_ID, SECRET = "an-application", "of-this-run-only"
BASE = f"http://127.0.0.1:{PORT}"
SCOPES = ["openid", "offline_access", "profile", "email"]
KEYS = [{"type": "RSA", "use": ["sig"]}, {"type": "EC", "crv": "P-256", "use": ["sig"]}]
BASIC = {"client_authn_method": ["client_secret_basic"]}
MINTING = {"supports_minting": ["access_token", "refresh_token", "id_token"]}

app = flask.Flask(__name__)


def provider():
    configuration = {
        "issuer": BASE,
        "httpc_params": {"verify": False},
        "key_conf": {"key_defs": KEYS},
        "preference": {"grant_types_supported": ["authorization_code", "refresh_token"]},
        "endpoint": {
            "authorization": {"path": "authorization", "class": Authorization, "kwargs": {}},
            "token": {
                "path": "token",
                "class": Token,
                "kwargs": {**BASIC, "revoke_refresh_on_issue": "revoking" in MORE},
            },
            "userinfo": {
                "path": "userinfo",
                "class": UserInfoEndpoint,
                "kwargs": {"client_authn_method": ["bearer_header"]},
            },
            "revocation": {"path": "revocation", "class": TokenRevocation, "kwargs": BASIC},
        },
        "authz": {
            "class": "idpyoidc.server.authz.AuthzHandling",
            "kwargs": {
                "grant_config": {
                    "usage_rules": {
                        "authorization_code": {**MINTING, "max_usage": 1, "expires_in": 120},
                        "access_token": {"expires_in": 3600},
                        "refresh_token": {**MINTING, "expires_in": 86400},
                    },
                    "expires_in": 2592000,
                }
            },
        },
        "token_handler_args": {
            "key_conf": {"key_defs": [{"type": "OCT", "use": ["enc"], "kid": "code", "bytes": 24}]},
            "code": {"lifetime": 600},
            "token": {"class": "idpyoidc.server.token.jwt_token.JWTToken", "kwargs": {"lifetime": 3600}},
            "refresh": {"class": "idpyoidc.server.token.jwt_token.JWTToken", "kwargs": {"lifetime": 86400}},
            "id_token": {"class": "idpyoidc.server.token.id_token.IDToken", "kwargs": {}},
        },
        "authentication": {
            "anon": {"acr": UNSPECIFIED, "class": NoAuthn, "kwargs": {"user": "alice"}},
        },
        "userinfo": {"class": UserInfo, "kwargs": {"db": {"alice": {"name": "Alice"}}}},
        "add_on": {
            "pkce": {
                "function": "idpyoidc.server.oauth2.add_on.pkce.add_support",
                "kwargs": {"essential": False, "code_challenge_method": "S256"},
            },
        },
        "session_params": {
            "encrypter": {
                "kwargs": {
                    "keys": {
                        "key_defs": [
                            {"type": "OCT", "use": ["enc"], "kid": "password"},
                            {"type": "OCT", "use": ["enc"], "kid": "salt"},
                        ]
                    },
                    "iterations": 1,
                }
            }
        },
    }
    server = Server(
        OPConfiguration(configuration, base_path="."),
        keyjar=init_key_jar(key_defs=KEYS, issuer_id=BASE),
    )
    server.context.cdb[CLIENT_ID] = {
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "redirect_uris": [(REDIRECT_URI, {})],
        "token_endpoint_auth_method": "client_secret_basic",
        "response_types_supported": ["code"],
        "response_types": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "allowed_scopes": SCOPES,
    }
    server.keyjar.add_symmetric(CLIENT_ID, SECRET)
    return server


def answer(name, asked):
    endpoint = SERVER.get_endpoint(name)
    http_info = {
        "headers": {key.lower(): value for key, value in flask.request.headers.items()},
        "method": flask.request.method,
        "url": flask.request.url,
        "cookie": [],
    }
    try:
        request = endpoint.parse_request(asked, http_info=http_info)
    except Exception as error:  # noqa: BLE001 - as the example has it
        return flask.Response(json.dumps({"error": "invalid_request", "error_description": str(error)}), 400)
    if isinstance(request, ResponseMessage) and "error" in request:
        return flask.Response(request.to_json(), 400, content_type="application/json")
    done = endpoint.process_request(request, http_info=http_info)
    if isinstance(done, ResponseMessage) and "error" in done:
        return flask.Response(done.to_json(), 400, content_type="application/json")
    if "error" in done:
        return flask.Response(json.dumps({"error": done["error"]}), 400, content_type="application/json")
    told = endpoint.do_response(request=request, **done)
    if name == "authorization":
        return flask.redirect(told["response"])
    return flask.Response(told["response"], told.get("response_code", 200), told["http_headers"])


@app.get("/authorization")
def authorization():
    return answer("authorization", flask.request.args.to_dict())


@app.post("/<any(token, revocation):name>")
def endpoint(name):
    return answer({"revocation": "token_revocation"}.get(name, name), flask.request.form.to_dict())


@app.get("/userinfo")
def userinfo():
    return answer("userinfo", {})


if __name__ == "__main__":
    folder = tempfile.TemporaryDirectory()
    os.chdir(folder.name)
    logging.disable()
    SERVER = provider()
    said = {
        "authorize_url": f"{BASE}/authorization",
        "token_url": f"{BASE}/token",
        "revoke_url": f"{BASE}/revocation",
        "api_url": f"{BASE}/userinfo",
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "scopes": SCOPES,
        "issuer": BASE,
        "openid": True,
        "names_wrong_secret": False,
    }
    print(json.dumps(said), flush=True)
    app.run("127.0.0.1", int(PORT), threaded=True)
