"""NanoIDP with the configuration of its guide: ``nanoidp_server.py PORT REDIRECT_URI``."""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from pathlib import Path

import yaml
from nanoidp.app import run_app

PORT, REDIRECT_URI = sys.argv[1:]
CLIENT_ID, SECRET = "an-application", "of-this-run-only"
BASE = f"http://127.0.0.1:{PORT}"

if __name__ == "__main__":
    folder = tempfile.TemporaryDirectory()
    client = {"client_id": CLIENT_ID, "client_secret": SECRET, "redirect_uris": [REDIRECT_URI]}
    configuration = {
        "settings": {
            "config_version": 1,
            "server": {"host": "127.0.0.1", "port": int(PORT)},
            "oauth": {"issuer": BASE, "audience": "an-api", "clients": [client]},
        },
        "users": {
            "config_version": 1,
            "users": {"alice": {"password": SECRET, "email": "alice@app.example", "roles": ["USER"]}},
        },
    }
    for name, content in configuration.items():
        (Path(folder.name) / f"{name}.yaml").write_text(yaml.safe_dump(content))
    said = {
        "authorize_url": f"{BASE}/authorize",
        "token_url": f"{BASE}/token",
        "revoke_url": f"{BASE}/revoke",
        "api_url": f"{BASE}/userinfo",
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "scopes": ["openid", "offline_access", "profile", "email"],
        "issuer": BASE,
        "openid": True,
        "typed": {"username": "alice", "password": SECRET},
    }
    print(json.dumps(said), flush=True)
    logging.disable()
    os.chdir(folder.name)  # where it makes its keys
    run_app("127.0.0.1", int(PORT), config_dir=folder.name)
