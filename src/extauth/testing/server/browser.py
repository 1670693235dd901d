"""Plays the browser of the person who connects an account."""

from __future__ import annotations

from html.parser import HTMLParser
from http import HTTPStatus
from typing import final
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import attrs

from extauth.testing.server.authorize import TICKET


@final
class VisitRefused(Exception):
    """The authorization endpoint did not send the browser back: the request itself is wrong."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"the authorization endpoint answered {status} {code}")
        self.status = status
        self.code = code
        """``invalid_client`` or ``invalid_redirect_uri``."""


@final
@attrs.frozen
class Callback:
    """The request that the browser would send to the application's redirect URI."""

    url: str = attrs.field(repr=False)
    """With the query, if it is a GET."""
    params: dict[str, str] = attrs.field(repr=False)
    """The query of a GET, the form of a POST: ``code``, ``state``, ``iss``, or ``error``."""
    posted: bool = False
    """Whether it is a POST."""


async def browse(url: str, ticket: str) -> Callback:
    """Open an authorization URL and return where it leads, without going there.

    :raises VisitRefused: if it leads nowhere.
    """
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, allow_redirects=False, headers={TICKET: ticket}) as response,
    ):
        if response.status == HTTPStatus.FOUND:
            location = response.headers["Location"]
            return Callback(location, dict(parse_qsl(urlsplit(location).query, keep_blank_values=True)))
        if response.status == HTTPStatus.OK:
            form = _Form()
            form.feed(await response.text())
            return Callback(form.action, form.fields, posted=True)
        answer = await response.json()
        raise VisitRefused(response.status, str(answer["error"]))


@final
class _Form(HTMLParser):
    """The only form of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given["action"]
        elif tag == "input":
            self.fields[given["name"]] = given["value"]
