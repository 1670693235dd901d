"""Real processes that end while a provider is answering: the new link is in the database afterwards."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from extauth import LinkKey, open_store

APP = Path(__file__).parent / "support" / "app.py"


@pytest.mark.parametrize("flow", ["code", "device"])
@pytest.mark.parametrize("ending", ["cancelled", "left", "service-forgotten", "never-closed", "sigint"])
async def test_the_link_is_stored(tmp_path, ending, flow):
    """However an application ends short of being killed, an answer under way is waited for and stored."""
    url = f"sqlite:///{tmp_path}/links.db"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(APP), ending, url, flow, stdin=pipe, stdout=pipe, stderr=pipe
    )
    if ending == "sigint":
        assert await process.stdout.readline() == b"waiting\n"
        process.send_signal(signal.SIGINT)
        assert await process.stdout.readline() == b"interrupted\n"
    else:
        assert await process.stdout.readline() == b"leaving\n"
    process.stdin.close()
    _, err = await process.communicate()
    assert process.returncode in ({-signal.SIGINT, 130, 1} if ending == "sigint" else {0}), err.decode()
    async with open_store(url) as store:
        link = await store.get(LinkKey("app", "alice"))
    assert link is not None, err.decode()
    assert link.tokens.access_token == "at-1-2"
