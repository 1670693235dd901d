from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.adapters.oauth2.http.arrivals import Arrivals
from extauth.adapters.oauth2.http.heads import LONGEST_HEAD, Head, head_end, put_in_order

LINE = b"HTTP/1.1 200 OK\r\n"
CLOSE = b"Connection: close\r\n"


def head(*lines: bytes, line: bytes = LINE) -> bytes:
    """Return a head of these lines."""
    return line + b"".join(each + b"\r\n" for each in lines) + b"\r\n"


ORDERLY = [
    head(b"Content-Length: 5", b"Server: a"),
    head(b"content-length:5"),
    head(b"Transfer-Encoding: gzip, chunked"),
    head(b"X-Name: caf\xe9", b"X-Tab: a\tb", b"X-Empty:"),
    head(b"Set-Cookie: a=1", b"Set-Cookie: b=2"),
    head(line=b"HTTP/1.0 404 \r\n"),
    head(line=b"HTTP/1.1 200\r\n"),
    LINE.replace(b"\r", b"") + b"A: b\n\n",
    b"\r\n" + head(b"A: b"),
]


@pytest.mark.parametrize("given_head", ORDERLY)
def test_what_is_in_order_stays_as_it_is(given_head: bytes) -> None:
    """To the byte."""
    assert put_in_order(given_head).content == given_head


MENDED = [
    (head(b"Content-Length: 5", b"Content-Length: 5"), b"Content-Length: 5\r\n", 5),
    (head(b"Content-Length: 5, 5"), b"Content-Length: 5\r\n", 5),
    (head(b"Content-Length: +5"), b"Content-Length: 5\r\n", 5),
    (head(b"Content-Length: 5", b"Content-Length: 6"), b"", None),
    (head(b"Content-Length: five"), b"", None),
    (head(b"Content-Length:"), b"", None),
    (
        head(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        b"Transfer-Encoding: chunked\r\n",
        None,
    ),
    (head(b"Transfer-Encoding: identity", b"Content-Length: 5"), b"Content-Length: 5\r\n", 5),
    (head(b"X-Name : a"), b"X-Name: a\r\n", None),
    (head(b"X Name: a"), b"", None),
    (head(b": a"), b"", None),
    (head(b"no colon"), b"", None),
    (head(b"X-N\xe4me: a"), b"", None),
    (head(b"X-Name: a\x00b\rc"), b"X-Name: a b c\r\n", None),
    (head(b"X-Name: a", b" b", b"bad"), b"X-Name: a b\r\n", None),
    (head(b"X-Long: " + b"a" * (64 * 1024 + 1)), b"", None),
    (head(b"Upgrade: h2", b"Connection: upgrade", b"Keep-Alive: timeout=5", b"bad"), b"", None),
    (head(b"A: b", line=b"HTTP/2 200\r\n"), b"A: b\r\n", None),
    (head(b"A: b", line=b"http/1.1  200  OK\r\n").replace(b"OK", b"OK"), b"A: b\r\n", None),
]


@pytest.mark.parametrize(("given_head", "fields", "length"), MENDED)
def test_what_is_wrong_is_left_out(given_head: bytes, fields: bytes, length: int | None) -> None:
    """And the connection is not used again."""
    mended = put_in_order(given_head)

    assert mended.content.split(b"\r\n", 1)[1] == fields + CLOSE + b"\r\n"
    assert mended.content.startswith(b"HTTP/1.1 200")
    assert mended.length == length


def test_of_very_many_fields_those_that_matter_are_kept() -> None:
    """The framing among them, if it is within the first 500."""
    lines = [b"X-%d: a" % number for number in range(600)]

    kept = put_in_order(head(b"Content-Length: 5", *lines)).content.split(b"\r\n")

    assert b"Content-Length: 5" in kept
    assert b"X-498: a" in kept
    assert b"X-499: a" not in kept


def test_a_field_of_very_many_lines_takes_time_in_proportion() -> None:
    """A megabyte of them held the event loop for seconds, when each was copied with all before it."""

    def took(lines: int) -> float:
        folded = LINE + b"A: b" + b"\n c" * lines + b"\r\n\r\n"
        began = time.process_time()
        put_in_order(folded)
        return time.process_time() - began

    rounds = [(took(20_000), took(160_000)) for _ in range(3)]
    few, many = (min(each) for each in zip(*rounds, strict=True))
    assert many < few * 24  # 8 in proportion, 64 by the square


def test_a_body_that_is_longer_than_it_says_ends_the_connection() -> None:
    """What follows is no answer to anything."""
    orderly = head(b"Content-Length: 5")

    assert put_in_order(orderly, 5).content == orderly
    assert CLOSE in put_in_order(orderly, 6).content


def test_what_is_no_head_is_handed_on() -> None:
    """The HTTP client says what is wrong with it."""
    for nonsense in (b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 2000 X\r\n\r\n", b"\r\nHTTP/1.1\r\n\r\n"):
        assert Head(nonsense) == put_in_order(nonsense)


def test_an_interim_answer_is_followed_by_another() -> None:
    """But for 101, after which no HTTP comes."""
    assert put_in_order(head(line=b"HTTP/1.1 103 Early Hints\r\n")).interim
    assert not put_in_order(head(line=b"HTTP/1.1 101 Switching Protocols\r\n")).interim
    assert CLOSE not in put_in_order(head(b"bad", line=b"HTTP/1.1 100 Continue\r\n")).content


@given(
    st.lists(
        st.sampled_from(
            [b"HTTP/1.1 200 OK", b"A:b", b"A :\x00", b" c", b"\r", b"\n", b"\r\n", b"", b":", b"\xff"]
        )
    )
)
def test_any_bytes_have_an_end_or_none(parts: list[bytes]) -> None:
    """Nothing is raised, and what is put in order is in order."""
    received = b"".join(parts)
    end = head_end(received)
    if end is not None:
        once = put_in_order(received[:end])
        assert head_end(once.content) == len(once.content)
        assert put_in_order(once.content).content == once.content


class Client:
    """Stands for the HTTP client's protocol, and notes what it is told of."""

    transport = None

    def __init__(self) -> None:
        self.told = b""
        self.closed = False

    def force_close(self) -> None:
        self.closed = True

    def data_received(self, data: bytes) -> None:
        self.told += data


EARLY = head(b"Link: </a>", line=b"HTTP/1.1 103 Early Hints\r\n")
ANSWERS = {
    EARLY + head(b"Content-Length: 5", b"Content-Length: 5") + b"hello": b"hello",
    head(b"Transfer-Encoding: chunked", b"bad") + b"5\r\nhello\r\n0\r\n\r\n": b"5\r\nhello\r\n0\r\n\r\n",
    head(b"Content-Length: 0", b"bad"): b"",
    head(b"A: b") + b"until the close": b"until the close",
}


@given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(1, 120)))
def test_an_answer_is_the_same_however_it_arrives(raw: bytes, cuts: list[int]) -> None:
    """In any number of parts."""
    client: Any = Client()
    arrivals = Arrivals()
    arrivals.await_on(client)
    places = [0, *sorted({min(cut, len(raw)) for cut in cuts}), len(raw)]
    for begin, end in itertools.pairwise(places):
        client.data_received(raw[begin:end])

    *_, last = client.told.partition(b"HTTP/1.1 200")
    assert last.partition(b"\r\n\r\n")[2] == ANSWERS[raw]


