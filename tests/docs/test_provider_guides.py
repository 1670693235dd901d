"""What the guides on providers and their APIs show is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import extauth
from extauth import LinkKey
from extauth.adapters.oauth2 import ApiRules, OAuth2Provider
from extauth.testing import AuthorizationServer
from tests.support.serving import serving

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
TEXTS = {name: (HOWTO / f"{name}.md").read_text() for name in ("add-a-provider", "call-the-api")}
EXAMPLES = [
    pytest.param(code, output, id=f"{name}-{number}")
    for name, text in TEXTS.items()
    for number, (code, output) in enumerate(
        re.findall(r"```python\n((?:(?!```).)*)```\s+```text\n(.*?)```", text, re.DOTALL), 1
    )
]

CLIENTS = re.findall(r"```python\n(# (?:aiohttp|httpx): .*?)```", TEXTS["call-the-api"], re.DOTALL)


def test_every_block_is_run():
    """Every Python block has its output beside it, but for those of the clients: they are run with an API."""
    assert [text.count("```python") for text in TEXTS.values()] == [8, 3 + len(CLIENTS)]
    assert len(EXAMPLES) == 11


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_the_examples_run(tmp_path, code, output):
    """Each example prints what the guide says, without a Python warning."""
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (result.stdout, result.returncode) == (output, 0), result.stderr


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_what_a_guide_points_to_exists(text):
    """Every link to another file of the repository leads somewhere, and to a heading that is there."""
    targets = re.findall(r"\]\(([^)#]+)(?:#([^)]+))?\)", text)
    assert targets
    for file, anchor in targets:
        headings = re.findall(r"^#+ (.+)$", (HOWTO / file).read_text(), re.MULTILINE)
        anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors


@pytest.mark.parametrize(
    "code",
    [*CLIENTS, CLIENTS[-1].replace("httpx", "httpx2")],
    ids=["aiohttp", "httpx", "httpx2"],
)
async def test_the_clients_run(code):
    """Each lists what an API has for a user whose token it refused at first."""

    async def repositories(request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        live = token in server.grants.live_access_tokens(time.monotonic())
        return web.json_response([{"full_name": "alice/one"}], status=200 if live else 401)

    async with (
        AuthorizationServer() as server,
        serving([web.get("/user/repos", repositories)]) as api,
    ):
        provider = OAuth2Provider(
            "github_app",
            client_id=server.client_id,
            client_secret=server.client_secret,
            token_url=server.token_url,
            api=ApiRules(base_urls=(api,)),
        )
        guide: dict[str, Any] = {"__name__": "guide"}
        exec(code.replace("https://api.github.com", api), guide)  # noqa: S102 - it is ours
        async with extauth.open("memory://", [provider], keys="plain") as auth:
            granted = server.new_grant("alice")
            await auth.store.put(LinkKey("github_app", "alice"), granted, origin=provider.origin)
            server.grants.revoke(granted.access_token)
            assert await guide["repositories"](auth, "alice") == ["alice/one"]
            assert server.grants.exchanges == 1


async def test_a_401_of_another_host_refuses_no_token():
    """The guide's caller does not report a token that a redirect has kept from whoever answered."""
    blocks = re.findall(r"```python\n(.*?)```", TEXTS["call-the-api"], re.DOTALL)
    code = next(block for block in blocks if "class Calendar" in block)
    guide: dict[str, Any] = {"__name__": "guide"}
    exec(code.removesuffix("asyncio.run(main())\n"), guide)  # noqa: S102 - it is ours
    seen: list[str | None] = []

    async def elsewhere(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(status=401)

    async with AuthorizationServer() as server, serving([web.get("/", elsewhere)]) as other:

        async def moved(_: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": other})

        provider = OAuth2Provider(
            "calendar",
            client_id=server.client_id,
            client_secret=server.client_secret,
            token_url=server.token_url,
        )
        async with (
            serving([web.get("/", moved)]) as api,
            aiohttp.ClientSession() as http,
            extauth.open("memory://", [provider]) as auth,
        ):
            await auth.store.put(
                LinkKey("calendar", "alice"), server.new_grant("alice"), origin=provider.origin
            )
            before = await auth.link("calendar", "alice")
            assert await guide["Calendar"](provider, auth, api).ask(http, "alice") == 401
            assert (seen, await auth.link("calendar", "alice")) == ([None], before)
