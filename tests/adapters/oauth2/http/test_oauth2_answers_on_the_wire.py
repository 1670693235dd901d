"""What is kept of a refresh whose answer is unusual on the wire: the provider has rotated by then."""

from __future__ import annotations

import asyncio
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar

from extauth import LinkKey, ProviderUnavailable, TokenService, TokenSet, open_store
from extauth.adapters.oauth2 import OAuth2Provider, client_session
from tests.adapters.oauth2.conftest import Request, read_request, running_server
from tests.support.tls import tls_contexts

KEY = LinkKey("p", "alice")
JSON = b'{"access_token": "at-1", "refresh_token": "rt-1", "expires_in": 3600}'
FORM = b"access_token=at-1&token_type=bearer&refresh_token=rt-1-and-the-rest-of-it"
FORM_TOKEN = "rt-1-and-the-rest-of-it"


def answer(body: bytes, *fields: str, version: str = "1.1", length: int | None = -1) -> bytes:
    """Return an answer that says its length, another one, or with None that lasts until the close."""
    named = [] if length is None else [f"Content-Length: {len(body) if length < 0 else length}"]
    head = "\r\n".join([f"HTTP/{version} 200 OK", "Content-Type: application/json", *fields, *named])
    return head.encode() + b"\r\n\r\n" + body


def chunked(body: bytes, *fields: str, end: bytes = b"0\r\n\r\n", version: str = "1.1") -> bytes:
    """Return an answer in two chunks and what ends them."""
    half = len(body) // 2
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:]))
    return answer(chunks + end, "Transfer-Encoding: chunked", *fields, version=version, length=None)


def deflated(body: bytes, wbits: int) -> bytes:
    """Return the body with a gzip (31) or zlib (15) wrapping, or none (-15)."""
    packing = zlib.compressobj(wbits=wbits)
    return packing.compress(body) + packing.flush()


class Replica:
    """A refresh through the whole library, on SQLite."""

    def __init__(self, server: Any, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.requests: list[Request] = []

    async def refresh(
        self, raw: bytes, *, session: ClientSession | None = None, url: str | None = None, clean: bool = True
    ) -> tuple[str, str | None]:
        """Answer the refresh with these bytes and close; return what the caller got and what is stored.

        Without ``clean`` TLS is not told of the end.
        """

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.requests.append(await read_request(reader))
            writer.write(raw)
            await writer.drain()
            if not clean:
                writer.transport.abort()

        self.server.conversation = converse
        provider = OAuth2Provider(
            "p", client_id="app", client_secret="s", token_url=url or self.server.url, session=session
        )
        async with open_store(f"sqlite:///{self.folder}/links.db") as store:
            expired = TokenSet("at-0", "rt-0", expires_at=datetime.now(UTC) - timedelta(minutes=1))
            await store.put(KEY, expired, origin=provider.origin)
            async with TokenService(store, [provider]) as tokens:
                try:
                    got = await tokens.access_token(KEY.provider_id, KEY.user_id)
                except ProviderUnavailable as error:
                    got = error.code
            link = await store.get(KEY)
            assert link is not None
            return got, link.tokens.refresh_token


SAVED = ("at-1", "rt-1")
FORM_SAVED = ("at-1", FORM_TOKEN)
LOST = ("provider_unavailable", "rt-0")
"""The old token stays, to be presented when there is nothing left to lose."""


@pytest.fixture
def replica(server: Any, tmp_path: Path) -> Replica:
    """A replica whose provider is the raw server."""
    return Replica(server, tmp_path)


LONG = {
    "a field": ["Content-Security-Policy: script-src " + "https://a.example " * 600],
    "the longest field": ["Content-Security-Policy: " + "a" * 64 * 1024],
    "a cookie": ["Set-Cookie: session=" + "a" * 20_000 + "; Path=/; HttpOnly"],
    "many fields": [f"X-Field-{number}: a" for number in range(300)],
}


@pytest.mark.parametrize("fields", LONG.values(), ids=LONG.keys())
@pytest.mark.parametrize("shared", [False, True])
async def test_long_headers_lose_no_answer(replica: Replica, fields: list[str], shared: bool) -> None:
    """Fields of 64 KiB, and hundreds of them, through an application's own session too."""
    async with ClientSession(cookie_jar=DummyCookieJar(), max_field_size=100, max_line_size=100) as session:
        assert await replica.refresh(answer(JSON, *fields), session=session if shared else None) == SAVED


async def test_a_long_status_line_loses_no_answer(replica: Replica) -> None:
    """The reason is the server's own prose."""
    assert await replica.refresh(answer(JSON).replace(b"200 OK", b"200 " + b"O" * 60_000)) == SAVED


@pytest.mark.parametrize("shared", [False, True])
async def test_no_encoding_is_asked_for(replica: Replica, shared: bool) -> None:
    """Whatever decoders are installed, and whatever the application's session has as default."""
    async with client_session(headers={"accept-encoding": "br, zstd, gzip"}, reach="loopback") as session:
        await replica.refresh(answer(JSON), session=session if shared else None)

    assert replica.requests[0].headers["accept-encoding"] == "identity"


WRAPPINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15, "bare deflate": -15}


