"""LemonLDAP::NG of Debian with its demonstration users: ``lemonldap_server.py PORT REDIRECT_URI``."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

PORT, REDIRECT_URI = sys.argv[1:]
BASE = f"http://127.0.0.1:{PORT}"
CLIENT_ID, SECRET = "an-application", "of-this-run-only"
PACKAGED = Path("/var/lib/lemonldap-ng/conf/lmConf-1.json")
PORTAL = "/usr/share/lemonldap-ng/portal"

SETTINGS = """[all]
logLevel = error
[configuration]
type = File
dirName = {folder}/conf
localStorage = Cache::FileCache
localStorageOptions = {{ 'namespace' => 'conf', 'cache_root' => '{folder}/cache' }}
[portal]
staticPrefix = /static
templateDir = {portal}/templates
languages = en
"""


def configured(folder):
    """Return the packaged configuration, with the provider switched on and a client."""
    key = rsa.generate_private_key(65537, 2048)
    name = "an-application"
    files = {"Directory": f"{folder}/sessions", "LockDirectory": f"{folder}/sessions/lock"}
    cache = {"namespace": "sessions", "default_expires_in": 600, "cache_root": f"{folder}/cache"}
    return json.loads(PACKAGED.read_text()) | {
        "cfgNum": 1,
        "portal": f"{BASE}/",
        "domain": "127.0.0.1",
        "key": secrets.token_hex(16),
        "globalStorageOptions": files,
        "persistentStorageOptions": files,
        "localSessionStorageOptions": cache,
        "issuerDBOpenIDConnectActivation": 1,
        "oidcServicePrivateKeySig": key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode(),
        "oidcServicePublicKeySig": key.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode(),
        "oidcServiceKeyIdSig": "a-key",
        "oidcServiceAllowAuthorizationCodeFlow": 1,
        "oidcRPMetaDataExportedVars": {name: {"email": "mail", "name": "cn"}},
        "oidcRPMetaDataOptions": {
            name: {
                "oidcRPMetaDataOptionsClientID": CLIENT_ID,
                "oidcRPMetaDataOptionsClientSecret": SECRET,
                "oidcRPMetaDataOptionsRedirectUris": REDIRECT_URI,
                "oidcRPMetaDataOptionsBypassConsent": 1,
                "oidcRPMetaDataOptionsIDTokenSignAlg": "RS256",
                "oidcRPMetaDataOptionsAllowOffline": 1,
                "oidcRPMetaDataOptionsRefreshToken": 1,
            }
        },
    }


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with tempfile.TemporaryDirectory() as folder:
        for each in ("conf", "cache", "sessions/lock"):
            Path(folder, each).mkdir(parents=True)
        Path(folder, "conf", "lmConf-1.json").write_text(json.dumps(configured(folder)))
        Path(folder, "ini").write_text(SETTINGS.format(folder=folder, portal=PORTAL))
        said = {
            "authorize_url": f"{BASE}/oauth2/authorize",
            "token_url": f"{BASE}/oauth2/token",
            "api_url": f"{BASE}/oauth2/userinfo",
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "scopes": ["openid", "offline_access", "profile", "email"],
            "issuer": f"{BASE}/",
            "openid": True,
            "typed": {"user": "dwho", "password": "dwho", "confirm": "1"},
        }
        command = [
            "plackup",
            "--host",
            "127.0.0.1",
            "--port",
            PORT,
            "--env",
            "deployment",
            "--access-log",
            "/dev/null",
        ]
        environment = {**os.environ, "LLNG_DEFAULTCONFFILE": f"{folder}/ini"}
        with subprocess.Popen([*command, f"{PORTAL}/htdocs/index.psgi"], env=environment) as process:
            try:
                print(json.dumps(said), flush=True)
                process.wait()
            finally:
                process.terminate()
