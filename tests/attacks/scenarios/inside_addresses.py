"""A document or a user leads requests to a service inside (server-side request forgery)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from aiohttp import ClientSession

from extauth.adapters.discovery import discover, discover_resource, register_client
from extauth.adapters.oauth2 import Call, IdentityRules, OAuth2Provider, ReplyRules
from extauth.domain.errors import ProviderMisconfigured
from extauth.domain.link import Account
from extauth.domain.outcomes import Exchanged, Unknown
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence
from tests.attacks.internet import DOCUMENT, INSIDE, PUBLIC, Internet, any_address, internet


async def _code_exchanged(world: Internet) -> object:
    found = await discover(world.evil, session=world.session)
    provider = found.provider("evil", client_id="c", client_secret="s", session=world.session)
    return await provider.exchange_code("code", redirect_uri="https://app.example/cb")


async def _honest_server(fence: Fence) -> None:
    async with internet(fence) as world:
        world.publish_server()
        assert isinstance(await _code_exchanged(world), Exchanged)


async def _named_by_a_user(fence: Fence) -> object:
    async with internet(fence) as world:
        with suppress(ProviderMisconfigured):
            await discover(world.inside, session=world.session)
        return world.asked_inside


async def _named_by_a_document(fence: Fence) -> object:
    async with internet(fence) as world:
        world.publish_server(token_endpoint=f"{world.inside}/token")
        await _code_exchanged(world)
        return world.asked_inside


async def _address_in_a_document(fence: Fence) -> object:
    async with internet(fence) as world:
        world.publish_server(token_endpoint=f"https://{INSIDE}:{world.port}/token")
        await _code_exchanged(world)
        return world.asked_inside


async def _rebound(fence: Fence) -> object:
    async with internet(fence) as world:
        world.publish_server()
        fence.names["evil.example"] = [PUBLIC, INSIDE]
        await _code_exchanged(world)
        return world.asked_inside


async def _redirected(fence: Fence) -> object:
    async with internet(fence) as world:
        world.publish_server()
        world.pages["/uploads/1.json"] = world.pages.pop(DOCUMENT)
        for path in (DOCUMENT, "/.well-known/openid-configuration"):
            world.publish(path, None, 302, Location=f"{world.evil}/uploads/1.json")
        return await _code_exchanged(world)


def _redirects_followed(patch: pytest.MonkeyPatch) -> None:
    requested = ClientSession._request

    async def following(self: ClientSession, *args: Any, **options: Any) -> Any:
        return await requested(self, *args, **{**options, "allow_redirects": True})

    patch.setattr(ClientSession, "_request", following)


async def _registered_inside(fence: Fence) -> object:
    async with internet(fence) as world:
        world.publish_server(registration_endpoint=f"{world.inside}/register")
        found = await discover(world.evil, session=world.session)
        with suppress(ProviderMisconfigured):
            await _registered(world, found)
        return world.asked_inside


async def _registered(world: Internet, found: Any) -> str:
    client = await register_client(
        found, redirect_uris=["https://app.example/cb"], client_name="App", session=world.session
    )
    return client.client_id


async def _honest_registration(fence: Fence) -> None:
    async with internet(fence) as world:
        world.publish_server()
        assert await _registered(world, await discover(world.evil, session=world.session)) == "c"


async def _challenge_leads_inside(fence: Fence) -> object:
    async with internet(fence) as world:
        challenge = f'Bearer resource_metadata="{world.inside}/document"'
        world.publish("/mcp", None, 401, **{"WWW-Authenticate": challenge})
        with suppress(ProviderMisconfigured):
            await discover_resource(f"{world.evil}/mcp", session=world.session)
        return world.asked_inside


async def _honest_challenge(fence: Fence) -> None:
    async with internet(fence) as world:
        resource = f"{world.evil}/mcp"
        challenge = f'Bearer resource_metadata="{world.evil}/document"'
        world.publish("/mcp", None, 401, **{"WWW-Authenticate": challenge})
        world.publish("/document", {"resource": resource, "authorization_servers": [world.evil]})
        found = await discover_resource(resource, session=world.session)
        assert found.authorization_servers == (world.evil,)


async def _identified(world: Internet, instance: str) -> Account | None:
    provider = OAuth2Provider(
        "p",
        client_id="c",
        client_secret="s",
        token_url=f"{world.evil}/token",
        replies=ReplyRules(extra_fields=frozenset({"instance_url"})),
        identity=IdentityRules(call=Call(url="{extra[instance_url]}/userinfo")),
        session=world.session,
    )
    world.publish("/token", {"access_token": "at", "instance_url": instance})
    world.publish("/userinfo", {"sub": "alice-there"})
    exchanged = await provider.exchange_code("code", redirect_uri="https://app.example/cb")
    assert isinstance(exchanged, Exchanged)
    account = await provider.identify(exchanged.tokens)
    return None if isinstance(account, Unknown) else account


async def _answer_leads_inside(fence: Fence) -> object:
    async with internet(fence) as world:
        await _identified(world, world.inside)
        return world.asked_inside


async def _honest_instance(fence: Fence) -> None:
    async with internet(fence) as world:
        account = await _identified(world, world.evil)
        assert account is not None
        assert account.id == "alice-there"


ATTACKS = [
    Attack(
        name="SSRF: a user names a server that is inside",
        source="CWE-918, RFC 9728 7.7",
        attempt=_named_by_a_user,
        honest=_honest_server,
        without_guard=any_address,
    ),
    Attack(
        name="SSRF: metadata names a token endpoint whose name stands for an inside address",
        source="CWE-918, RFC 8414 6.2",
        attempt=_named_by_a_document,
        honest=_honest_server,
        without_guard=any_address,
    ),
    Attack(
        name="SSRF: metadata names an inside address itself",
        source="CWE-918",
        attempt=_address_in_a_document,
        honest=_honest_server,
        without_guard=any_address,
        refused=ProviderMisconfigured,
    ),
    Attack(
        name="DNS rebinding: the name is public for the metadata and inside for the code",
        source="CWE-350, CWE-918",
        attempt=_rebound,
        honest=_honest_server,
        without_guard=any_address,
    ),
    Attack(
        name="the metadata URL redirects to a document that somebody uploaded",
        source="CWE-601, RFC 9700 4.11",
        attempt=_redirected,
        honest=_honest_server,
        without_guard=_redirects_followed,
        refused=ProviderMisconfigured,
    ),
    Attack(
        name="SSRF: the registration endpoint is inside",
        source="CWE-918, RFC 7591 5",
        attempt=_registered_inside,
        honest=_honest_registration,
        without_guard=any_address,
    ),
    Attack(
        name="SSRF: a 401 of an MCP server names a document inside",
        source="CWE-918, RFC 9728 7.7",
        attempt=_challenge_leads_inside,
        honest=_honest_challenge,
        without_guard=any_address,
    ),
    Attack(
        name="SSRF: the token answer names an API address that is inside",
        source="CWE-918",
        attempt=_answer_leads_inside,
        honest=_honest_instance,
        without_guard=any_address,
    ),
]