@pytest.mark.parametrize("length", [-1, None])
@pytest.mark.parametrize("wrapping", WRAPPINGS)
async def test_a_compressed_answer_is_read_all_the_same(
    replica: Replica, wrapping: str, length: int | None
) -> None:
    """Its end mark vouches for a form that lasts until the close."""
    coding = f"Content-Encoding: {wrapping.removeprefix('bare ')}"
    body = deflated(FORM, WRAPPINGS[wrapping])

    assert await replica.refresh(answer(body, coding, length=length)) == FORM_SAVED


@pytest.mark.parametrize("length", [-1, None])
@pytest.mark.parametrize("body", [JSON, FORM], ids=["json", "form"])
@pytest.mark.parametrize("wrapping", WRAPPINGS)
async def test_a_compressed_answer_that_was_cut_off_is_none(
    replica: Replica, wrapping: str, body: bytes, length: int | None
) -> None:
    """By one byte of the end mark, or by part of a token."""
    coding = f"Content-Encoding: {wrapping.removeprefix('bare ')}"
    whole = deflated(body, WRAPPINGS[wrapping])

    for cut in (1, 12):
        assert await replica.refresh(answer(whole[:-cut], coding, length=length)) == LOST


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br", "gzip", "deflate"])
async def test_an_encoding_that_cannot_be_undone_leaves_the_old_token(replica: Replica, coding: str) -> None:
    """It may have been a success."""
    junk = b"\x0b\x02\x80not really encoded\x03"

    assert await replica.refresh(answer(junk, f"Content-Encoding: {coding}")) == LOST


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip", "deflate", "identity", "utf-8"])
async def test_an_answer_that_was_never_encoded_is_read(replica: Replica, coding: str) -> None:
    """A gateway may decompress and leave the field where it was."""
    assert await replica.refresh(answer(JSON, f"Content-Encoding: {coding}")) == SAVED


FRAMED = {
    "a length": answer(FORM),
    "a length of HTTP/1.0": answer(FORM, version="1.0"),
    "chunks": chunked(FORM),
    "chunks of HTTP/1.0": chunked(FORM, version="1.0"),
    "chunks of something": chunked(FORM).replace(b"chunked", b"identity, Chunked"),
}


@pytest.mark.parametrize("raw", FRAMED.values(), ids=FRAMED.keys())
async def test_a_form_with_an_end_is_an_answer(replica: Replica, raw: bytes) -> None:
    """Its length or its last chunk says that nothing is missing."""
    assert await replica.refresh(raw) == FORM_SAVED


