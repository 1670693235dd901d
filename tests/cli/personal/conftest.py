"""A person with a home, and a server that knows their client."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from extauth.testing import AuthorizationServer
from tests.cli.personal.person import Person


@pytest.fixture
def port() -> int:
    """One that is free now; the server compares redirect URIs with their port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def person(tmp_path: Path, port: int) -> AsyncGenerator[Person, None]:
    """Somebody whose client is configured."""
    redirect = f"http://127.0.0.1:{port}/callback/example"
    async with AuthorizationServer(redirect_uris=[redirect]) as server:
        person = Person(tmp_path, server, port)
        person.configure()
        yield person