def test_the_next_answer_is_not_looked_at() -> None:
    """The connection is whose request comes next; none does where more came than the answer."""
    client: Any = Client()
    arrivals = Arrivals()
    arrivals.await_on(client)
    client.data_received(head(b"Content-Length: 5") + b"hel")
    assert "data_received" in vars(client)
    client.data_received(b"lo and more")
    assert "data_received" not in vars(client)
    client.data_received(b"the next")
    assert client.told == head(b"Content-Length: 5") + b"hellothe next"
    assert client.closed


def test_only_its_own_place_is_given_up() -> None:
    """Another request may have taken the connection over."""
    client: Any = Client()
    first, second = Arrivals(), Arrivals()
    first.await_on(client)
    second.await_on(client)
    first.end()
    assert "data_received" in vars(client)
    second.end()
    second.end()
    assert "data_received" not in vars(client)


def test_what_has_no_place_for_it_is_left_alone() -> None:
    """An HTTP client that is built in another way judges alone."""
    for other in (None, object()):
        Arrivals().await_on(other)


def test_interim_answers_without_end_are_not_read() -> None:
    """A server could keep the event loop busy with them until the request's time is up."""
    client: Any = Client()
    arrivals = Arrivals()
    arrivals.await_on(client)
    client.data_received(EARLY * 100)
    assert not arrivals.too_long
    client.data_received(EARLY)
    assert arrivals.too_long
    assert client.told == EARLY * 100
    assert "data_received" not in vars(client)


def test_a_head_without_end_is_not_kept() -> None:
    """More than 1 MiB of it is no answer."""
    client: Any = Client()
    arrivals = Arrivals()
    arrivals.await_on(client)
    client.data_received(LINE + b"A: " + b"a" * LONGEST_HEAD)
    assert arrivals.too_long
    assert client.told == b""
    assert "data_received" not in vars(client)
