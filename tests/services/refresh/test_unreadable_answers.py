"""A rotation whose answer came and cannot be read is reported as that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from extauth import LinkKey, ReauthorizationRequired, TokenService, TokenSet, open_store
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.events import Event, ExchangeUnresolved, LinkReauthorizationRequired
from tests.support.serving import serving

KEY = LinkKey("p", "alice")
UNREADABLE = b"\x0b\x02\x80not really brotli\x03"


class BrotliGateway:
    """A strict provider behind a gateway that answers in an encoding that nobody asked for."""

    def __init__(self) -> None:
        self.presented: list[str] = []

    async def token(self, request: web.Request) -> web.Response:
        """Rotate at the first presentation, and refuse the token then."""
        form = await request.post()
        self.presented.append(str(form["refresh_token"]))
        if len(self.presented) > 1:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.Response(body=UNREADABLE, headers={"Content-Encoding": "br"})


class Told:
    """Notes what an observer is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def notify(self, event: Event) -> None:
        """Note it."""
        self.events.append(event)


async def test_the_user_and_the_operator_learn_why(tmp_path: Path) -> None:
    """Not that a connection broke, of which no one would find the cause."""
    gateway, observer = BrotliGateway(), Told()
    async with (
        serving([web.post("/token", gateway.token)]) as url,
        open_store(f"sqlite:///{tmp_path}/links.db") as store,
    ):
        provider = OAuth2Provider("p", client_id="app", client_secret="not-one", token_url=f"{url}/token")
        expired = TokenSet("at-0", "rt-0", expires_at=datetime.now(UTC) - timedelta(hours=1))
        await store.put(KEY, expired, origin=provider.origin)
        async with TokenService(store, [provider], observer=observer) as service:
            with pytest.raises(ReauthorizationRequired) as caught:
                await service.access_token(KEY.provider_id, KEY.user_id)

    assert caught.value.reason == "reply_unreadable"
    assert "could not be read" in caught.value.explanation
    assert gateway.presented == ["rt-0", "rt-0"]
    assert ExchangeUnresolved(KEY, 1, "reply_undecodable") in observer.events
    assert LinkReauthorizationRequired(KEY, 1, "reply_unreadable") in observer.events
