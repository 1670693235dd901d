"""Canaille with its memory backend: ``canaille_server.py PORT REDIRECT_URI``."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend

PORT, REDIRECT_URI = sys.argv[1:]
CLIENT_ID, SECRET = "an-application", "of-this-run-only"
BASE = f"http://127.0.0.1:{PORT}"
SCOPES = ["openid", "profile", "email"]

if __name__ == "__main__":
    app = create_app(
        {
            "SECRET_KEY": SECRET,
            "SERVER_NAME": f"127.0.0.1:{PORT}",
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE_DATABASE": "memory",
            "CANAILLE": {"CAPTCHA_ENABLED": False},
            "CANAILLE_OIDC": {},
        }
    )
    with app.app_context():
        alice = models.User(
            user_name="alice", family_name="Alice", emails=["alice@app.example"], password=SECRET
        )
        client = models.Client(
            client_id=CLIENT_ID,
            client_secret=SECRET,
            client_name="An application",
            client_uri="https://app.example",
            redirect_uris=[REDIRECT_URI],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            scope=SCOPES,
            token_endpoint_auth_method="client_secret_basic",
            client_id_issued_at=datetime.now(UTC),
        )
        for each in (alice, client):
            Backend.instance.save(each)
        client.audience = [client]
        Backend.instance.save(client)
    said = {
        "authorize_url": f"{BASE}/oauth/authorize",
        "token_url": f"{BASE}/oauth/token",
        "revoke_url": f"{BASE}/oauth/revoke",
        "api_url": f"{BASE}/oauth/userinfo",
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "scopes": SCOPES,
        "issuer": BASE,
        "openid": True,
        "seconds_alike": 1,
        "typed": {"login": "alice", "password": SECRET, "answer": "accept"},
    }
    print(json.dumps(said), flush=True)
    logging.disable()
    app.run("127.0.0.1", int(PORT), threaded=True)
