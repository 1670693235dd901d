"""Putting the head of an answer in order, which the HTTP client would refuse with the tokens below it. Pure.

What it refuses protects servers and caches, which share connections between users and pass on what they read
(RFC 9112 section 11). Here there is one answer to one request, and it cannot be had again.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias, final

import attrs

LONGEST_HEAD: Final = 1024 * 1024
"""In bytes. Much more than any server sends, and little enough to be kept."""
LONGEST_FIELD: Final = 64 * 1024
"""In bytes, of a field's value."""
MOST_FIELDS: Final = 500

_BEGINNING: Final = re.compile(rb"[^\r\n]")
_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_STATUS: Final = re.compile(rb"HTTP/[0-9.]+[ \t]+([1-9][0-9]{2})(?:[ \t]+(.*))?", re.IGNORECASE | re.DOTALL)
_PLAIN_STATUS: Final = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH: Final = re.compile(rb"\+?([0-9]{1,18})")
_WITHOUT_BODY: Final = frozenset({b"204", b"304"})
"""Whatever they say of its length (RFC 9112 section 6.3)."""
_LENGTHS: Final = b"content-length"
_CODINGS: Final = b"transfer-encoding"
_OF_CONNECTION: Final = re.compile(rb"connection|keep-alive|upgrade|sec-websocket-.*", re.IGNORECASE)

_Field: TypeAlias = tuple[bytes, bytes]


@final
@attrs.frozen
class Head:
    """The head of an answer as it can be handed on."""

    content: bytes = attrs.field(repr=False)
    interim: bool = False
    """Whether another head follows (RFC 9110 section 15.2)."""
    length: int | None = None
    """Of the body in bytes, if the head says so."""


def head_end(received: bytes | bytearray, searched: int = 0) -> int | None:
    """Return where the head ends that these bytes begin with, or None if it goes on.

    ``searched`` says how many of them were looked at before, and the end was not there.
    """
    # Empty lines may come before it (RFC 9112 section 2.2).
    begun = _BEGINNING.search(received)
    if begun is None:
        return None
    found = _BLANK_LINE.search(received, max(begun.start(), searched - len(b"\r\n\r\n")))
    return None if found is None else found.end()


def put_in_order(head: bytes, following: int = 0) -> Head:
    """Return the head without what is wrong with it; as it is where nothing is, or it is none.

    Fields that are none are dropped, of lengths that agree one is left, and a coding wins over a length (RFC
    9112 section 6.3). Where something was wrong, or ``following`` bytes are more than the body has, the
    connection is said to be closed after this answer.
    """
    first, *lines = re.split(rb"\r?\n", head.strip(b"\r\n"))
    status = _STATUS.fullmatch(first)
    if status is None:
        return Head(head)
    fields, orderly = _fields(lines)
    framing = [field for field in fields if field[0].lower() in {_LENGTHS, _CODINGS}]
    kept, length = _framing(framing)
    orderly = orderly and kept == framing and _PLAIN_STATUS.fullmatch(first) is not None
    orderly = orderly and (length is None or following <= length)
    interim = status[1].startswith(b"1") and status[1] != b"101"
    if status[1] in _WITHOUT_BODY:
        length = None
    if orderly:
        return Head(head, interim, length)
    kept += [field for field in fields if field not in framing and not _OF_CONNECTION.fullmatch(field[0])]
    if not interim:
        kept.append((b"Connection", b"close"))
    reason = _CONTROL.sub(b" ", status[2] or b"")
    written = [b"HTTP/1.1 %s %s" % (status[1], reason), *(b"%s: %s" % field for field in kept), b"", b""]
    return Head(b"\r\n".join(written), interim, length)


def _fields(lines: list[bytes]) -> tuple[list[_Field], bool]:
    """Return the fields, and whether they were in order."""
    folded: list[list[bytes]] = []
    for line in lines:
        if line[:1] in {b" ", b"\t"} and folded:
            folded[-1].append(line.strip())  # RFC 9112 section 5.2
        else:
            folded.append([line])
    fields: list[_Field] = []
    orderly = True
    for parts in folded:
        name, colon, given = b" ".join(parts).partition(b":")
        value = _CONTROL.sub(b" ", given).strip(b" \t")
        if (
            colon
            and _NAME.fullmatch(name.strip())
            and len(value) <= LONGEST_FIELD
            and len(fields) < MOST_FIELDS
        ):
            orderly = orderly and name == name.strip() and value == given.strip(b" \t")
            fields.append((name.strip(), value))
        else:
            orderly = False
    return fields, orderly


def _framing(fields: list[_Field]) -> tuple[list[_Field], int | None]:
    """Return the fields that say where the body ends, and its length if it is known."""
    codings = [field for field in fields if field[0].lower() == _CODINGS and field[1].lower() != b"identity"]
    if codings:
        return codings, None
    given = [field for field in fields if field[0].lower() == _LENGTHS]
    parts = [_LENGTH.fullmatch(part.strip()) for _, value in given for part in value.split(b",")]
    lengths = {int(part[1]) for part in parts if part is not None}
    if None in parts or len(lengths) != 1:
        return [], None
    (length,) = lengths
    if len(parts) == 1 and given[0][1].isdigit():
        return given, length
    return [(given[0][0], b"%d" % length)], length
