"""Glewlwyd of Debian with its OpenID Connect plugin: ``glewlwyd_server.py PORT REDIRECT_URI [one-use]``.

Its pages are an application of their own over its API; here is one that signs everybody in as alice.
With ``one-use`` a refresh token works once, and each refresh gives another.
"""

from __future__ import annotations

import json
import secrets
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PORT, REDIRECT_URI, *MORE = sys.argv[1:]
BASE = f"http://127.0.0.1:{PORT}"
CLIENT_ID, SECRET = "an-application", "of-this-run-only"
SCOPES = ["openid", "read", "write"]
TABLES = Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
MODULES = "/usr/lib/glewlwyd"

CONFIGURATION = """
port={port}
bind_address="127.0.0.1"
external_url="{pages}"
login_url="login"
api_prefix="api"
log_mode="file"
log_level="NONE"
log_file="{folder}/log"
cookie_secure=0
session_expiration=2419200
session_key="GLEWLWYD2_SESSION_ID"
admin_session_authentication="cookie"
profile_session_authentication="cookie"
login_api_enabled=true
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="{modules}/user"
client_module_path="{modules}/client"
user_auth_scheme_module_path="{modules}/scheme"
plugin_module_path="{modules}/plugin"
hash_algorithm="SHA512"
database={{ type="sqlite3"; path="{folder}/db"; }};
"""
PLUGIN = {
    "iss": f"{BASE}/api/oidc",
    "jwt-type": "sha",
    "jwt-key-size": "256",
    "key": secrets.token_hex(),
    "access-token-duration": 3600,
    "refresh-token-duration": 1209600,
    "code-duration": 600,
    "refresh-token-rolling": True,
    "refresh-token-one-use": "always" if "one-use" in MORE else "never",
    "allow-non-oidc": True,
    "auth-type-code-enabled": True,
    "auth-type-refresh-enabled": True,
    "pkce-allowed": True,
    "introspection-revocation-allowed": True,
    "introspection-revocation-allow-target-client": True,
    "scope": [{"name": name, "refresh-token-rolling": True} for name in SCOPES],
    "allowed-scope": SCOPES,
}


class Session:
    """One who is signed in, or will be."""

    def __init__(self):
        self.cookie = ""

    def ask(self, path, content, method="POST"):
        headers = {"Content-Type": "application/json", "Cookie": self.cookie}
        request = urllib.request.Request(
            f"{BASE}/api/{path}", json.dumps(content).encode(), headers, method=method
        )
        with urllib.request.urlopen(request) as answer:
            return answer.headers.get("Set-Cookie", "")

    def sign_in(self, username, password):
        said = self.ask("auth/", {"username": username, "password": password})
        self.cookie = said.partition(";")[0]
        return said


class Pages(BaseHTTPRequestHandler):
    def do_GET(self):
        onward = urlsplit(parse_qs(urlsplit(self.path).query)["callback_url"][0])
        self.send_response(302)
        self.send_header("Set-Cookie", Session().sign_in("alice", SECRET))
        self.send_header("Location", f"{BASE}{onward.path}?{onward.query}&g_continue")
        self.end_headers()

    def log_message(self, *_):
        pass


def populate():
    """Let the administrator make all that there is, and alice say yes to the application once."""
    admin = Session()
    for _ in range(100):
        try:
            admin.sign_in("admin", "password")
            break
        except urllib.error.URLError:
            time.sleep(0.1)
    for name in SCOPES[1:]:
        admin.ask("scope/", {"name": name, "display_name": name, "password_required": True, "scheme": {}})
    admin.ask("mod/plugin/", {"module": "oidc", "name": "oidc", "display_name": "oidc", "parameters": PLUGIN})
    scopes = [*SCOPES, "g_profile"]
    admin.ask("user/", {"username": "alice", "password": SECRET, "scope": scopes, "enabled": True})
    client = {
        "client_id": CLIENT_ID,
        "name": "An application",
        "confidential": True,
        "client_secret": SECRET,
        "redirect_uri": [REDIRECT_URI],
        "authorization_type": ["code", "refresh_token"],
        "token_endpoint_auth_method": ["client_secret_basic"],
        "scope": [],
        "enabled": True,
    }
    admin.ask("client/", client)
    alice = Session()
    alice.sign_in("alice", SECRET)
    alice.ask(f"auth/grant/{CLIENT_ID}", {"scope": " ".join(SCOPES)}, "PUT")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    pages = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(f"{folder}/db")
        database.executescript(TABLES.read_text())
        database.close()
        at = f"http://127.0.0.1:{pages.server_port}"
        text = CONFIGURATION.format(port=PORT, pages=at, folder=folder, modules=MODULES)
        Path(folder, "conf").write_text(text)
        with subprocess.Popen(["glewlwyd", "--config-file", f"{folder}/conf"]) as process:
            try:
                populate()
                said = {
                    "authorize_url": f"{BASE}/api/oidc/auth",
                    "token_url": f"{BASE}/api/oidc/token",
                    "revoke_url": f"{BASE}/api/oidc/revoke",
                    "api_url": f"{BASE}/api/oidc/userinfo",
                    "client_id": CLIENT_ID,
                    "client_secret": SECRET,
                    "scopes": SCOPES,
                    "issuer": f"{BASE}/api/oidc",
                    "openid": True,
                    "names_wrong_secret": False,
                    "wrong_secret_spends": "one-use" in MORE,
                }
                print(json.dumps(said), flush=True)
                process.wait()
            finally:
                process.terminate()
