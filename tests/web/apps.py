"""The same accounts in an application of each framework."""

from __future__ import annotations

import types
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import django
import httpx
import litestar.types
from aiohttp import DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.test import override_settings
from django.urls import include, path
from fastapi import FastAPI
from litestar import Litestar, asgi
from litestar.types import Receive, Scope
from multidict import CIMultiDict
from starlette.applications import Starlette
from starlette.routing import Mount
from yarl import URL

from extauth.web import aiohttp as for_aiohttp
from extauth.web import django as for_django
from extauth.web import starlette as for_starlette
from extauth.web.mounted import Mounted
from tests.web.visitor import ORIGIN, Reply, Send

CSRF = "django.middleware.csrf.CsrfViewMiddleware"

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["app.example", "127.0.0.1"],
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
        MIDDLEWARE=["django.middleware.security.SecurityMiddleware", CSRF],
        SECRET_KEY="of a test",
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        USE_TZ=True,
    )
    django.setup(set_prefix=False)


async def signed_in(request: Any) -> str | None:
    """Say who is signed in: in these applications whoever the header names."""
    user: str | None = request.headers.get("x-user")
    return user


@asynccontextmanager
async def on_aiohttp(accounts: Mounted) -> AsyncIterator[Send]:
    """Serve them by aiohttp.web."""
    app = web.Application()
    app.add_routes(for_aiohttp.routes(accounts))
    async with _aiohttp_client(app) as send:
        yield send


@asynccontextmanager
async def on_aiohttp_below(accounts: Mounted) -> AsyncIterator[Send]:
    """Serve them in an aiohttp application of their own."""
    app, below = web.Application(), web.Application()
    below.add_routes(for_aiohttp.routes(accounts, prefix=""))
    app.add_subapp("/accounts", below)
    async with _aiohttp_client(app) as send:
        yield send


@asynccontextmanager
async def _aiohttp_client(app: web.Application) -> AsyncIterator[Send]:
    async with TestClient(TestServer(app), cookie_jar=DummyCookieJar()) as client:

        async def send(method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Reply:
            url = client.make_url("/").join(URL(target, encoded=True))
            async with client.session.request(
                method, url, headers=CIMultiDict(headers), data=body, allow_redirects=False
            ) as reply:
                return Reply(reply.status, list(reply.headers.items()), await reply.text())

        yield send


@asynccontextmanager
async def on_starlette(accounts: Mounted) -> AsyncIterator[Send]:
    """Serve them by Starlette."""
    async with _asgi_client(Starlette(routes=for_starlette.routes(accounts))) as send:
        yield send


@asynccontextmanager
async def on_starlette_mounted(accounts: Mounted) -> AsyncIterator[Send]:
    """Serve them in a mount."""
    app = Starlette(routes=[Mount("/accounts", routes=for_starlette.routes(accounts, prefix=""))])
    async with _asgi_client(app) as send:
        yield send


@asynccontextmanager
async def on_fastapi(accounts: Mounted) -> AsyncIterator[Send]:
    """Serve them by FastAPI."""
    app = FastAPI()
    app.router.routes.extend(for_starlette.routes(accounts))
    async with _asgi_client(app) as send:
        yield send


@asynccontextmanager
async def on_litestar(accounts: Mounted) -> AsyncIterator[Send]:
    """Serve them below a Litestar application."""
    pages = Starlette(routes=for_starlette.routes(accounts, prefix=""))

    @asgi(accounts.prefix or "/", is_mount=True, copy_scope=True)
    async def mounted(scope: Scope, receive: Receive, send: litestar.types.Send) -> None:
        scope["path"] = scope["path"].rstrip("/") or "/"
        await pages(scope, receive, send)

    async with _asgi_client(Litestar([mounted])) as send:
        yield send


@asynccontextmanager
async def on_django(accounts: Mounted) -> AsyncIterator[Send]:
    """Serve them by Django, with its middleware against forged requests."""
    urlconf = types.ModuleType("urlconf")
    mounted = f"{accounts.prefix.lstrip('/')}/" if accounts.prefix else ""
    urlconf.urlpatterns = [path(mounted, include(for_django.urls(accounts)))]  # type: ignore[attr-defined]
    with override_settings(ROOT_URLCONF=urlconf):
        async with _asgi_client(ASGIHandler()) as send:
            yield send


@asynccontextmanager
async def _asgi_client(app: Any) -> AsyncIterator[Send]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:

        async def send(method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Reply:
            client.cookies.clear()
            url = f"{ORIGIN}{target}"
            reply = await client.request(method, url, headers=headers, content=body)
            return Reply(reply.status_code, list(reply.headers.multi_items()), reply.text)

        yield send


Served = Callable[[Mounted], Any]

FRAMEWORKS: dict[str, Served] = {"aiohttp": on_aiohttp, "starlette": on_starlette, "django": on_django}
"""Each has its own adapter: all cases run on it."""

MOUNTED: dict[str, Served] = {
    "aiohttp-below": on_aiohttp_below,
    "starlette-mounted": on_starlette_mounted,
    "fastapi": on_fastapi,
    "litestar": on_litestar,
}
"""Other places for the same adapters."""
