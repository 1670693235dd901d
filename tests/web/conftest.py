"""An application of each framework, with a provider and a browser in front."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib.util import find_spec
from typing import Any, final

import attrs
import pytest

import extauth
from extauth import Account, Auth
from extauth.domain.linking import LinkingTraits
from extauth.testing import ScriptedLinkingProvider
from extauth.web import Ask, ConnectedAccounts, Offer
from tests.web.apps import FRAMEWORKS, MOUNTED, signed_in
from tests.web.visitor import ORIGIN, Send, Visitor

collect_ignore = [] if find_spec("playwright") else ["browser"]
"""`make browser` installs what its tests import."""

PUBLIC_URL = f"{ORIGIN}/accounts"
READ_MAIL = Ask("mail", "Read your mail", ["mail.read"])
OFFERS = [
    Offer("calendar", "Calendar", "To see when you are free.", asks=[READ_MAIL]),
    Offer("poster", "Poster"),
    Offer("tv", "TV", by="device"),
]


@final
@attrs.frozen
class World:
    """What a test has."""

    auth: Auth
    calendar: ScriptedLinkingProvider
    poster: ScriptedLinkingProvider
    """Posts its answers."""
    tv: ScriptedLinkingProvider
    send: Send

    def visitor(self, user: str | None = "alice") -> Visitor:
        """Return another browser."""
        return Visitor(self.send, user)


def providers() -> list[ScriptedLinkingProvider]:
    """Return one of each kind."""
    calendar = ScriptedLinkingProvider("calendar", linking=LinkingTraits(scopes=("events.read",)))
    calendar.accounts = {"alice": Account("1", login="alice@calendar", display_name="Alice")}
    poster = ScriptedLinkingProvider("poster", linking=LinkingTraits(callback_method="POST"))
    return [calendar, poster, ScriptedLinkingProvider("tv")]


Opens = Callable[..., Any]


@pytest.fixture
async def opens():
    """Open a world by hand: with a framework's name, options of the accounts and of ``extauth.open``."""
    async with AsyncExitStack() as closing:

        async def open_world(framework: str = "aiohttp", *, store: Any = None, **options: Any) -> World:
            given = providers()
            auth = await closing.enter_async_context(
                extauth.open("memory://" if store is None else store, given, **options.pop("opening", {}))
            )
            options = {"public_url": PUBLIC_URL, "offers": OFFERS, "application": "Example", **options}
            accounts = ConnectedAccounts(lambda _: auth, options.pop("user", signed_in), **options)
            send = await closing.enter_async_context({**FRAMEWORKS, **MOUNTED}[framework](accounts))
            calendar, poster, tv = given
            return World(auth, calendar, poster, tv, send)

        yield open_world


@pytest.fixture(params=list(FRAMEWORKS))
async def world(request, opens):
    """The same application in each framework."""
    return await opens(request.param)


@pytest.fixture
def alice(world):
    """Alice's browser."""
    return world.visitor()
