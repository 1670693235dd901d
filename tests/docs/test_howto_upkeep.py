"""What the guide to upkeep says is so."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

import extauth
from extauth import LinkKey, Upkeep, UpkeepReport, open_store
from extauth.events import UpkeepSwept
from extauth.testing import ScriptedLinkingProvider

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "upkeep.md").read_text()
ALICE = LinkKey("github", "alice")
HOUR = timedelta(hours=1)


@pytest.fixture
def guide() -> dict[str, Any]:
    """All that the guide defines."""
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE):
        exec(block, names)  # noqa: S102 - our own page
    return names


@pytest.fixture
async def url(tmp_path) -> str:
    """A file with a link whose access token has expired."""
    url = f"sqlite:///{tmp_path}/links.db"
    async with open_store(url) as store:
        now = datetime.now(UTC)
        tokens = ScriptedLinkingProvider("github").tokens.grant()
        await store.put(ALICE, attrs.evolve(tokens, issued_at=now - HOUR, expires_at=now))
    return url


def provider() -> ScriptedLinkingProvider:
    """Return a provider that knows the grant in the file."""
    made = ScriptedLinkingProvider("github")
    made.tokens.grant()
    return made


async def refreshed(auth) -> None:
    """Serve until upkeep has refreshed the link."""
    while (await auth.store.get(ALICE)).version == 1:
        await asyncio.sleep(0.01)


async def test_in_the_background(guide, url):
    """As long as the application runs."""
    github = provider()
    await guide["run"](url, [github], refreshed)
    assert github.tokens.exchanges == 1


async def test_once(guide, url):
    """And what it says it did."""
    report = await guide["once"](url, [provider()])
    assert report == UpkeepReport(refreshed=1, behind=report.behind)
    assert await guide["once"](url, [provider()]) == UpkeepReport()


async def test_keeping_alive_only(guide, url):
    """A link whose access token has expired is nobody's matter then."""
    async with extauth.open(url, [provider()]) as auth:
        assert await auth.upkeep(guide["upkeep"]).run_once() == UpkeepReport()


async def test_the_observer(guide, url, capsys):
    """It prints what is shown."""
    async with extauth.open(url, [provider()], observer=guide["Observer"](), upkeep=Upkeep()) as auth:
        await refreshed(auth)
    assert re.fullmatch(r"github: 1 refreshed, 0 failed, [\d:.]+ behind\n", capsys.readouterr().out)
    assert UpkeepSwept.__name__ in GUIDE


async def test_a_purge_of_ones_own(guide, url):
    """It is called."""
    purged = asyncio.Event()

    async def purge() -> int:
        purged.set()
        return 1

    await guide["with_a_purge_of_mine"](url, [provider()], lambda _: purged.wait(), purge)
    assert purged.is_set()


def test_every_setting_is_told():
    """With its default."""
    told = dict(re.findall(r"`(\w+)=([^`]+)`", GUIDE.partition("**Keeping warm")[0]))
    names = {field.name for field in attrs.fields(Upkeep)} - {"page"}
    assert set(told) == names
    scope = {"timedelta": timedelta}
    assert {name: eval(value, scope) for name, value in told.items()} == {  # noqa: S307 - our own page
        name: getattr(Upkeep(), name) for name in names
    }
