"""Undoing the encoding of an answer's content, wholly or not at all. Pure.

Every request asks for none (RFC 9110 section 12.5.3). A cache or a careless server may encode all the same.
"""

from __future__ import annotations

import zlib
from typing import Final

from extauth.adapters.oauth2.reading.json_kinds import is_object
from extauth.adapters.oauth2.reading.json_reading import read_json

TOO_LARGE: Final = "reply_too_large"
UNDECODABLE: Final = "reply_undecodable"

_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB: Final = zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS

_WAYS: Final = {
    "gzip": (_GZIP,),
    "x-gzip": (_GZIP,),
    # With the wrapping that RFC 9110 section 8.4.1.2 asks for, or bare as some servers send it.
    "deflate": (_ZLIB, _RAW),
}
_OTHER_COMPRESSIONS: Final = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz"})
"""What stands in ``Content-Encoding`` beside these is no compression but a mistake, as ``utf-8`` is."""

_MOST_PARTS: Final = 100
"""Of one content. What follows a part is copied each time, and empty parts are a few bytes: hundreds of
thousands of them would hold the event loop for many seconds."""


class UnusableContentError(Exception):
    """The content of an answer cannot be used. ``code`` says why, as in an outcome."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def is_encoded(coding: str) -> bool:
    """Whether a ``Content-Encoding`` in lower case names a compression, or a list with one in it."""
    names = {name.strip() for name in coding.split(",")}
    return not names.isdisjoint(_WAYS.keys() | _OTHER_COMPRESSIONS)


def decoded(content: bytes, coding: str, longest: int) -> bytes:
    """Return the content without its encoding, of which there may be one.

    A JSON object that was never encoded, whatever the header says, is returned as it is.

    :raises UnusableContentError: :data:`UNDECODABLE` for what has no end mark, does not match its checksum
        or is encoded in another way; :data:`TOO_LARGE` if it unpacks to more than ``longest`` bytes, or is
        in more parts than anybody sends.
    """
    if not content:
        return content
    for wbits in _WAYS.get(coding, ()):
        try:
            return _inflated(content, wbits, longest)
        except zlib.error:
            continue
    if is_object(read_json(content)):
        return content
    raise UnusableContentError(UNDECODABLE)


def _inflated(content: bytes, wbits: int, longest: int) -> bytes:
    unpacked = bytearray()
    parts = 0
    while content:
        parts += 1
        stream = zlib.decompressobj(wbits)
        unpacked += stream.decompress(content, longest + 1 - len(unpacked))
        if len(unpacked) > longest or parts > _MOST_PARTS:
            raise UnusableContentError(TOO_LARGE)
        if not stream.eof:
            # Cut off: what came out so far may end within a token.
            raise zlib.error
        # A gzip file may have several members (RFC 1952 section 2.2).
        content = stream.unused_data
    return bytes(unpacked)
