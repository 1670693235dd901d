"""``extauth connect``: a browser on this machine, or a code to type in."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import asynccontextmanager

import aiohttp
import pytest
from yarl import URL

from extauth import ConfigurationError
from extauth.cli.personal.connecting import chosen_flow
from extauth.cli.personal.loopback import LoopbackServer
from extauth.cli.personal.redirects import Visit, loopback_redirect
from extauth.domain.errors import AuthorizationExpired, ConsentDenied
from extauth.domain.linking import LinkingTraits
from extauth.testing import Consent
from tests.cli.personal.person import ME


def test_what_is_no_text_is_no_answer():
    """An HTTP server gives bytes that are no UTF-8 as surrogates."""
    url = "https://provider.example/authorize?state=the-state"
    visit = Visit.of(url, "http://127.0.0.1:1/callback", ticket="ticket", cookie="cookie")
    assert not visit.is_of("\udcff")
    assert not visit.begins("/\udcff")
    assert not visit.answers("/callback", ["\udcff"])
    assert visit.is_of("cookie")
    assert visit.begins("/ticket")
    assert visit.answers("/callback", ["the-state"])


async def test_a_browser_opens_and_comes_back(person):
    """The whole way in real processes: the link works, and the browser shows no code at the end."""
    run = await person.process("connect", "example", "--json")
    assert (run.code, run.json["link"]["user"]) == (0, ME)
    assert (await person.stored()).tokens.access_token not in run.out + run.err
    assert person.server.accepts((await person.stored()).tokens.access_token)
    url, _, page = (person.home / "browser").read_text().partition("\n")
    assert URL(url) == URL(f"http://127.0.0.1:{person.port}/done")
    assert "You may close this window" in page


@asynccontextmanager
async def connecting(person, capsys, *options):
    """Begin to connect, and yield a browser at the address that was said."""
    task = asyncio.create_task(person.answer("connect", "example", "--no-open", *options))
    said = ""
    while not (found := re.search(r"open (http://\S+)", said)):
        assert not task.done(), task
        await asyncio.sleep(0.01)
        said += capsys.readouterr().err
    jar = aiohttp.CookieJar(unsafe=True)  # of an address and not a name
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        try:
            yield task, browser, URL(found[1])
        finally:
            task.cancel()
            await asyncio.wait([task])


async def callback_url(browser, address) -> URL:
    """Go through the provider's page, and return where it leads without going there."""
    async with browser.get(address, allow_redirects=False) as begun:
        assert begun.status == 302
    async with browser.get(begun.headers["Location"], allow_redirects=False) as consented:
        assert consented.status == 302
    return URL(consented.headers["Location"], encoded=True)


async def status(browser, url, **options):
    """Return what an address answers."""
    async with browser.request(options.pop("method", "GET"), url, allow_redirects=False, **options) as answer:
        return answer.status


async def test_only_the_answer_of_this_browser_counts(person, capsys):
    """Not one of another browser, with another state, name, path or method; each leaves it open."""
    async with connecting(person, capsys) as (task, browser, address):
        assert "state" not in address.query
        callback = await callback_url(browser, address)
        async with aiohttp.ClientSession() as other:
            assert await status(other, callback) == 403
            assert await status(other, address) == 403
            assert await status(other, address.with_path("/done")) == 404
        for url, options in (
            (callback.with_query({**callback.query, "state": "x" * 43}), {}),
            (URL(f"{callback}&state=x", encoded=True), {}),
            (callback.with_path("/callback/other").with_query(callback.query), {}),
            (callback, {"method": "POST"}),
            (callback, {"headers": {"Host": f"evil.example:{person.port}"}}),
            (callback, {"headers": {"Host": "127.0.0.1"}}),
            (address.with_path("/"), {}),
        ):
            assert await status(browser, url, **options) == 404
        assert not task.done()
        async with browser.get(callback, allow_redirects=False) as answered:
            assert (answered.status, answered.headers["Location"]) == (303, "/done")
            assert answered.headers["Referrer-Policy"] == "no-referrer"
        async with browser.get(callback.with_path("/done").with_query(None)) as page:
            assert "example is connected" in await page.text()
            assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        answer = await task
    assert answer.data["link"]["state"] == "ok"


