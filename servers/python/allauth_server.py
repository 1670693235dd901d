"""django-allauth's identity provider on a SQLite file: ``allauth_server.py PORT REDIRECT_URI``."""

from __future__ import annotations

import json
import sys

from django.urls import include, path
from django_site import new_key, serve, set_up

PORT, REDIRECT_URI = sys.argv[1:]
CLIENT_ID, SECRET = "an-application", "of-this-run-only"
SCOPES = ["openid", "profile", "email"]

if __name__ == "__main__":
    sys.modules["allauth_server"] = sys.modules["__main__"]
    set_up(
        "allauth_server",
        ["django.contrib.messages", "allauth", "allauth.account", "allauth.idp.oidc"],
        middleware=[
            "django.contrib.messages.middleware.MessageMiddleware",
            "allauth.account.middleware.AccountMiddleware",
        ],
        CACHES={"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
        IDP_OIDC_PRIVATE_KEY=new_key(),
        IDP_OIDC_RATE_LIMITS={},
    )
    from allauth.idp.oidc.models import Client

    urlpatterns = [path("", include("allauth.idp.urls")), path("accounts/", include("allauth.urls"))]
    client = Client(id=CLIENT_ID, name="An application", skip_consent=True)
    client.set_secret(SECRET)
    client.set_scopes(SCOPES)
    client.set_redirect_uris([REDIRECT_URI])
    client.set_grant_types(["authorization_code", "refresh_token"])
    client.save()
    base = f"http://127.0.0.1:{PORT}"
    said = {
        "authorize_url": f"{base}/identity/o/authorize",
        "token_url": f"{base}/identity/o/api/token",
        "revoke_url": f"{base}/identity/o/api/revoke",
        "api_url": f"{base}/identity/o/api/userinfo",
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "scopes": SCOPES,
    }
    print(json.dumps(said), flush=True)
    serve(PORT)
