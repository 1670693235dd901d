"""A browser in front of an application: cookies, origins, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from http.cookies import Morsel, SimpleCookie
from typing import Any, final
from urllib.parse import urlencode

import attrs

ORIGIN = "https://app.example"

FORM = "application/x-www-form-urlencoded"

Send = Callable[[str, str, list[tuple[str, str]], bytes], Awaitable["Reply"]]
"""Sends method, path with query, headers and body to the application."""


@final
@attrs.frozen
class Reply:
    """What an application answered."""

    status: int
    headers: list[tuple[str, str]]
    text: str

    def __getitem__(self, name: str) -> str:
        """Return the only header of a name."""
        [value] = [value for key, value in self.headers if key.lower() == name.lower()]
        return value

    def __contains__(self, name: str) -> bool:
        return any(key.lower() == name.lower() for key, _ in self.headers)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)

    @property
    def set_cookies(self) -> list[Morsel[str]]:
        """The cookies that are set, with their attributes."""
        found: list[Morsel[str]] = []
        for key, value in self.headers:
            if key.lower() == "set-cookie":
                found += SimpleCookie(value).values()
        return found


@final
@attrs.define
class Visitor:
    """One browser; ``user`` is signed in in it."""

    send: Send
    user: str | None = "alice"
    cookies: dict[str, str] = attrs.field(factory=dict)

    async def get(self, path: str, method: str = "GET", **headers: str) -> Reply:
        """Follow a link."""
        return await self._send(method, path, headers, b"")

    async def post(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Reply:
        """Submit a form of the own site's, unless the headers say otherwise."""
        own = {"sec-fetch-site": "same-origin", "origin": ORIGIN, "content-type": FORM}
        given = {**own, **{name.replace("_", "-"): value for name, value in headers.items()}}
        body = urlencode({**form} if form is not None else {}).encode()
        return await self._send("POST", path, {**self._djangos_token(), **given}, body)

    async def follow(self, url: str) -> Reply:
        """Be sent to a URL of the application's."""
        assert url.startswith(f"{ORIGIN}/")
        return await self.get(url.removeprefix(ORIGIN))

    async def connect(self, provider: Any, path: str = "/accounts/connect/calendar", **form: str) -> str:
        """Begin at the application, say yes at the provider, and return the callback."""
        reply = await self.post(path, form)
        assert (reply.status, reply.text) == (303, "")
        callback: str = provider.consent(reply["location"], "alice")
        return callback

    async def _send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        given = {name.replace("_", "-"): value for name, value in headers.items() if value}
        if self.user is not None:
            given["x-user"] = self.user
        if self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        reply = await self.send(method, path, list(given.items()), body)
        for morsel in reply.set_cookies:
            if morsel["max-age"] == "0":
                self.cookies.pop(morsel.key, None)
            else:
                self.cookies[morsel.key] = morsel.value
        return reply

    def _djangos_token(self) -> dict[str, str]:
        """What Django's own forms have, for those of an application; others pass over it."""
        return {"x-csrftoken": self.cookies.setdefault("csrftoken", "a" * 32)}
