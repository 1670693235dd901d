"""Reading the answer to a request to its end, so that nothing but the network can lose it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Final, TypedDict, final

import attrs
from aiohttp import ClientError, ClientResponse, ClientSession

from extauth.adapters.oauth2.http.content_encoding import TOO_LARGE, UnusableContentError, decoded, is_encoded
from extauth.adapters.oauth2.reading.json_kinds import is_object
from extauth.adapters.oauth2.reading.json_reading import read_json

_LONGEST_FIELD: Final = 65 * 1024
"""In bytes: 64 KiB, and the name. aiohttp's 8,190 are less than some content security policies have."""
_MOST_FIELDS: Final = 512


class _Reading(TypedDict, total=False):
    auto_decompress: bool
    max_line_size: int
    max_field_size: int
    max_headers: int


def _reading() -> _Reading:
    # Decompressed here: the HTTP client does not look for the end mark of gzip.
    reading = _Reading(auto_decompress=False, max_line_size=_LONGEST_FIELD, max_field_size=_LONGEST_FIELD)
    # Later versions of aiohttp count the fields, and lose the answer beyond 128.
    if "max_headers" in inspect.signature(ClientSession.__init__).parameters:
        reading["max_headers"] = _MOST_FIELDS
    return reading


READING: Final = _reading()
"""Arguments of every request, so that an application's own session reads in the same way."""

NO_ENCODING: Final = {"Accept-Encoding": "identity"}
"""Headers of every request: no decoder stands between a rotation and its save."""


@final
@attrs.frozen
class Body:
    """The content of an answer, without its encoding."""

    content: bytes = attrs.field(repr=False)
    end_marked: bool
    """Whether its end is certain: by its length, its chunks or its compression. Else it lasted until the
    connection was closed, and what was cut off looks the same."""


@final
@attrs.define
class Received:
    """What has come of an answer, for when its end does not come."""

    response: ClientResponse | None = None
    """Set when the head has come."""
    content: bytearray = attrs.field(factory=bytearray, repr=False)

    def is_whole(self) -> bool:
        """Whether all of it is here nevertheless: a JSON object, with its last brace."""
        return (
            self.response is not None
            and not is_encoded(_coding(self.response))
            and is_object(read_json(bytes(self.content)))
        )


async def read_body(
    response: ClientResponse,
    longest: int,
    heard: Callable[[], None] = lambda: None,
    content: bytearray | None = None,
) -> Body:
    """Read the whole content; ``heard`` is called whenever a part of it has come and is in ``content``.

    :raises UnusableContentError: if it is longer than ``longest`` bytes, or its encoding cannot be undone.
    :raises ClientError: if it ends too early, and is no JSON object whose last brace has come.
    """
    coding = _coding(response)
    encoded = is_encoded(coding)
    content = bytearray() if content is None else content
    try:
        async for chunk in response.content.iter_any():
            content += chunk
            heard()
            if len(content) > longest:
                raise UnusableContentError(TOO_LARGE)
    except (ClientError, OSError):
        # A wrong length, a last chunk that is missing or a reset after the last byte take nothing from it.
        if encoded or not is_object(read_json(bytes(content))):
            raise
    if encoded:
        return Body(decoded(bytes(content), coding, longest), end_marked=True)
    return Body(bytes(content), end_marked=_framed(response))


def overrun(body: Body, beyond: bytes) -> Body:
    """Return the body with what came beyond its length, if only so it is a JSON object.

    Some servers count characters and not bytes. A form does not show whether it is cut off.
    """
    whole = body.content + beyond
    if is_object(read_json(body.content)) or not is_object(read_json(whole)):
        whole = body.content
    return Body(whole, end_marked=False)


def _coding(response: ClientResponse) -> str:
    return ", ".join(response.headers.getall("Content-Encoding", ())).strip().lower()


def _framed(response: ClientResponse) -> bool:
    codings = response.headers.getall("Transfer-Encoding", ())
    if codings:
        # RFC 9112 section 6.3: with any other last coding the content lasts until the close.
        return codings[-1].rpartition(",")[2].strip().lower() == "chunked"
    return "Content-Length" in response.headers
