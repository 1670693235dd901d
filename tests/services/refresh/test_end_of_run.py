"""Real processes that end while a provider is answering: the new token is in the database afterwards."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from extauth import LinkKey, TokenSet, open_store
from tests.support.token_endpoint import TokenEndpoint

APP = Path(__file__).parents[2] / "support" / "app.py"
KEY = LinkKey("app", "alice")


@pytest.mark.parametrize(
    "ending",
    [
        "cancelled",
        "left",
        "service-forgotten",
        "never-closed",
        "sigint",
        "sigint-twice",
        "never-closed-sigint",
        "front-door-left",
        "front-door-never-closed",
        "front-door-sigint",
        "front-door-sigint-twice",
    ],
)
async def test_the_token_is_saved(tmp_path, ending):
    """However an application ends short of being killed, an answer under way is waited for and saved."""
    url = f"sqlite:///{tmp_path}/links.db"
    code, tokens, err = await run_to_its_end(url, ending)
    expected = {-signal.SIGINT, 130, 1} if "sigint" in ending else {0}
    assert code in expected, err
    assert tokens.access_token == "at-2", err


async def test_a_forced_end_is_an_end(tmp_path):
    """A second Ctrl-C while nothing but the answer is waited for ends the process there and then."""
    code, tokens, err = await run_to_its_end(f"sqlite:///{tmp_path}/links.db", "never-closed-sigint-twice")
    assert code in {-signal.SIGINT, 130, 1}, err
    assert tokens.access_token in {"at-1", "at-2"}


async def run_to_its_end(url, ending):
    """Let the application end that way while the provider is answering; then look into the database."""
    async with open_store(url) as store:
        await store.put(KEY, TokenSet("at-1", "rt-1", expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
    async with TokenEndpoint() as provider:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(APP),
            ending.removesuffix("-twice"),
            url,
            provider.url,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await provider.asked.wait()
        if "sigint" in ending:
            process.send_signal(signal.SIGINT)
            if ending.endswith("-twice"):
                assert await process.stdout.readline() == b"interrupted\n"
                process.send_signal(signal.SIGINT)
        else:
            assert await process.stdout.readline() == b"leaving\n"
        provider.gate.set()
        _, err = await process.communicate()
    assert provider.presented == ["rt-1"]
    async with open_store(url) as store:
        link = await store.get(KEY)
    return process.returncode, link.tokens, err.decode()
