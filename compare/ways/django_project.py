"""A Django project with the tables of one of the packages, on the same Postgres."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.management import call_command

from compare.orders import Orders
from compare.ways.threads import Blocking

APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.sites",
]


class OnDjango(Blocking):
    """Tables are made by the packages' own migrations."""

    def __init__(self, orders: Orders, apps: list[str], **options: Any) -> None:
        super().__init__(orders)
        dsn = urlsplit(orders["dsn"])
        database = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": dsn.path.strip("/"),
            "USER": dsn.username,
            "HOST": dsn.hostname,
            "PORT": dsn.port,
            "CONN_MAX_AGE": None,
        }
        settings.configure(
            SECRET_KEY="compare",
            DATABASES={"default": database},
            INSTALLED_APPS=[*APPS, *apps],
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
            SITE_ID=1,
            USE_TZ=True,
            **options,
        )
        django.setup()

    def prepare(self) -> None:
        super().prepare()
        call_command("migrate", verbosity=0)

    def owner(self, user: str) -> Any:
        from django.contrib.auth.models import User

        return User.objects.get_or_create(username=user)[0]
