"""What the tests of the HTTP clients share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.clients.world import CLIENTS, Client, World, opened_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """An application in which alice is connected."""
    async with opened_world() as world:
        yield world


@pytest.fixture(params=list(CLIENTS))
def client(request: pytest.FixtureRequest) -> Client:
    """Each of the clients."""
    return CLIENTS[request.param]
