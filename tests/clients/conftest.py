"""What the tests of the HTTP clients share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from extauth import RefreshPolicy
from tests.clients.world import CLIENTS, Client, World, opened_world


@pytest.fixture(params=[None, timedelta(minutes=10)], ids=["asks", "remembers"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """An application in which alice is connected, whose links are read at each call, or remembered."""
    async with opened_world(policy=RefreshPolicy(remember_for=request.param)) as world:
        if request.param is not None:
            await world.token()
        yield world


@pytest.fixture(params=list(CLIENTS))
def client(request: pytest.FixtureRequest) -> Client:
    """Each of the clients."""
    return CLIENTS[request.param]
