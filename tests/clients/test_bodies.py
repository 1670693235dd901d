"""Which requests are sent again after a refusal: those whose body is the same then."""

from __future__ import annotations

import asyncio
import io
import os

import aiohttp
import httpx
import httpx2
import pytest

from extauth.clients.aiohttp import TokenMiddleware
from tests.clients.test_where_tokens_go import redirect
from tests.clients.world import by_httpx, by_httpx2

HTTPX = {"httpx": (by_httpx, httpx), "httpx2": (by_httpx2, httpx2)}


@pytest.fixture
async def by_hand(world):
    """A session of aiohttp's whose requests are made as the test wants."""
    middleware = TokenMiddleware(world.auth, "example", "alice", origins=[world.api.url])
    async with aiohttp.ClientSession(middlewares=[middleware]) as session:
        yield session


@pytest.fixture(params=list(HTTPX))
def either(request):
    """A client of httpx's or httpx2's, and its package."""
    return HTTPX[request.param]


async def parts(*sent: bytes):
    """Yield a body."""
    for part in sent:
        yield part


class Once(io.RawIOBase):
    """A file that is read once, like a socket."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self._content.readinto(buffer)


def unseekable(content: bytes) -> io.BufferedReader:
    """Return a file that cannot be rewound."""
    return io.BufferedReader(Once(content))


def a_form(*files: object) -> aiohttp.FormData:
    """Return a form with files."""
    form = aiohttp.FormData()
    form.add_field("name", "value")
    for number, file in enumerate(files):
        form.add_field(f"file{number}", file, filename="a.bin")
    return form


REPEATABLE = {
    "nothing": dict,
    "bytes": lambda: {"data": b"body"},
    "text": lambda: {"data": "body"},
    "json": lambda: {"json": {"a": 1}},
    "form": lambda: {"data": {"a": "1"}},
    "file": lambda: {"data": io.BytesIO(b"body")},
    "multipart": lambda: {"data": a_form(io.BytesIO(b"body"), b"bytes")},
}
ONCE_ONLY = {
    "generator": lambda: {"data": parts(b"one", b"two")},
    "stream": lambda: {"data": unseekable(b"body")},
    "stream in a form": lambda: {"data": a_form(unseekable(b"body"))},
}


@pytest.mark.parametrize("body", list(REPEATABLE))
async def test_aiohttp_sends_what_is_the_same_again(world, by_hand, body):
    """All of it, as the first time."""
    await world.revoke()
    async with by_hand.post(f"{world.api.url}/me", **REPEATABLE[body]()) as answer:
        assert answer.status == 200
    first, second = world.api.seen
    assert (first.body, first.headers["Content-Length"]) == (second.body, second.headers["Content-Length"])
    assert bool(first.body) is (body != "nothing")


async def test_aiohttp_sends_a_file_again_from_where_it_began(world, by_hand, tmp_path):
    """Not from its beginning, and closes it once."""
    path = tmp_path / "upload.bin"
    path.write_bytes(b"head" + b"body" * 100_000)
    await world.revoke()
    with path.open("rb") as file:
        file.seek(4)
        async with by_hand.post(f"{world.api.url}/me", data=file) as answer:
            assert answer.status == 200
    assert [each.body for each in world.api.seen] == [b"body" * 100_000] * 2


@pytest.mark.parametrize("body", list(ONCE_ONLY))
async def test_aiohttp_sends_nothing_again_that_is_gone(world, by_hand, body):
    """The 401 is handed back; the next call has another token."""
    await world.revoke()
    async with by_hand.post(f"{world.api.url}/me", **ONCE_ONLY[body]()) as answer:
        assert (answer.status, await answer.json()) == (401, {"error": "invalid_token"})
    assert len(world.api.seen) == 1
    async with by_hand.post(f"{world.api.url}/me", **ONCE_ONLY[body]()) as answer:
        assert answer.status == 200
    assert world.server.grants.exchanges == 1


async def test_aiohttp_sends_no_rest_of_a_body(world, by_hand):
    """A refusal that comes before a generator was read to its end is handed back, too."""
    await world.revoke()
    held = asyncio.Event()

    async def body():
        yield b"one"
        await held.wait()
        yield b"two"

    async with by_hand.post(f"{world.api.url}/early", data=body()) as answer:
        assert answer.status == 401
    assert len(world.api.seen) == 1


async def test_aiohttp_sends_a_file_again_that_was_refused_early(world, by_hand):
    """Whole, though the first time was given up in the middle."""
    await world.revoke()
    large = os.urandom(2**22)
    async with by_hand.post(f"{world.api.url}/early", data=io.BytesIO(large)) as answer:
        assert answer.status == 200
    assert world.api.seen[-1].body == large


async def test_aiohttp_waits_for_100_continue_again(world, by_hand):
    """As in the first request."""
    await world.revoke()
    async with by_hand.post(f"{world.api.url}/me", data=b"body", expect100=True) as answer:
        assert answer.status == 200
    assert [each.body for each in world.api.seen] == [b"body"] * 2


HTTPX_REPEATABLE = {
    "nothing": dict,
    "bytes": lambda: {"content": b"body"},
    "json": lambda: {"json": {"a": 1}},
    "form": lambda: {"data": {"a": "1"}},
    "multipart": lambda: {"data": {"a": "1"}, "files": {"f": io.BytesIO(b"body"), "g": b"bytes"}},
}
HTTPX_ONCE_ONLY = {
    "generator": lambda: {"content": parts(b"one", b"two")},
    "stream in a form": lambda: {"files": {"f": unseekable(b"body"), "g": b"bytes"}},
}


@pytest.mark.parametrize("body", list(HTTPX_REPEATABLE))
async def test_httpx_sends_what_is_the_same_again(world, either, body):
    """All of it, as the first time."""
    client, _ = either
    await world.revoke()
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        answer = await send("POST", f"{world.api.url}/me", **HTTPX_REPEATABLE[body]())
    first, second = world.api.seen
    assert (answer.status, first.body) == (200, second.body)
    assert bool(first.body) is (body != "nothing")


@pytest.mark.parametrize("body", list(HTTPX_ONCE_ONLY))
async def test_httpx_sends_nothing_again_that_is_gone(world, either, body):
    """The 401 is handed back; the next call has another token."""
    client, _ = either
    await world.revoke()
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        answers = [await send("POST", f"{world.api.url}/me", **HTTPX_ONCE_ONLY[body]()) for _ in range(2)]
    assert [answer.status for answer in answers] == [401, 200]
    assert (len(world.api.seen), world.server.grants.exchanges) == (2, 1)


async def test_nothing_is_done_twice(world, client):
    """Of a POST that was answered and led to a page that refuses, only the page is asked for again."""
    await world.revoke()
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        answer = await send("POST", redirect(world.api, f"{world.api.url}/me", 303), content=b"body")
    assert answer.status == 200
    assert [(each.method, each.path) for each in world.api.seen] == [
        ("POST", "/to"),
        ("GET", "/me"),
        ("GET", "/me"),
    ]


async def test_a_redirected_body_is_sent_again(world, client):
    """Where the redirect keeps it (307)."""
    await world.revoke()
    async with client(world.auth, "alice", origins=[world.api.url]) as send:
        answer = await send("POST", redirect(world.api, f"{world.api.url}/me", 307), content=b"body")
    assert answer.status == 200
    assert [each.body for each in world.api.seen] == [b"body"] * 3
