"""What the guide to telling users in time says is so."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from extauth import LinkKey, open_store
from extauth.health import Health, LinkState, Source
from extauth.outbox import DeliveryOptions
from extauth.services.outbox.options import RETRIES
from extauth.testing import ScriptedLinkingProvider
from extauth.testing.contract.outbox.harness import broken_link

GUIDE = (Path(__file__).parents[2] / "docs" / "howto" / "tell-users-in-time.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize(("code", "output"), EXAMPLES, ids=["ask", "be-told"])
def test_the_examples_run(code, output, tmp_path):
    """Each prints what the guide says, without a warning."""
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (output, "", 0) == (result.stdout, result.stderr, result.returncode)


def test_the_tables_have_every_state():
    """Each state, each source and each remark is explained."""
    states = re.findall(r"^\| `(\w+)\(", GUIDE, re.MULTILINE)
    assert {state.__name__ for state in get_args(LinkState)} == set(states)
    assert [source for source in get_args(Source) if source not in GUIDE] == []
    rows = re.findall(r"^\| `health\.(\w+)`", GUIDE, re.MULTILINE)
    assert sorted(field.name for field in attrs.fields(Health)) == sorted(rows)


async def test_the_schedule_is_what_the_guide_says():
    """The times after which a handler is called again, and the number at once."""
    hours = [delay // timedelta(hours=1) for delay in RETRIES[3:]]
    said = ", ".join(map(str, hours[:-1]))
    assert f"after 5 seconds, 5 minutes, 30 minutes, {said} and {hours[-1]} hours" in " ".join(GUIDE.split())
    assert [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)] == list(RETRIES[:3])
    options = DeliveryOptions()
    assert (options.at_once, options.timeout) == (10, timedelta(seconds=30))


async def test_what_was_set_aside(tmp_path):
    """The example lists it, and has it delivered again."""
    url, key = f"sqlite:///{tmp_path}/links.db", LinkKey("calendar", "alice")
    async with open_store(url, keys="plain") as store:
        await store.outbox.keep_on()
        await broken_link(store, key)
        [claimed] = await store.outbox.claim("me", timedelta(minutes=1), limit=1)
        await store.outbox.postpone(claimed.number, "me", None, "gone")
    [code] = re.findall(r"### What was set aside\n\n```python\n(.*?)```", GUIDE, re.DOTALL)
    command = [sys.executable, "-W", "error", "-c", code, url]
    result = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    said = "1 link.broken alice gone 1\n1 to be delivered again\n1 waiting\n"
    assert (said, "", 0) == (result.stdout, result.stderr, result.returncode)


async def test_webhooks(monkeypatch):
    """The command makes a secret, the example sends what the receiver's verifies, and the body is so."""
    [command] = re.findall(r"python -c '(.*new_secret.*)'", GUIDE)
    making = [sys.executable, "-c", command]
    made = await asyncio.to_thread(subprocess.run, making, capture_output=True, text=True, check=True)
    secret = made.stdout.strip()
    monkeypatch.setenv("WEBHOOK_SECRET", secret)
    sender, receiver = re.findall(r"```python\n(.*?)```", GUIDE.partition("## Send webhooks")[2], re.DOTALL)
    names: dict[str, Any] = {}
    exec(sender + receiver, names)  # noqa: S102 - our own page
    received = asyncio.get_running_loop().create_future()

    async def hook(request):
        received.set_result((await request.read(), dict(request.headers)))
        return web.Response()

    async def your_application(auth):
        await broken_link(auth.store, LinkKey("github", "alice"))
        await received

    names["your_application"] = your_application
    app = web.Application()
    app.router.add_post("/hook", hook)
    async with TestServer(app) as server:
        await names["serve"]("memory://", [ScriptedLinkingProvider("github")], server.make_url("/hook"))
    body, headers = received.result()
    assert names["receive"](body, headers, secret) == "link.broken: alice at github"
    [shown] = re.findall(r'^({"type":"link.broken".*?}})', GUIDE, re.DOTALL | re.MULTILINE)
    assert list(json.loads(shown)) == list(json.loads(body))
    assert list(json.loads(shown)["data"]) == list(json.loads(body)["data"])
