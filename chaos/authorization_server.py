"""An authorization server that this project did not write: django-oauth-toolkit, rotating and strict.

``python -m chaos.authorization_server FOLDER SECONDS`` serves it over loopback, on Cheroot's threads, and
says where on its standard output. Access tokens last that many seconds. A refresh token that comes back after
its rotation revokes its whole family, with no grace period.

Its database is a SQLite file of its own, in WAL mode with a busy timeout and transactions that begin
IMMEDIATE: a restart of the store's Postgres must not look like a failure of the authorization server, and
the oracle can read the file without any server. One process with threads writes it.

It ends on SIGTERM, and when its standard input does, that is, with whoever started it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
from cheroot import wsgi
from django.conf import settings
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from chaos.wire import CLIENT_ID, DATABASE, GRANTS_PATH, RESOURCE_PATH, TOKEN_PATH

_THREADS = 8
_BUSY_TIMEOUT = 30


def configure(folder: Path, lifetime: int) -> None:
    """Set Django up, in its usual order of middleware less what only browsers need."""
    # oauthlib insists on https elsewhere than in tests.
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    settings.configure(
        SECRET_KEY=uuid.uuid4().hex,
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "oauth2_provider"],
        MIDDLEWARE=[
            "django.middleware.common.CommonMiddleware",  # gives replies a length
            "chaos.presentations.CountPresentations",
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / DATABASE,
                "CONN_MAX_AGE": None,
                "OPTIONS": {
                    "timeout": _BUSY_TIMEOUT,
                    "transaction_mode": "IMMEDIATE",
                    # No power is cut here, and what is committed outlives the process all the same.
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF",
                },
            }
        },
        # Tables straight from the models: the history of the schema is not what is tested.
        MIGRATION_MODULES={"contenttypes": None, "auth": None, "oauth2_provider": None},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        OAUTH2_PROVIDER={
            "ACCESS_TOKEN_EXPIRE_SECONDS": lifetime,
            "ROTATE_REFRESH_TOKEN": True,
            "REFRESH_TOKEN_REUSE_PROTECTION": True,
            "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0,
            "SCOPES": {"read": "Read"},
        },
        LOGGING={"version": 1, "root": {"level": "WARNING", "handlers": []}},
    )
    django.setup()


def make_client() -> str:
    """Make the tables and register the one client; return its secret."""
    from oauth2_provider.models import Application  # noqa: PLC0415 - after configure()

    from chaos.presentations import make_table  # noqa: PLC0415

    call_command("migrate", run_syncdb=True, verbosity=0)
    make_table()
    secret = uuid.uuid4().hex
    Application.objects.create(
        client_id=CLIENT_ID,
        client_secret=secret,
        hash_client_secret=False,  # else each exchange costs a slow password hash
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris="http://127.0.0.1/",
    )
    return secret


def new_grant(request: HttpRequest) -> HttpResponse:
    """Write a new grant for a user, as if he had just consented, and answer as the token endpoint does."""
    from django.contrib.auth.models import User  # noqa: PLC0415 - after configure()
    from django.db import transaction  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415
    from oauth2_provider.models import AccessToken, Application, RefreshToken  # noqa: PLC0415
    from oauthlib.common import generate_token  # noqa: PLC0415

    lifetime = settings.OAUTH2_PROVIDER["ACCESS_TOKEN_EXPIRE_SECONDS"]
    user, _ = User.objects.get_or_create(username=request.POST["user"])
    client = Application.objects.get(client_id=CLIENT_ID)
    with transaction.atomic():
        access = AccessToken.objects.create(
            user=user,
            application=client,
            token=generate_token(),
            scope="read",
            expires=timezone.now() + timedelta(seconds=lifetime),
        )
        refresh = RefreshToken.objects.create(
            user=user,
            application=client,
            token=generate_token(),
            access_token=access,
            token_family=uuid.uuid4(),
        )
    return JsonResponse(
        {"access_token": access.token, "refresh_token": refresh.token, "expires_in": lifetime}
    )


def resource(request: HttpRequest) -> HttpResponse:
    """Answer 200 to whoever brings an access token that works, and 403 to others."""
    from oauth2_provider.decorators import protected_resource  # noqa: PLC0415 - after configure()

    answer: HttpResponse = protected_resource(scopes=["read"])(lambda _: HttpResponse("ok"))(request)
    return answer


def token(request: HttpRequest) -> HttpResponse:
    """Pass on to the toolkit's token endpoint."""
    from oauth2_provider.views import TokenView  # noqa: PLC0415 - after configure()

    answer: HttpResponse = TokenView.as_view()(request)
    return answer


urlpatterns = [
    path(TOKEN_PATH[1:], token),
    path(RESOURCE_PATH[1:], resource),
    path(GRANTS_PATH[1:], new_grant),
]


def _set_at_end_of_input(ending: threading.Event) -> None:
    sys.stdin.read()
    ending.set()


def serve(folder: Path, lifetime: int) -> None:
    """Serve until told to end."""
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415 - after configure()

    configure(folder, lifetime)
    secret = make_client()
    application: Any = get_wsgi_application()
    server = wsgi.Server(("127.0.0.1", 0), application, numthreads=_THREADS, request_queue_size=128)
    server.prepare()
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    threading.Thread(target=_set_at_end_of_input, args=(ending,), daemon=True).start()
    threading.Thread(target=server.serve, daemon=True).start()
    print(json.dumps({"port": server.bind_addr[1], "client_secret": secret}), flush=True)
    ending.wait()
    server.stop()


if __name__ == "__main__":
    # Django imports this module by its name too; one of the two must do.
    from chaos import authorization_server

    authorization_server.serve(Path(sys.argv[1]), int(sys.argv[2]))
