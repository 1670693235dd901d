"""How the answers of the token endpoint are put on the wire, as they should be and as a fault has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import final
from urllib.parse import urlencode

import attrs
from aiohttp import web

from extauth.testing.provider_model.faults import Fault
from extauth.testing.server.quirks import STANDARD, ServerQuirks
from extauth.testing.server.refusals import Refusal, body_of, text_of
from extauth.testing.server.token_request import FORM

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""On every answer of the token endpoint (RFC 6749 section 5.1)."""

OVERSIZED = 4 * 1024 * 1024
"""In bytes; a token endpoint's answer has a few thousand."""

_JUNK = "<!doctype html><title>Sign in</title><p>Your session has ended."


@final
@attrs.frozen
class Answer:
    """The members of one answer, before they are encoded."""

    members: Mapping[str, object] = attrs.field(repr=False)
    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    text: str | None = None
    """The body, where it has no members."""


def refused(refusal: Refusal, quirks: ServerQuirks = STANDARD) -> Answer:
    """Return the answer that says ``refusal`` the provider's way."""
    status = refusal.status or quirks.error_status or HTTPStatus.BAD_REQUEST
    shape = quirks.error_shape
    return Answer(body_of(refusal, shape, status), status, refusal.headers, text_of(refusal, shape))


def unauthorized(challenge: str, body: dict[str, object]) -> web.Response:
    """Return a 401 with what it asks for (RFC 9110 section 11.6.1)."""
    headers = {**NO_STORE, "WWW-Authenticate": challenge}
    return web.json_response(body, status=HTTPStatus.UNAUTHORIZED, headers=headers)


def unprocessed(fault: Fault | None, retry_after: timedelta) -> web.Response | None:
    """Return the answer of a fault that keeps the request from being processed; None of any other.

    :raises RuntimeError: for a fault that a server which was reached cannot play.
    """
    if fault is Fault.NOT_SENT:
        msg = "a server that was reached cannot play Fault.NOT_SENT; use a ScriptedProvider"
        raise RuntimeError(msg)
    if fault is Fault.UNAVAILABLE_BEFORE:
        return _unavailable()
    if fault is Fault.RATE_LIMITED:
        headers = {**NO_STORE, "Retry-After": str(int(retry_after.total_seconds()))}
        return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS, text="slow down", headers=headers)
    if fault is Fault.WRONG_CLIENT:
        return unauthorized('Basic realm="extauth"', {"error": "invalid_client"})
    if fault is Fault.ERROR_IN_200:
        return web.json_response({"error": "bad_refresh_token"}, headers=NO_STORE)
    return None


def encoded(
    answer: Answer, quirks: ServerQuirks = STANDARD, accept: str = "", fault: Fault | None = None
) -> web.Response:
    """Return ``answer`` as the provider encodes it, or in the form of the fault.

    ``accept`` is what the request says that it accepts.
    """
    if fault is Fault.UNAVAILABLE_AFTER:
        return _unavailable()
    headers = {**NO_STORE, **answer.headers}
    if fault is Fault.JUNK_BODY:
        return web.Response(text=_JUNK, content_type="text/html", headers=headers)
    if answer.text is not None:
        return web.Response(text=answer.text, status=answer.status, headers=headers)
    members = dict(answer.members)
    if fault is Fault.OVERSIZED_BODY:
        members["padding"] = "x" * OVERSIZED
    unasked = quirks.answers == "form_unless_asked" and "application/json" not in accept
    if quirks.answers == "form" or unasked or fault is Fault.FORM_ENCODED:
        content_type = FORM if fault is Fault.FORM_ENCODED else quirks.form_content_type
        text = urlencode({name: _as_text(value) for name, value in members.items()})
        return web.Response(text=text, status=answer.status, content_type=content_type, headers=headers)
    return web.json_response(members, status=answer.status, headers=headers)


async def broken_off(request: web.Request, answer: web.Response, fault: Fault) -> web.StreamResponse:
    """Break the connection before ``answer``, or where the fault says so in the middle of its body."""
    sent = web.StreamResponse(status=answer.status)
    if fault is Fault.CUT_REPLY:
        body = (answer.text or "").encode()
        sent.content_length = len(body)
        await sent.prepare(request)
        await sent.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.abort()
    return sent


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _unavailable() -> web.Response:
    return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text="<h1>Service Unavailable</h1>")