CUT = {
    "the close": answer(FORM[:-10], length=None),
    "the close of HTTP/1.0": answer(FORM[:-10], version="1.0", length=None),
    "a length": answer(FORM[:-10], length=len(FORM)),
    "a length of HTTP/1.0": answer(FORM[:-10], version="1.0", length=len(FORM)),
    "chunks": chunked(FORM[:-10], end=b""),
    "a chunk": chunked(FORM)[:-20],
    "chunks of HTTP/1.0": chunked(FORM[:-10], end=b"", version="1.0"),
    "another last coding": answer(FORM[:-10], "Transfer-Encoding: chunked, gzip", length=None),
    "a later coding": answer(
        FORM[:-10], "Transfer-Encoding: chunked", "Transfer-Encoding: identity", length=None
    ),
}


@pytest.mark.parametrize("raw", CUT.values(), ids=CUT.keys())
async def test_a_form_that_may_be_cut_off_is_no_answer(replica: Replica, raw: bytes) -> None:
    """Half a refresh token would be stored over the whole one."""
    assert await replica.refresh(raw) == LOST


CLOSED = {
    "the close": answer(JSON, length=None),
    "the close of HTTP/1.0": answer(JSON, version="1.0", length=None),
    "a length that is too long": answer(JSON, length=len(JSON) + 5),
    "chunks without the last": chunked(JSON, end=b""),
    "chunks without the last line": chunked(JSON, end=b"0\r\n"),
}


@pytest.mark.parametrize("raw", CLOSED.values(), ids=CLOSED.keys())
async def test_json_has_an_end_mark_of_its_own(replica: Replica, raw: bytes) -> None:
    """Its last brace has come, whatever the connection did then."""
    assert await replica.refresh(raw) == SAVED


async def test_json_that_was_cut_off_is_no_answer(replica: Replica) -> None:
    """Without its last brace, wherever that was lost."""
    for cut in (1, 2, 20, 30, len(JSON)):
        assert await replica.refresh(answer(JSON[:-cut], length=None)) == LOST


async def test_tls_that_ends_without_a_word_marks_no_end(replica: Replica, tmp_path: Path) -> None:
    """Anybody on the way can close the connection; only TLS's own close says that it was the server."""
    served, trusting = tls_contexts(tmp_path)
    async with (
        running_server(ssl=served) as server,
        client_session(reach="loopback", ssl=trusting) as session,
    ):
        replica.server = server
        url = f"https://localhost:{server.port}/token"
        for raw, expected in (
            (answer(FORM[:-10], length=None), LOST),
            (answer(JSON[:-10], length=None), LOST),
            (answer(FORM[:-10], length=len(FORM)), LOST),
            (answer(JSON, length=None), SAVED),
        ):
            assert expected == await replica.refresh(raw, session=session, url=url, clean=False)


READABLE = {
    "a name in Latin-1": JSON[:-1] + b', "name": "Ren\xe9"}',
    "a line break in a text": JSON[:-1] + b', "name": "two\nlines"}',
    "a lone surrogate": JSON[:-1] + b', "name": "\\ud800"}',
    "a number that is none": JSON[:-1] + b', "number": NaN}',
    "a byte order mark": b"\xef\xbb\xbf" + JSON,
    "UTF-16": JSON.decode().encode("utf-16"),
}


@pytest.mark.parametrize("body", READABLE.values(), ids=READABLE.keys())
async def test_a_fault_in_another_member_loses_no_token(replica: Replica, body: bytes) -> None:
    """The rotation has happened."""
    assert await replica.refresh(answer(body)) == SAVED


@pytest.mark.parametrize("more", [b"&name=Ren%E9", b"&name=Ren\xe9", b"&scope=a&scope=b"])
async def test_a_fault_in_another_field_of_a_form_loses_no_token(replica: Replica, more: bytes) -> None:
    """As with JSON."""
    assert await replica.refresh(answer(FORM + more)) == FORM_SAVED


async def test_a_token_with_a_fault_is_not_stored(replica: Replica) -> None:
    """What would stand in its place is not what the provider gave."""
    assert await replica.refresh(answer(JSON.replace(b"rt-1", b"rt-\xe9"))) == LOST
