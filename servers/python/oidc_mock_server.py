"""oidc-provider-mock as its guide starts it, with a client: ``oidc_mock_server.py PORT REDIRECT_URI``."""

from __future__ import annotations

import json
import logging
import sys
import threading
import urllib.request

import oidc_provider_mock
from werkzeug.serving import make_server

PORT, REDIRECT_URI = sys.argv[1:]
BASE = f"http://127.0.0.1:{PORT}"

if __name__ == "__main__":
    logging.disable()
    app = oidc_provider_mock.app(require_client_registration=True)
    server = make_server("127.0.0.1", int(PORT), app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    request = urllib.request.Request(
        f"{BASE}/oauth2/clients",
        json.dumps({"redirect_uris": [REDIRECT_URI]}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        client = json.load(answer)
    said = {
        "authorize_url": f"{BASE}/oauth2/authorize",
        "token_url": f"{BASE}/oauth2/token",
        "api_url": f"{BASE}/userinfo",
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "scopes": ["openid", "profile", "email"],
        "issuer": BASE,
        "openid": True,
        "typed": {"sub": "alice"},
    }
    print(json.dumps(said), flush=True)
    threading.Event().wait()
