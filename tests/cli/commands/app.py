"""Applications as they are given by ``--app``, at the authorization server that the environment names."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import extauth
from extauth.adapters.oauth2 import OAuth2Provider

print("a word of the application's own")


def github() -> OAuth2Provider:
    """The provider itself."""
    return OAuth2Provider(
        "github",
        client_id=os.environ["SERVER_CLIENT_ID"],
        client_secret=os.environ["SERVER_CLIENT_SECRET"],
        token_url=os.environ["SERVER_URL"] + "/token",
        authorize_url=os.environ["SERVER_URL"] + "/authorize",
        revoke_url=os.environ["SERVER_URL"] + "/revoke",
    )


def providers() -> list[OAuth2Provider]:
    """A function."""
    return [github()]


async def later() -> Any:
    """A function that is awaited."""
    return (each for each in [github()])


def whole() -> Any:
    """All that the application opens."""
    return extauth.open(os.environ["APP_STORE"], [github()], keys="plain")


def in_memory() -> Any:
    """What nobody can restore."""
    return extauth.open("memory://", [github()])


def guarded() -> Any:
    """The same with access control."""
    return extauth.open(os.environ["APP_STORE"], [github()], keys="plain", access=extauth.AccessPolicy())


@asynccontextmanager
async def managed() -> AsyncGenerator[Any, None]:
    """The same as a context manager of the application."""
    async with whole() as auth:
        yield auth


number = 7


def none() -> None:
    """Nothing of use."""


def strings() -> list[str]:
    """No providers."""
    return ["github"]
