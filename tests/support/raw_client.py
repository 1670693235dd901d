"""A client of the test server that builds every request by hand, so that nothing of extauth is between."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp

from extauth.testing import AuthorizationServer, Callback, Consent, ServerQuirks

CALLBACK = "https://app.example/callback"


class Clock:
    """Monotonic seconds that only the test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def serve(clock: Clock | None = None, /, *, server: Mapping[str, Any] | None = None, **quirks: Any) -> Any:
    """Return a server with these quirks, by a clock that stands still."""
    return AuthorizationServer(
        quirks=ServerQuirks(**quirks), monotonic=clock or Clock(), **(dict(server) if server else {})
    )


class Answer:
    """Status, headers and body of one answer."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        self.status = status
        self.headers = headers
        self.text = text

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.text, strict_parsing=True))

    @property
    def said(self) -> tuple[int, Any]:
        """Status and body."""
        return self.status, self.json


async def ask(method: str, url: str, **request: Any) -> Answer:
    """Send one request."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, allow_redirects=False, **request) as response,
    ):
        return Answer(response.status, response.headers, await response.text())


def secret_of(server: AuthorizationServer) -> dict[str, str]:
    """Return the fields with which the server's own client authenticates."""
    return {"client_id": server.client_id, "client_secret": server.client_secret}


def bearer(token: str) -> dict[str, str]:
    """Return the header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    """Return a Basic header."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


async def authorize(
    server: AuthorizationServer, consent: Consent | None = None, **params: str | None
) -> Callback:
    """Send a person to the server; a parameter that is None is left out."""
    given = {"response_type": "code", "client_id": server.client_id, "redirect_uri": CALLBACK} | params
    query = urlencode({name: value for name, value in given.items() if value is not None})
    return await server.visit(f"{server.authorize_url}?{query}", consent)


async def exchange(server: AuthorizationServer, callback: Callback, **fields: str | None) -> Answer:
    """Bring the code of a callback; a field that is None is left out."""
    given: dict[str, str | None] = {
        "grant_type": "authorization_code",
        "code": callback.params["code"],
        "redirect_uri": CALLBACK,
        **secret_of(server),
        **fields,
    }
    form = {name: value for name, value in given.items() if value is not None}
    return await ask("POST", server.token_url, data=form)


async def connect(
    server: AuthorizationServer, consent: Consent | None = None, **params: str | None
) -> dict[str, Any]:
    """Connect a person, and return the members of the token endpoint's answer."""
    answer = await exchange(server, await authorize(server, consent, **params))
    assert answer.status == 200, answer.text
    members: dict[str, Any] = answer.json
    return members


async def refresh(server: AuthorizationServer, refresh_token: str, **fields: str) -> Answer:
    """Present a refresh token."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **secret_of(server), **fields}
    return await ask("POST", server.refresh_url, data=form)


async def api(server: AuthorizationServer, token: str, resource: str = "") -> int:
    """Return the status that the API answers to a bearer token."""
    return (await ask("GET", f"{server.resource_url}{resource}", headers=bearer(token))).status


def challenged() -> tuple[str, dict[str, str]]:
    """Return a code verifier, and the parameters of its challenge."""
    verifier = secrets.token_urlsafe(32)
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return verifier, {"code_challenge": digest, "code_challenge_method": "S256"}
