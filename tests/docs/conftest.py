"""What the tests of several guides share."""

from __future__ import annotations

from typing import Any

import pytest

from extauth import LinkKey, TokenSet, open_store
from extauth.testing import ScriptedLinkingProvider


@pytest.fixture
def providers() -> list[Any]:
    """One that everything can be done with."""
    return [ScriptedLinkingProvider("github")]


@pytest.fixture
def in_a_folder(tmp_path, monkeypatch) -> None:
    """Run where an example may leave a database."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
async def url(tmp_path) -> str:
    """A database in which alice is connected."""
    address = f"sqlite:///{tmp_path}/links.db"
    async with open_store(address, keys="plain") as store:
        await store.put(LinkKey("github", "alice"), TokenSet("at-alice", "rt-alice"))
    return address
