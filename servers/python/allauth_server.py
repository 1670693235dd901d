"""django-allauth's identity provider on a SQLite file: ``allauth_server.py PORT REDIRECT_URI``."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

PORT, REDIRECT_URI = sys.argv[1:]
CLIENT_ID, SECRET = "an-application", "of-this-run-only"
SCOPES = ["openid", "profile", "email"]


def signed_in(get_response):
    """Let everybody be signed in as alice."""

    def middleware(request):
        from django.contrib.auth import get_user_model

        request.user = get_user_model().objects.get(username="alice")
        return get_response(request)

    return middleware


class Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    folder = tempfile.TemporaryDirectory()
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    sys.modules["allauth_server"] = sys.modules["__main__"]
    settings.configure(
        SECRET_KEY="of-this-run-only",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="allauth_server",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": Path(folder.name) / "db",
                "OPTIONS": {"timeout": 30},
            }
        },
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "allauth",
            "allauth.account",
            "allauth.idp.oidc",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "allauth.account.middleware.AccountMiddleware",
            "allauth_server.signed_in",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        CACHES={"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
        IDP_OIDC_PRIVATE_KEY=pem,
        IDP_OIDC_RATE_LIMITS={},
        USE_TZ=True,
        LOGGING_CONFIG=None,
    )
    django.setup()
    urlpatterns = [path("", include("allauth.idp.urls")), path("accounts/", include("allauth.urls"))]
    call_command("migrate", verbosity=0)
    from allauth.idp.oidc.models import Client
    from django.contrib.auth import get_user_model

    get_user_model().objects.create_user("alice", "alice@app.example")
    client = Client(id=CLIENT_ID, name="An application", skip_consent=True)
    client.set_secret(SECRET)
    client.set_scopes(SCOPES)
    client.set_redirect_uris([REDIRECT_URI])
    client.set_grant_types(["authorization_code", "refresh_token"])
    client.save()
    base = f"http://127.0.0.1:{PORT}"
    server = make_server("127.0.0.1", int(PORT), get_wsgi_application(), Threaded, Quiet)
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
    server.serve_forever()
