"""An answer that does not belong to a victim's state: made up to spend it, or with a code put in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, final

import pytest

from extauth import LinkingFailed, LinkingService
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import AuthorizationRules, OAuth2Provider
from extauth.services.linking import code_flow
from extauth.services.linking.callback import Callback as ReadCallback
from extauth.services.linking.callback import read_callback
from extauth.services.linking.code_flow import CodeFlow
from extauth.testing import AuthorizationServer, Callback, Consent, ServerQuirks
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence

CALLBACK = "https://app.example/callback"
OWN = {name: f"{CALLBACK}/{name}" for name in ("honest", "other")}


@final
class World:
    """A victim who is at the honest server, and a state that is known to an attacker."""

    def __init__(self, server: AuthorizationServer, linking: LinkingService) -> None:
        self.server = server
        self.linking = linking

    async def consented(self, user: str) -> Callback:
        """Let a user begin and say yes; return what their browser brings."""
        url = await self.linking.begin("honest", user, OWN["honest"])
        return await self.server.visit(url, Consent.approve(f"{user}-there"))

    async def spoilt(self, forged: Callable[[str], dict[str, Any]]) -> object:
        """Let the attacker's page call the application first; return whether the victim is shut out."""
        answer = await self.consented("victim")
        with pytest.raises(LinkingFailed):
            await self.linking.complete(**forged(answer.params["state"]), user_id="victim")
        try:
            await self.linking.complete(answer.url, user_id="victim", provider_id="honest")
        except LinkingFailed:
            return True
        return False


@asynccontextmanager
async def _world(*, sends_iss: bool = False, **options: Any) -> AsyncIterator[World]:
    quirks = ServerQuirks(sends_iss=sends_iss)
    async with AuthorizationServer(quirks=quirks, redirect_uris=list(OWN.values())) as server:

        def provider(name: str, **more: Any) -> OAuth2Provider:
            return OAuth2Provider(
                name,
                client_id=server.client_id,
                client_secret=server.client_secret,
                authorize_url=server.authorize_url,
                token_url=server.token_url,
                **more,
            )

        if sends_iss:
            options |= {"issuer": server.issuer, "sends_issuer": True}
        providers = [provider("honest", **options), provider("other")]
        async with LinkingService(MemoryLinkStore(), providers) as linking:
            yield World(server, linking)


async def _at_another_url(_: Fence) -> object:
    async with _world() as world:
        return await world.spoilt(lambda state: {"callback": f"{OWN['other']}?code=junk&state={state}"})


async def _of_another_provider(_: Fence) -> object:
    async with _world() as world:
        return await world.spoilt(
            lambda state: {"callback": {"code": "junk", "state": state}, "provider_id": "other"}
        )


async def _of_another_issuer(_: Fence) -> object:
    async with _world(sends_iss=True) as world:
        return await world.spoilt(
            lambda state: {
                "callback": {"code": "junk", "state": state, "iss": "https://evil.example"},
                "provider_id": "honest",
            }
        )


async def _without_issuer(_: Fence) -> object:
    async with _world(sends_iss=True) as world:
        return await world.spoilt(
            lambda state: {"callback": {"code": "junk", "state": state}, "provider_id": "honest"}
        )


async def _code_put_in(_: Fence) -> object:
    # At a server that takes no PKCE: nothing but the callback ties the code to the flow.
    async with _world(authorization=AuthorizationRules(pkce="off")) as world:
        stolen = (await world.consented("mallory")).params["code"]
        answer = await world.consented("victim")
        try:
            link = await world.linking.complete(f"{answer.url}&code={stolen}", user_id="victim")
        except LinkingFailed:
            await world.linking.complete(answer.url, user_id="victim")  # its state is good still
            raise
        return world.server.grants.subject_of(link.tokens.access_token) == "mallory-there"


async def _honest(_: Fence) -> None:
    for sends_iss in (False, True):
        async with _world(sends_iss=sends_iss) as world:
            answer = await world.consented("victim")
            link = await world.linking.complete(answer.url, user_id="victim", provider_id="honest")
            assert world.server.grants.subject_of(link.tokens.access_token) == "victim-there"
            # An error that does belong to its state uses it up.
            url = await world.linking.begin("honest", "victim", OWN["honest"])
            denied = await world.server.visit(url, Consent.deny())
            for _again in range(2):
                with pytest.raises(LinkingFailed):
                    await world.linking.complete(denied.url, user_id="victim")


def _anything_belongs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CodeFlow, "_check_belongs", lambda *_: None)


def _last_one_wins(patch: pytest.MonkeyPatch) -> None:
    def lenient(url: str) -> ReadCallback:
        location, _, query = url.partition("?")
        pairs = dict(pair.split("=", 1) for pair in query.split("&"))
        return read_callback(f"{location}?{'&'.join(f'{name}={value}' for name, value in pairs.items())}")

    patch.setattr(code_flow, "read_callback", lenient)


def _attack(what: str, source: str, attempt: Callable[[Fence], Awaitable[object]]) -> Attack:
    return Attack(
        name=f"forged callback {what}: the victim's own then finds its state spent",
        source=source,
        attempt=attempt,
        honest=_honest,
        without_guard=_anything_belongs,
    )


ATTACKS = [
    _attack("at another URL with a known state", "RFC 9700 4.2, 2.1", _at_another_url),
    _attack("of another provider with a known state", "RFC 9700 4.4", _of_another_provider),
    _attack("that names another issuer", "RFC 9207 2.4", _of_another_issuer),
    _attack("that names no issuer, where the server always does", "RFC 9207 2.4", _without_issuer),
    Attack(
        name="repeated parameter: the attacker's code behind the victim's, for whoever takes the last",
        source="RFC 6749 3.1, CWE-235",
        attempt=_code_put_in,
        honest=_honest,
        without_guard=_last_one_wins,
        refused=LinkingFailed,
    ),
]
