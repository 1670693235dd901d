"""Where the integrations are tried."""

from __future__ import annotations

import pytest

from tests.integrations.place import at_server


@pytest.fixture
async def place():
    """An application at a server, with alice connected."""
    async with at_server() as opened:
        await opened.connect("alice")
        yield opened
