"""What fails before there is a store or a provider shows no password, secret or token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
from aiohttp import web

from extauth import ConfigurationError, ExtAuthError, open_store
from extauth.adapters.discovery import ServerMetadata, mcp_provider, register_client
from extauth.adapters.memory import MemoryLinkStore
from tests.secrecy.canaries import Canaries
from tests.secrecy.watch import Watch
from tests.support.serving import serving

REDIRECT_URI = "https://app.example/callback"


@asynccontextmanager
async def registrar(answer: dict[str, Any]) -> AsyncGenerator[str]:
    """Listen for registrations, and give every client the same answer."""

    async def register(_: web.Request) -> web.Response:
        return web.json_response(answer, status=201)

    async with serving([web.post("/register", register)]) as url:
        yield url


@pytest.mark.parametrize("where", ["127.0.0.1:1/links", "127.0.0.1:{port}/no_such_database"])
def test_a_server_that_cannot_be_opened(where: str, postgres_server):
    """The password of the address is not shown."""
    watch, canaries = Watch(), Canaries()
    port = postgres_server.dsn.rpartition(":")[2].partition("/")[0]
    address = f"{where.format(port=port)}?sslmode=disable"
    dsn = f"postgresql://postgres:{canaries.new('password')}@{address}"

    async def main() -> None:
        await watch.refused(open_store(dsn).__aenter__())

    watch.run(main)
    assert watch.leaks(canaries.found_in) == {}


def test_an_address_that_is_none():
    """Neither is it where the address itself is wrong."""
    watch, canaries = Watch(), Canaries()
    password = canaries.new("password")

    async def main() -> None:
        error = await watch.refused(open_store(f"postgresql://u:{password}@host:port/db").__aenter__())
        assert isinstance(error, ConfigurationError)

    watch.run(main)
    assert watch.leaks(canaries.found_in) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uris": ["https://other.example/callback"]},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"client_secret_expires_at": "never"},
        {"client_id": ""},
        {"client_id": "client\0"},
    ],
    ids=repr,
)
def test_a_registration_that_is_unusable(wrong: dict[str, Any]):
    """Neither the secrets in the answer nor those of the request are shown."""
    watch, canaries = Watch(), Canaries()
    answer = {
        "client_id": "client",
        "client_secret": canaries.new("client secret"),
        "registration_access_token": canaries.new("registration token"),
        "registration_client_uri": "https://as.example/register/client",
        "token_endpoint_auth_method": "client_secret_basic",
        **wrong,
    }

    async def main() -> None:
        async with registrar(answer) as url:
            metadata = ServerMetadata(
                issuer=url,
                authorization_endpoint=f"{url}/authorize",
                token_endpoint=f"{url}/token",
                registration_endpoint=f"{url}/register",
            )
            for endpoint in (f"{url}/register", f"{url}/nothing", "http://127.0.0.1:1/register", None):
                call = register_client(
                    attrs.evolve(metadata, registration_endpoint=endpoint),
                    redirect_uris=[REDIRECT_URI],
                    client_name="A test",
                    initial_access_token=canaries.new("initial access token"),
                )
                await watch.refused(call)

    watch.run(main)
    assert watch.leaks(canaries.found_in) == {}


def test_an_mcp_server_that_is_not_there():
    """A secret that was given by hand is not shown."""
    watch, canaries = Watch(), Canaries()

    async def main() -> None:
        call = mcp_provider(
            "http://127.0.0.1:1/mcp",
            redirect_uri=REDIRECT_URI,
            store=MemoryLinkStore(),
            client_name="A test",
            client_id="client",
            client_secret=canaries.new("client secret"),
            initial_access_token=canaries.new("initial access token"),
        )
        assert isinstance(await watch.refused(call), ExtAuthError)
        await asyncio.sleep(0)

    watch.run(main)
    assert watch.leaks(canaries.found_in) == {}
