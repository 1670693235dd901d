"""An authorization server that this project did not write, with everything it has switched on.

``python -m tests.peer.site FOLDER`` serves django-oauth-toolkit over loopback and says on its standard output
where, and with which clients: authorization code with PKCE, rotation that detects reuse, revocation, the
device flow, OpenID Connect, RFC 8414 metadata with RFC 9207's ``iss``, and open client registration.

It ends when its standard input does, that is, with whoever started it.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
from pathlib import Path

import django
from cheroot import wsgi
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.core.management import call_command

CALLBACK = "http://127.0.0.1:9/callback"
"""Nothing listens there: the browser of the tests stops before it goes."""

_LOGIN = "<form method=post>{% csrf_token %}{{ form.as_p }}<button type=submit>Sign in</button></form>"


def _new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def configure(folder: Path, url: str) -> None:
    """Set Django up as its documentation and the toolkit's say."""
    # oauthlib insists on https elsewhere than in tests.
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    settings.configure(
        SECRET_KEY=secrets.token_hex(),
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="tests.peer.urls",
        USE_TZ=True,
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.middleware.common.CommonMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "context_processors": ["django.template.context_processors.request"],
                    "loaders": [
                        ("django.template.loaders.locmem.Loader", {"registration/login.html": _LOGIN}),
                        "django.template.loaders.app_directories.Loader",
                    ],
                },
            }
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "site.db",
                "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
            }
        },
        # Tables straight from the models: the history of the schema is not what is tested.
        MIGRATION_MODULES=dict.fromkeys(("contenttypes", "auth", "sessions", "oauth2_provider")),
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # quick, and nobody's password
        LOGIN_URL="/accounts/login/",
        OAUTH2_PROVIDER={
            "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
            "ROTATE_REFRESH_TOKEN": True,
            "REFRESH_TOKEN_REUSE_PROTECTION": True,
            "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0,
            "PKCE_REQUIRED": True,
            "SCOPES": {"openid": "Who you are", "profile": "Your name", "read": "Read", "write": "Write"},
            "DEFAULT_SCOPES": ["read"],
            "OIDC_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": _new_key(),
            "OAUTH2_VALIDATOR_CLASS": "tests.peer.claims.NamedValidator",
            "DCR_ENABLED": True,
            "DCR_REGISTRATION_PERMISSION_CLASSES": ("oauth2_provider.dcr.AllowAllDCRPermission",),
            "DEVICE_FLOW_INTERVAL": 1,  # in seconds; the shortest it takes
            "OAUTH_DEVICE_VERIFICATION_URI": f"{url}/device/",
            "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
            "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
        },
        LOGGING={
            "version": 1,
            "loggers": {"django.request": {"handlers": ["stderr"], "level": "ERROR"}},
            "handlers": {"stderr": {"class": "logging.StreamHandler"}},
        },
    )
    django.setup()


def populate() -> dict[str, str]:
    """Make the tables, two people and the clients; return what a client must know."""
    from django.contrib.auth.models import User
    from oauth2_provider.models import Application

    call_command("migrate", run_syncdb=True, verbosity=0)
    password, secret = secrets.token_hex(), secrets.token_hex()
    for name in ("alice", "bob"):
        User.objects.create_user(name, password=password, first_name=name.title())
    Application.objects.create(
        name="Web",
        client_id="web",
        client_secret=secret,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris=CALLBACK,
        algorithm=Application.RS256_ALGORITHM,
    )
    Application.objects.create(
        name="Television",
        client_id="television",
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_DEVICE_CODE,
    )
    return {
        "client_id": "web",
        "client_secret": secret,
        "device_client_id": "television",
        "password": password,
    }


def serve(folder: Path) -> None:
    """Serve until the standard input ends."""
    from django.core.wsgi import get_wsgi_application

    # Bound first, since the site must know where it is.
    server = wsgi.Server(("127.0.0.1", 0), None, numthreads=4)
    server.prepare()
    url = f"http://127.0.0.1:{server.bind_addr[1]}"
    configure(folder, url)
    told = populate()
    server.wsgi_app = get_wsgi_application()
    threading.Thread(target=server.serve, daemon=True).start()
    print(json.dumps({**told, "url": url}), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
