"""Whether aiohttp can send a request's body once more."""

from __future__ import annotations

from typing import cast

from aiohttp import BytesPayload, IOBasePayload, MultipartWriter, Payload


def can_be_sent_again(body: Payload | bytes) -> bool:
    """Whether a body is the same when it is sent again: text and bytes, files that can be rewound, forms of
    these. Not what is made as it is sent, nor anything unknown.

    ``Payload.consumed`` alone would not do: it is false for a generator that was read in part.
    """
    match body:
        case BytesPayload() | b"":
            return True
        case IOBasePayload():
            return not body.consumed and _can_be_rewound(body)
        case MultipartWriter():
            parts = cast("list[tuple[Payload, object, object]]", list(body))
            return not body.consumed and all(can_be_sent_again(part) for part, _, _ in parts)
        case _:
            return False


def _can_be_rewound(body: IOBasePayload) -> bool:
    try:
        return bool(body._value.seekable())  # noqa: SLF001 - its file  # pyright: ignore[reportPrivateUsage]
    except (AttributeError, ValueError):  # it has no such method, or is closed
        return False
