"""Plain HTTP to a server, with nothing of extauth between."""

from __future__ import annotations

import base64
import json
from types import TracebackType
from typing import Any, Self, final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import attrs
from aiohttp import ClientSession, CookieJar, DummyCookieJar

from servers.form import Form
from servers.running import CODE_VERIFIER, REDIRECT_URI, Site

MOST_REDIRECTS = 10


@final
@attrs.frozen
class Answer:
    """What an endpoint said."""

    status: int
    members: dict[str, Any]
    challenge: str = ""
    """What it said in ``WWW-Authenticate``."""

    @property
    def said(self) -> str:
        """Status and error code, in short."""
        code = self.members.get("error", "")
        return f"{self.status} {code}".strip()


@final
class Visitor:
    """A browser, and an HTTP client that has none of its cookies."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._browser = ClientSession(cookie_jar=CookieJar(unsafe=True))
        self._session = ClientSession(cookie_jar=DummyCookieJar())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._browser.close()
        await self._session.close()

    async def consent(self, url: str) -> str:
        """Open an authorization URL, fill in what is asked, and return the callback to which it leads.

        :raises RuntimeError: if it leads nowhere.
        """
        form: Form | None = None
        for _ in range(MOST_REDIRECTS):
            method = "GET" if form is None else "POST"
            fields = None if form is None else form.fields
            async with self._browser.request(method, url, data=fields, allow_redirects=False) as answer:
                if location := answer.headers.get("Location"):
                    url, form = urljoin(url, location), None
                else:
                    form = Form(await answer.text(), self.site.typed)
                    url = urljoin(url, form.action)
                    if not form.filled:
                        break
            if url.startswith(REDIRECT_URI):
                return url
        msg = f"the authorization request led to {urlsplit(url).path}, not to the callback"
        raise RuntimeError(msg)

    async def connect(self) -> Answer:
        """Return the first tokens of a new grant.

        :raises RuntimeError: if the server refuses it.
        """
        site = self.site
        callback = await self.consent(f"{site.authorize_url}?{urlencode(site.authorization())}")
        members = dict(parse_qsl(urlsplit(callback).query))
        if "code" not in members:
            msg = f"the authorization request ended in {members}"
            raise RuntimeError(msg)
        return await self.token(
            grant_type="authorization_code",
            code=members["code"],
            code_verifier=CODE_VERIFIER,
            redirect_uri=REDIRECT_URI,
        )

    async def refresh(self, refresh_token: str, secret: str | None = None) -> Answer:
        """Present a refresh token."""
        return await self.token(secret, grant_type="refresh_token", refresh_token=refresh_token)

    async def token(self, secret: str | None = None, /, **form: str) -> Answer:
        """Ask the token endpoint."""
        return await self._post(self.site.token_url, form, secret)

    async def revoke(self, token: str) -> Answer | None:
        """Revoke a token; None where nothing is to be asked (RFC 7009)."""
        if self.site.revoke_url is None:
            return None
        return await self._post(
            self.site.revoke_url, {"token": token, "token_type_hint": "refresh_token"}, None
        )

    async def end_grant(self, refresh_token: str) -> bool:
        """End a grant behind the client's back, by revoking it or as its user; False where nobody can."""
        if self.site.withdraw_url is None:
            return await self.revoke(refresh_token) is not None
        async with self._session.post(self.site.withdraw_url) as answer:
            return answer.ok

    async def works(self, access_token: str) -> bool:
        """Whether the API takes the token."""
        headers = {"Authorization": f"Bearer {access_token}"}
        async with self._session.get(self.site.api_url, headers=headers) as answer:
            return answer.status == 200

    async def call(self, access_token: str) -> Answer:
        """Have the API do something that more scopes are needed for than to read."""
        headers = {"Authorization": f"Bearer {access_token}"}
        async with self._session.post(self.site.api_url, headers=headers) as answer:
            challenge = answer.headers.get("WWW-Authenticate", "")
            return Answer(answer.status, members_of(await answer.text()), challenge)

    async def _post(self, url: str, form: dict[str, str], secret: str | None) -> Answer:
        site, secret = self.site, secret or self.site.client_secret
        if secret is None or site.client_auth == "client_secret_post":
            proof = {} if secret is None else {"client_secret": secret}
            form, headers = form | {"client_id": site.client_id} | proof, {}
        else:
            pair = base64.b64encode(f"{site.client_id}:{secret}".encode())
            headers = {"Authorization": f"Basic {pair.decode()}"}
        async with self._session.post(url, data=form, headers=headers) as answer:
            return Answer(answer.status, members_of(await answer.text()))


def members_of(text: str) -> dict[str, Any]:
    """Return the members of a JSON object; none, if the text is something else."""
    try:
        members = json.loads(text)
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}