async def test_who_says_no_is_told_so(person, capsys):
    """In the browser and by the command."""
    person.server.consent = Consent.deny()
    async with connecting(person, capsys) as (task, browser, address):
        async with browser.get(address) as page:
            assert "Not connected" in await page.text()
        with pytest.raises(ConsentDenied):
            await task


async def test_nobody_comes(person):
    """It is not waited for for ever, and the port is free again."""
    with pytest.raises(AuthorizationExpired, match="nobody answered within"):
        await person.answer("connect", "example", "--no-open", "--timeout", "0.2")
    with socket.socket() as again:
        again.bind(("127.0.0.1", person.port))


async def test_by_a_device(person, capsys):
    """The address and the code are said; what is typed there connects."""
    task = asyncio.create_task(person.answer("connect", "example", "--device", "--user", "zoe"))
    said = ""
    while not (found := re.search(r"open (\S+) and type in (\S+)", said)):
        assert not task.done(), task
        await asyncio.sleep(0.01)
        said += capsys.readouterr().err
    person.server.approve_device(found[2])
    answer = await task
    assert (answer.data["link"]["user"], found[1].startswith("http://127.0.0.1:")) == ("zoe", True)


async def test_a_port_that_is_taken(person):
    """It is told, with its number."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", person.port))
        taken.listen()
        with pytest.raises(ConfigurationError, match=f"port {person.port} of 127.0.0.1 cannot be had"):
            await person.answer("connect", "example", "--no-open")


async def test_a_port_that_is_free():
    """Without one said, the system chooses, each time; only this machine can reach it."""
    redirect = loopback_redirect("github", None)
    async with LoopbackServer(redirect) as one, LoopbackServer(redirect) as two:
        uris = [URL(one.redirect_uri), URL(two.redirect_uri)]
    assert [uri.path for uri in uris] == ["/callback/github"] * 2
    assert (uris[0].host, uris[0].port != uris[1].port) == ("127.0.0.1", True)


@pytest.mark.parametrize(
    "uri",
    [
        "https://127.0.0.1/x",
        "http://app.example/x",
        "http://127.0.0.1@evil.example/x",
        "http://0.0.0.0/x",
        "http://127.0.0.1:x/x",
        "http://127.0.0.1",
        "http://127.0.0.1/x?a=b",
    ],
)
def test_a_redirect_uri_elsewhere(uri):
    """What is not this machine is refused; a code would go there."""
    with pytest.raises(ConfigurationError, match="must be on this machine"):
        loopback_redirect("github", uri)


@pytest.mark.parametrize(
    ("uri", "at"),
    [
        ("http://localhost/x", "http://localhost:1/x"),
        ("http://[::1]:8400/x/y", "http://[::1]:1/x/y"),
        ("http://127.0.0.1:8400/x", "http://127.0.0.1:1/x"),
    ],
)
def test_a_redirect_uri_here(uri, at):
    """Its host stays as it is written: it is compared by characters."""
    assert loopback_redirect("github", uri).at(1) == at


BOTH = LinkingTraits(authorization_endpoint="https://x.example/a", device=True)
BY_BROWSER = LinkingTraits(authorization_endpoint="https://x.example/a")
BY_DEVICE = LinkingTraits(device=True)
SSH = {"SSH_CONNECTION": "1"}


@pytest.mark.parametrize(
    ("traits", "wanted", "configured", "environ", "flow"),
    [
        (BOTH, None, None, {}, "browser"),
        (BOTH, None, None, SSH, "device"),
        (BOTH, None, None, {**SSH, "DISPLAY": ":0"}, "browser"),
        (BY_BROWSER, None, None, SSH, "browser"),
        (BY_DEVICE, None, None, {}, "device"),
        (BOTH, None, "device", {}, "device"),
        (BOTH, "browser", "device", SSH, "browser"),
    ],
    ids=["here", "ssh", "ssh with display", "no device", "no browser", "configured", "said"],
)
def test_which_flow(traits, wanted, configured, environ, flow):
    """By a browser where there is one; what is said wins."""
    assert chosen_flow(traits, wanted=wanted, configured=configured, environ=environ) == flow


@pytest.mark.parametrize(
    ("traits", "wanted"), [(BY_BROWSER, "device"), (BY_DEVICE, "browser"), (LinkingTraits(), None)]
)
def test_no_such_flow(traits, wanted):
    """It is told before anything is asked."""
    with pytest.raises(ConfigurationError, match="the provider has n"):
        chosen_flow(traits, wanted=wanted, configured=None, environ={})
