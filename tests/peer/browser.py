"""A browser: cookies, redirects, and forms submitted as they stand in the page."""

from __future__ import annotations

from html.parser import HTMLParser
from types import TracebackType
from typing import Self, final
from urllib.parse import urljoin

from aiohttp import ClientSession, CookieJar


@final
class _Form(HTMLParser):
    """The first form of a page, with the fields that stand in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.buttons: set[tuple[str, str]] = set()
        """The named buttons, of which a browser sends the one that is pressed."""
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action, self._inside = given.get("action", ""), True
        elif self._inside and (name := given.get("name")):
            if given.get("type") == "submit":
                self.buttons.add((name, given.get("value", "")))
            else:
                self.fields[name] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


@final
class Browser:
    """Someone signed in at the site, or not yet; stops where a redirect leaves it."""

    def __init__(self, site: str, username: str, password: str) -> None:
        self._site = site
        self._who = {"username": username, "password": password}
        self._session = ClientSession(cookie_jar=CookieJar(unsafe=True))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def consent(self, authorization_url: str) -> str:
        """Sign in if asked, press "Authorize", and return the URL that the site then redirects to."""
        return await self._decide(authorization_url, "allow")

    async def decline(self, authorization_url: str) -> str:
        """Sign in if asked, press "Cancel", and return the URL that the site then redirects to."""
        return await self._decide(authorization_url, None)

    async def approve_device(self, verification_uri: str, user_code: str, *, action: str = "accept") -> None:
        """Type the code in and press a button."""
        url, page = await self._open(verification_uri)
        url, page = await self._submit(url, page, {"user_code": user_code})
        await self._submit(url, page, {"action": action}, press=("action", action))

    async def _decide(self, authorization_url: str, press: str | None) -> str:
        url, page = await self._open(authorization_url)
        if not page:
            return url
        form = _Form(page)
        pressed = {name: value for name, value in form.buttons if name == press}
        assert bool(pressed) == (press is not None), "the page has no such button"
        left, _ = await self._submit(url, page, pressed)
        return left

    async def _open(self, url: str) -> tuple[str, str]:
        url, page = await self._follow("GET", url, {})
        if 'name="password"' in page:
            url, page = await self._submit(url, page, self._who)
        return url, page

    async def _submit(
        self, url: str, page: str, filled: dict[str, str], press: tuple[str, str] | None = None
    ) -> tuple[str, str]:
        form = _Form(page)
        assert press is None or press in form.buttons, "the page has no such button"
        assert filled.keys() <= form.fields.keys() | {name for name, _ in form.buttons}, "no such field"
        return await self._follow("POST", urljoin(url, form.action), {**form.fields, **filled})

    async def _follow(self, method: str, url: str, fields: dict[str, str]) -> tuple[str, str]:
        """Return the URL and the page that a request ends at; no page where that is another site."""
        while url.startswith(self._site):
            headers = {"Referer": url}
            async with self._session.request(
                method, url, data=fields or None, headers=headers, allow_redirects=False
            ) as reply:
                page = await reply.text()
                assert reply.status in {200, 302}, f"{method} {reply.url.path}: {reply.status}"
                if reply.status == 200:
                    return url, page
                method, fields, url = "GET", {}, urljoin(url, reply.headers["Location"])
        return url, ""
