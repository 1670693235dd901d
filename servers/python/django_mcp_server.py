"""django-mcp-oauth, wired as its guide has it: ``django_mcp_server.py PORT REDIRECT_URI``."""

from __future__ import annotations

import json
import os
import sys

from django.http import HttpResponse, JsonResponse
from django.urls import path
from django_site import new_key, serve, set_up

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback
PORT, REDIRECT_URI = sys.argv[1:]
CLIENT_ID, SECRET = "an-application", "of-this-run-only"
BASE = f"http://127.0.0.1:{PORT}"


def me(request):
    """The resource server's side, as the guide has it."""
    from django_mcp_oauth.resource import user_from_bearer
    from django_mcp_oauth.validation import TokenError

    try:
        user, _ = user_from_bearer(request.headers["Authorization"].removeprefix("Bearer "))
    except TokenError:
        return HttpResponse(status=401)
    return JsonResponse({"sub": user.username})


if __name__ == "__main__":
    sys.modules["django_mcp_server"] = sys.modules["__main__"]
    set_up(
        "django_mcp_server",
        ["django_mcp_oauth"],
        MCP_OAUTH_ISSUER=BASE,
        MCP_RESOURCE_URL=f"{BASE}/mcp",
        MCP_OAUTH_PRIVATE_KEY=new_key(),
    )
    from django_mcp_oauth.models import OAuth2Client, hash_client_secret
    from django_mcp_oauth.urls import urlpatterns as theirs

    urlpatterns = [*theirs, path("me", me)]
    client = OAuth2Client(client_id=CLIENT_ID, client_secret=hash_client_secret(SECRET))
    client.set_client_metadata(
        {
            "redirect_uris": [REDIRECT_URI],
            "scope": "mcp more",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
        }
    )
    client.save()
    said = {
        "authorize_url": f"{BASE}/oauth/authorize",
        "token_url": f"{BASE}/oauth/token",
        "api_url": f"{BASE}/me",
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "scopes": ["mcp", "more"],
        "typed": {"confirm": "yes"},
    }
    print(json.dumps(said), flush=True)
    serve(PORT)
