"""django-oauth-toolkit with reuse protection: ``toolkit_server.py PORT REDIRECT_URI``."""

from __future__ import annotations

import json
import os
import sys

from django.http import JsonResponse
from django.urls import include, path
from django_site import serve, set_up

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback
PORT, REDIRECT_URI = sys.argv[1:]
CLIENT_ID, SECRET = "an-application", "of-this-run-only"
BASE = f"http://127.0.0.1:{PORT}"

if __name__ == "__main__":
    sys.modules["toolkit_server"] = sys.modules["__main__"]
    user = set_up(
        "toolkit_server",
        ["oauth2_provider"],
        OAUTH2_PROVIDER={
            "SCOPES": {"read": "Read", "write": "Write"},
            "REFRESH_TOKEN_REUSE_PROTECTION": True,
        },
    )
    from oauth2_provider.decorators import protected_resource
    from oauth2_provider.models import Application

    @protected_resource()
    def me(request):
        return JsonResponse({"sub": "alice"})

    urlpatterns = [path("o/", include("oauth2_provider.urls")), path("me", me)]
    Application.objects.create(
        name="An application",
        user=user,
        client_id=CLIENT_ID,
        client_secret=SECRET,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris=REDIRECT_URI,
        skip_authorization=True,
    )
    said = {
        "authorize_url": f"{BASE}/o/authorize/",
        "token_url": f"{BASE}/o/token/",
        "revoke_url": f"{BASE}/o/revoke_token/",
        "api_url": f"{BASE}/me",
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "scopes": ["read", "write"],
    }
    print(json.dumps(said), flush=True)
    serve(PORT)
