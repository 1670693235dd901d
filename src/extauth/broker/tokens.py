"""Giving out tokens, and taking back those that an API has refused."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any, Final, cast, final
from urllib.parse import parse_qs

from aiohttp import web

from extauth.auth import Auth
from extauth.broker.problems import Problem
from extauth.broker.targets import Target
from extauth.domain.hidden import Hidden
from extauth.domain.link import Link

_LONGEST: Final = 64 * 1024
_MOST_SECONDS: Final = 7 * 24 * 3600
_DIGITS: Final = re.compile("[0-9]{1,9}")
_TOO_LONG: Final = Problem(413, "body_too_long", f"a body has at most {_LONGEST} bytes")


@final
class TokenEndpoint:
    """``/v1/token/{provider}/{user}``: GET gives a token, POST another than the one that was refused."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def handle(self, request: web.BaseRequest, target: Target) -> web.StreamResponse | Problem:
        """Answer a request.

        :raises ExtAuthError: as :meth:`extauth.Auth.link` and ``refresh``.
        """
        if request.method == "GET":
            return await self._given(target)
        if request.method == "POST":
            return await self._exchanged(request, target)
        return Problem(405, "method_refused", "a token is got by GET, and another by POST")

    async def _given(self, target: Target) -> web.StreamResponse | Problem:
        try:
            asked = parse_qs(target.query, keep_blank_values=True, strict_parsing=bool(target.query))
        except ValueError:
            asked = {"": [""]}
        if asked.keys() - {"resource", "valid_for"} or any(len(values) > 1 for values in asked.values()):
            return _invalid("the query may have resource and valid_for (seconds), once each")
        span: timedelta | None = None
        if "valid_for" in asked:
            [seconds] = asked["valid_for"]
            if not _DIGITS.fullmatch(seconds) or not 0 < int(seconds) <= _MOST_SECONDS:
                return _invalid(f"valid_for is a number of seconds, from 1 to {_MOST_SECONDS}")
            span = timedelta(seconds=int(seconds))
        resource = asked.get("resource", [None])[0]
        link = await self._auth.link(target.provider_id, target.user_id, resource=resource, valid_for=span)
        return _answer(link)

    async def _exchanged(self, request: web.BaseRequest, target: Target) -> web.StreamResponse | Problem:
        if target.query:
            return _invalid("what was refused is told in the body, which no log has")
        if (request.content_length or 0) > _LONGEST:
            return _TOO_LONG
        given = Hidden(await request.content.read(_LONGEST + 1))
        while len(given.value) <= _LONGEST and not request.content.at_eof():
            given = Hidden(given.value + await request.content.read(_LONGEST + 1))
        if len(given.value) > _LONGEST:
            return _TOO_LONG
        told = _told(given)
        if told is None:
            return _invalid(
                'the body must be {"rejected": "...", "resource": "..."}, the latter if there is one'
            )
        rejected, resource = told
        link = await self._auth.refresh(
            target.provider_id, target.user_id, rejected=rejected.value, resource=resource
        )
        return _answer(link)


def _told(given: Hidden[bytes]) -> tuple[Hidden[str], str | None] | None:
    # An error that left this function would carry the text along.
    try:
        members: Any = json.loads(given.value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, dict):
        return None
    table = Hidden(cast("dict[str, Any]", members))
    rejected, resource = Hidden(table.value.get("rejected")), table.value.get("resource")
    if table.value.keys() - {"rejected", "resource"}:
        return None
    if not isinstance(rejected.value, str) or not rejected.value or not isinstance(resource, str | None):
        return None
    return Hidden(rejected.value), resource


def _answer(link: Link) -> web.Response:
    tokens = link.tokens
    body = {
        "provider": link.key.provider_id,
        "user": link.key.user_id,
        "access_token": tokens.access_token,
        "token_type": tokens.token_type,
        "expires_at": None if tokens.expires_at is None else tokens.expires_at.isoformat(),
        "scopes": sorted(tokens.scopes),
    }
    headers = {"Cache-Control": "no-store"}
    return web.Response(text=json.dumps(body), content_type="application/json", headers=headers)


def _invalid(detail: str) -> Problem:
    return Problem(400, "invalid_request", detail)
