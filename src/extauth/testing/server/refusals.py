"""How an endpoint says no: the standard's way, and those of providers that have their own."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal, TypeAlias, final

import attrs

ErrorShape: TypeAlias = Literal[
    "oauth", "slack", "hubspot", "fitbit", "twitch", "linkedin", "facebook", "text", "empty"
]
"""Where the code of an error stands in the body.

``oauth``: ``error`` (RFC 6749 section 5.2). ``slack``: ``ok: false`` beside it, and ``ok: true`` in a
success. ``hubspot``: ``status``, with ``category`` and ``message``. ``fitbit``: ``errorType`` in a list
of ``errors``. ``twitch``: only the HTTP status and a ``message``. ``linkedin``: ``serviceErrorCode``, a
number, and a ``message``. ``facebook``: an object in ``error``, with a number as its ``code``. ``text``: no
members, but the message as plain text (oauth2orize). ``empty``: an empty body (glewlwyd).
"""


@final
@attrs.frozen
class Refusal:
    """One answer that is no success."""

    code: str
    """The provider's code, which stands where the shape has it."""
    status: int | None = None
    """None: the standard's for this error, or what all the server's errors have."""
    message: str | None = None
    """Text for people; ``error_description`` in the standard's shape."""
    members: Mapping[str, object] = attrs.field(factory=dict[str, object])
    """Further members of the body."""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])


def body_of(refusal: Refusal, shape: ErrorShape, status: int) -> dict[str, object]:
    """Return the members of the body that says ``refusal`` with this HTTP status."""
    return {**_shaped(refusal, shape, status, _message(refusal)), **refusal.members}


def text_of(refusal: Refusal, shape: ErrorShape) -> str | None:
    """Return the whole body where it has no members."""
    return {"text": _message(refusal), "empty": ""}.get(shape)


def _message(refusal: Refusal) -> str:
    return refusal.message or refusal.code.replace("_", " ")


def _shaped(refusal: Refusal, shape: ErrorShape, status: int, message: str) -> dict[str, object]:
    match shape:
        case "oauth":
            described = {} if refusal.message is None else {"error_description": refusal.message}
            return {"error": refusal.code, **described}
        case "slack":
            return {"ok": False, "error": refusal.code}
        case "hubspot":
            category = "EXPIRED_AUTHENTICATION" if status == HTTPStatus.UNAUTHORIZED else "BAD_REQUEST"
            return {"status": refusal.code, "message": message, "category": category}
        case "fitbit":
            return {"errors": [{"errorType": refusal.code, "message": message}], "success": False}
        case "twitch":
            return {"status": status, "message": message}
        case "linkedin":
            return {"serviceErrorCode": 65600, "message": message, "status": status}
        case "text" | "empty":
            return {}
        case "facebook":
            return {"error": {"message": message, "type": "OAuthException", "code": 190}}
