from __future__ import annotations

import gzip
import zlib

import pytest

from extauth.adapters.oauth2.http.content_encoding import UnusableContentError, decoded, is_encoded

TEXT = b"access_token=at-1&refresh_token=rt-1" * 20
LONGEST = 100_000


def packed(wbits: int) -> bytes:
    """Return the text in one of zlib's formats."""
    packing = zlib.compressobj(wbits=wbits)
    return packing.compress(TEXT) + packing.flush()


def code_of(content: bytes, coding: str, longest: int = LONGEST) -> str:
    """Return why the content cannot be used."""
    with pytest.raises(UnusableContentError) as caught:
        decoded(content, coding, longest)
    return caught.value.code


FIRST_PART = gzip.compress(TEXT[:50], mtime=0)
PACKED = [
    ("gzip", packed(31)),
    ("x-gzip", packed(31)),
    ("gzip", FIRST_PART + gzip.compress(TEXT[50:], mtime=0)),
    ("deflate", packed(15)),
    ("deflate", packed(-15)),
]


@pytest.mark.parametrize(("coding", "content"), PACKED)
def test_a_whole_stream_is_unpacked(coding: str, content: bytes) -> None:
    """With any of the wrappings that servers send, in one part or several."""
    assert decoded(content, coding, LONGEST) == TEXT


@pytest.mark.parametrize(("coding", "content"), PACKED)
def test_a_stream_that_was_cut_off_is_refused(coding: str, content: bytes) -> None:
    """At whichever byte, but between two parts, where nothing can tell."""
    for length in range(1, len(content)):
        if content[:length] != FIRST_PART:
            assert code_of(content[:length], coding) == "reply_undecodable"


@pytest.mark.parametrize(("coding", "wbits"), [("gzip", 31), ("deflate", 15), ("deflate", -15)])
def test_more_parts_than_anybody_sends_are_not_unpacked(coding: str, wbits: int) -> None:
    """What follows is copied with each: a megabyte of empty ones took ten seconds, and nothing else ran."""
    packing = zlib.compressobj(wbits=wbits)
    empty = packing.compress(b"") + packing.flush()

    assert decoded(empty * 100, coding, LONGEST) == b""
    assert code_of(empty * 101, coding) == "reply_too_large"


@pytest.mark.parametrize("wbits", [31, 15])
def test_a_wrong_checksum_is_refused(wbits: int) -> None:
    """What came out is not what was sent."""
    content = bytearray(packed(wbits))
    content[-5 if wbits == 31 else -1] ^= 1

    assert code_of(bytes(content), "gzip" if wbits == 31 else "deflate") == "reply_undecodable"


@pytest.mark.parametrize(("coding", "content"), PACKED)
def test_the_length_is_bounded_as_it_comes_out(coding: str, content: bytes) -> None:
    """Exactly the longest is let pass."""
    assert decoded(content, coding, len(TEXT)) == TEXT
    assert code_of(content, coding, len(TEXT) - 1) == "reply_too_large"


def test_a_bomb_is_not_unpacked() -> None:
    """Not in one part, and not in many small ones."""
    assert code_of(gzip.compress(bytes(50_000_000)), "gzip") == "reply_too_large"
    assert code_of(gzip.compress(bytes(1000)) * 1000, "gzip") == "reply_too_large"


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip, br", "compress"])
def test_what_cannot_be_undone_is_said(coding: str) -> None:
    """Two encodings, and those that Python has no decoder for."""
    assert is_encoded(coding)
    assert code_of(packed(31), coding) == "reply_undecodable"


@pytest.mark.parametrize("coding", ["", "identity", "utf-8", "none", "binary"])
def test_other_words_are_no_encoding(coding: str) -> None:
    """Servers put a charset there."""
    assert not is_encoded(coding)


def test_nothing_needs_no_decoding() -> None:
    """An empty answer says all by its status."""
    assert decoded(b"", "gzip", LONGEST) == b""


def test_json_that_was_never_encoded_is_itself() -> None:
    """A gateway decompressed it and left the header."""
    assert decoded(b'{"a": 1}', "gzip", LONGEST) == b'{"a": 1}'
    assert code_of(b'{"a": 1', "gzip") == "reply_undecodable"
    assert code_of(b"a=1", "gzip") == "reply_undecodable"
