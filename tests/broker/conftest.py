"""A broker between callers and an API."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.broker.site import Site, opened_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncGenerator[Site, None]:
    """With alice's link."""
    async with opened_site(tmp_path, path="/api/v1") as opened:
        yield opened
