"""Stores that commands find by URL."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.cli.commands.support import stocked
from tests.servers.postgres_server import PostgresServer


@pytest.fixture(params=["sqlite", "postgres"])
async def url(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_server: PostgresServer
) -> AsyncGenerator[str, None]:
    """An empty database, of each kind that a command can open."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/links.db"
        return
    async with postgres_server.fresh_database() as dsn:
        yield dsn


@pytest.fixture
async def kept(url: str) -> str:
    """The same with a few links in it."""
    async with stocked(url):
        return url


@pytest.fixture
async def kept_in_a_file(tmp_path: Path) -> str:
    """The same in a file, for what any store is as good for."""
    async with stocked(url := f"sqlite:///{tmp_path}/links.db"):
        return url
