"""Checked, never run: the types of the HTTP clients."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from datetime import timedelta
from typing import assert_type

import aiohttp
import httpx
import httpx2
from yarl import URL

from extauth import Auth, InsufficientScope, LinkKey, TokenSet
from extauth.clients import httpx as by_httpx
from extauth.clients import httpx2 as by_httpx2
from extauth.clients.aiohttp import TokenMiddleware

USER = ContextVar[str]("user")


def headers(tokens: TokenSet) -> Mapping[str, str]:
    """Make headers of one's own."""
    return {"Authorization": f"token {tokens.access_token}"}


async def each_client_takes_it(auth: Auth) -> None:
    """For all of its requests, or for one."""
    middleware = TokenMiddleware(auth, "github_app", "alice")
    async with aiohttp.ClientSession(middlewares=[middleware]) as session:
        assert_type(await session.get("/", middlewares=(middleware,)), aiohttp.ClientResponse)
    token_auth = by_httpx.TokenAuth(auth, "github_app", USER, origins=["https://api.example.com"])
    async with httpx.AsyncClient(auth=token_auth) as http:
        assert_type(await http.get("/", auth=token_auth), httpx.Response)
    token_auth2 = by_httpx2.TokenAuth(
        auth, "github_app", USER, origins=(URL("https://api.example.com"),), headers=headers
    )
    async with httpx2.AsyncClient(auth=token_auth2) as http2:
        assert_type(await http2.get("/", auth=token_auth2), httpx2.Response)
    TokenMiddleware(auth, "github_app", "alice", resource="https://r", valid_for=timedelta(minutes=5))


def what_an_error_says(error: InsufficientScope) -> None:
    """Which link, and what to ask for."""
    assert_type(error.key, LinkKey)
    assert_type(error.scopes, frozenset[str])


def what_it_refuses(auth: Auth) -> None:
    """A slip is an error."""
    TokenMiddleware(auth, "github_app")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    TokenMiddleware(auth, "github_app", 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    httpx.AsyncClient(auth=TokenMiddleware(auth, "github_app", "alice"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
