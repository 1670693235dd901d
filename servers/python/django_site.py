"""What the Django servers here have in common: a site on a SQLite file where alice is signed in."""

from __future__ import annotations

import logging
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

FOLDER = tempfile.TemporaryDirectory()


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


def new_key():
    """Return a key for signing, as PEM text."""
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def set_up(urls, apps, *, middleware=(), **more):
    """Make the site of these apps, with alice."""
    logging.disable()
    settings.configure(
        SECRET_KEY="of-this-run-only",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=urls,
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": Path(FOLDER.name) / "db",
                "OPTIONS": {"timeout": 30},
            }
        },
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            *apps,
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            *middleware,
            "django_site.signed_in",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # quick, and nobody's
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        LOGGING_CONFIG=None,
        **more,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth import get_user_model

    return get_user_model().objects.create_user("alice", "alice@app.example")


def serve(port):
    make_server("127.0.0.1", int(port), get_wsgi_application(), Threaded, Quiet).serve_forever()
