"""What the authorization server replies, as it should be and as a fault has it."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlencode

from aiohttp import web

from extauth.testing.faults import Fault
from extauth.testing.grants import IssuedTokens

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""On every answer of the token endpoint (RFC 6749 section 5.1)."""

OVERSIZED = 4 * 1024 * 1024
"""In bytes; a token endpoint's answer has a few thousand."""

_JUNK = "<!doctype html><title>Sign in</title><p>Your session has ended."


def error(code: str) -> web.Response:
    """Return an error answer (RFC 6749 section 5.2)."""
    return web.json_response({"error": code}, status=HTTPStatus.BAD_REQUEST, headers=NO_STORE)


def unauthorized(challenge: str, body: dict[str, object]) -> web.Response:
    """Return a 401 with what it asks for (RFC 9110 section 11.6.1)."""
    headers = {**NO_STORE, "WWW-Authenticate": challenge}
    return web.json_response(body, status=HTTPStatus.UNAUTHORIZED, headers=headers)


def wrong_client() -> web.Response:
    """Return the answer to a client that does not authenticate."""
    return unauthorized('Basic realm="extauth"', {"error": "invalid_client"})


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
        return wrong_client()
    if fault is Fault.ERROR_IN_200:
        return web.json_response({"error": "bad_refresh_token"}, headers=NO_STORE)
    return None


def processed(pair: IssuedTokens | None, expires_in: int, fault: Fault | None) -> web.Response:
    """Return the answer to a refresh that gave ``pair``, or was refused, in the form of the fault.

    ``expires_in`` is in seconds.
    """
    if pair is None:
        members: dict[str, object] = {"error": "invalid_grant"}
        status = HTTPStatus.BAD_REQUEST
    else:
        members = _members(pair, expires_in, fault)
        status = HTTPStatus.OK
    match fault:
        case Fault.UNAVAILABLE_AFTER:
            return _unavailable()
        case Fault.JUNK_BODY:
            return web.Response(text=_JUNK, content_type="text/html", headers=NO_STORE)
        case Fault.OVERSIZED_BODY:
            members["padding"] = "x" * OVERSIZED
        case Fault.FORM_ENCODED:
            form = urlencode(members)
            return web.Response(
                text=form,
                status=status,
                content_type="application/x-www-form-urlencoded",
                headers=NO_STORE,
            )
        case _:
            pass
    return web.json_response(members, status=status, headers=NO_STORE)


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


def _unavailable() -> web.Response:
    return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text="<h1>Service Unavailable</h1>")


def _members(pair: IssuedTokens, expires_in: int, fault: Fault | None) -> dict[str, object]:
    """Return the members of a successful answer (RFC 6749 section 5.1)."""
    members: dict[str, object] = {
        "access_token": pair.access_token,
        "token_type": "Bearer",
        "expires_in": expires_in,
        "refresh_token": pair.refresh_token,
    }
    match fault:
        case Fault.OMITTED_REFRESH_TOKEN:
            del members["refresh_token"]
        case Fault.EMPTY_REFRESH_TOKEN:
            members["refresh_token"] = ""
        case Fault.EXPIRES_IN_MISSING:
            del members["expires_in"]
        case Fault.EXPIRES_IN_STRING:
            members["expires_in"] = str(expires_in)
        case Fault.EXPIRES_IN_ZERO:
            members["expires_in"] = 0
        case Fault.EXPIRES_IN_NEGATIVE:
            members["expires_in"] = -1
        case _:
            pass
    return members
