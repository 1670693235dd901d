"""What the guides on connecting users show is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar
from aiohttp.test_utils import TestClient, TestServer

import extauth
from extauth.domain.linking import LinkingTraits
from extauth.testing import ScriptedLinkingProvider

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
GUIDES = ["connect-users", "device-flow", "disconnect", "ask-for-more-scopes", "look-after-links"]
TEXTS = {name: (HOWTO / f"{name}.md").read_text() for name in GUIDES}
EXAMPLES = [
    pytest.param(*example, id=name)
    for name, text in TEXTS.items()
    for example in re.findall(r"```python\n((?:(?!```).)*)```\s+```text\n(.*?)```", text, re.DOTALL)
]
[APP] = re.findall(r"```python\n(# app.py\n.*?)```", TEXTS["connect-users"], re.DOTALL)


def test_every_block_is_run():
    """Every Python block is the application, has its output beside it, or is one of the routes."""
    routers = len(re.findall(r"```python\n# (?:accounts|options)", TEXTS["connect-users"]))
    blocks = sum(text.count("```python") for text in TEXTS.values())
    assert len(EXAMPLES) + 1 == blocks - routers == 7


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_the_examples_run(tmp_path, code, output):
    """Each example prints what the guide says, without a warning."""
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (result.stdout, result.stderr, result.returncode) == (output, "", 0)


def test_the_errors_are_all_named():
    """The table has every leaf of LinkingFailed, and what else complete raises."""
    public = {name: getattr(extauth, name) for name in extauth.__all__}
    leaves = {
        name
        for name, value in public.items()
        if isinstance(value, type) and issubclass(value, extauth.LinkingFailed)
    } - {"LinkingFailed"}
    table = TEXTS["connect-users"].partition("| error |")[2].partition("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    others = {"ProviderUnavailable", "StoreUnavailable", "ProviderMisconfigured", "UnknownProvider"}
    assert named == leaves | others


@pytest.fixture
def module():
    """The application of the guide, as a module."""
    made = types.ModuleType("app")
    exec(compile(APP, "app.py", "exec"), made.__dict__)  # noqa: S102 - the guide's own code
    return made


@pytest.fixture
async def browser(module):
    """A browser of alice's at the application, and the provider."""
    provider = ScriptedLinkingProvider("calendar")
    async with extauth.open("memory://", [provider]) as auth:
        module.SESSIONS.update({"session-1": "alice", "session-2": "mallory"})
        server = TestServer(module.make_app(auth))
        await server.start_server()
        # Browsers take loopback for secure, too.
        jar = CookieJar(unsafe=True, treat_as_secure_origin=server.make_url("/").origin())
        async with TestClient(server, cookies={"session": "session-1"}, cookie_jar=jar) as client:
            yield client, provider


async def begin(client):
    """Click "connect", and return where the browser is sent."""
    reply = await client.post("/connect/calendar", allow_redirects=False)
    assert reply.status == 303
    return reply.headers["Location"]


def at_app(callback):
    """Return the callback as the application sees it."""
    return callback.removeprefix("https://app.example")


async def text(reply):
    """Return status and text."""
    return reply.status, await reply.text()


async def test_the_application_connects_and_disconnects(browser):
    """Through the provider and back; then a reload of the callback; then gone."""
    client, provider = browser
    callback = at_app(provider.consent(await begin(client)))
    assert await text(await client.get(callback)) == (200, "Connected calendar.")
    assert await (await client.get("/connections")).json() == ["calendar"]
    assert "completed before" in await (await client.get(callback)).text()
    assert await text(await client.post("/disconnect/calendar")) == (200, "Disconnected.")
    assert await (await client.get("/connections")).json() == []
    assert "nothing" in await (await client.post("/disconnect/calendar")).text()


async def test_the_application_says_what_went_wrong(browser):
    """Each error has its answer, and nothing is connected."""
    client, provider = browser
    assert "did not allow" in await (await client.get(at_app(provider.deny(await begin(client))))).text()
    callback = at_app(provider.consent(await begin(client)))
    assert (await client.get(callback, cookies={"session": "session-2"})).status == 400
    assert (await client.get(callback, cookies={"session": ""})).status == 401
    assert (await client.head(callback)).status == 405
    assert (await client.get(f"{callback}&code=twice")).status == 400
    busy = at_app(provider.deny(await begin(client), "temporarily_unavailable"))
    assert (await client.get(busy)).status == 503
    assert await (await client.get("/connections")).json() == []
    assert await text(await client.get(callback)) == (200, "Connected calendar.")


async def test_the_application_binds_to_the_browser(browser):
    """Another browser with the same session is refused, whatever it brings; the one that began is served, in
    two tabs at once."""
    client, provider = browser
    first, second = [at_app(provider.consent(await begin(client))) for _ in range(2)]
    cookies = [each for each in client.session.cookie_jar if each.key.startswith("__Host-connecting-")]
    flags = [
        (each["secure"], each["httponly"], each["samesite"], each["path"], each["domain"]) for each in cookies
    ]
    assert set(flags) == {(True, True, "Lax", "/", cookies[0]["domain"])}
    async with ClientSession(client.make_url("/"), cookies={"session": "session-1"}) as other:
        for callback in (first, second, "/callback/calendar?state=&code=c", "/callback/calendar"):
            assert "in this browser" in await (await other.get(callback)).text()
    assert await text(await client.get(second)) == (200, "Connected calendar.")
    assert await text(await client.get(first)) == (200, "Connected calendar.")


async def test_the_application_takes_a_posted_answer(browser):
    """For a provider that posts it."""
    client, provider = browser
    provider.linking = LinkingTraits(callback_method="POST")
    path, _, form = at_app(provider.consent(await begin(client))).partition("?")
    form_type = {"Content-Type": "application/x-www-form-urlencoded"}
    assert await text(await client.post(path, data=form, headers=form_type)) == (200, "Connected calendar.")


async def test_the_application_starts(module, tmp_path, monkeypatch):
    """Its own wiring makes a store, and closes everything at the end."""
    monkeypatch.chdir(tmp_path)
    async with TestServer(await module.main()):
        assert (tmp_path / "links.db").exists()
