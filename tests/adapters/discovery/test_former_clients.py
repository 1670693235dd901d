"""A client that makes way for another: its links go on, on a real server, and all replicas agree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from aiohttp import ClientSession

import extauth
from extauth import AccountChanged, LinkKey, ProviderMisconfigured, ReauthorizationRequired
from extauth.adapters.discovery import mcp_provider
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.link import Account
from extauth.domain.linking import ClientRegistration
from extauth.domain.linking_outcomes import TokenValid
from extauth.domain.registered_clients import PATIENCE, YOUNG
from extauth.testing import AuthorizationServer, ServerQuirks

CALLBACK = "https://app.example/callback"
MANY = ["dave", "erin", "frank"]
"""As many as it takes to pause a client."""


@attrs.define
class WallClock:
    """A clock that the test sets."""

    at: datetime = attrs.field(factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        """Return the time it shows."""
        return self.at


@attrs.define
class World:
    """A server, a store and a clock, and replicas of an application on them."""

    server: AuthorizationServer
    store: Any
    clock: WallClock
    replicas: AsyncExitStack

    @property
    def url(self) -> str:
        """The MCP server."""
        return f"{self.server.url}/resource/wiki"

    @property
    def name(self) -> str:
        """What the client is kept under."""
        return f"{self.server.issuer} {CALLBACK} {self.url}"

    async def provider(self, **options: Any) -> OAuth2Provider:
        """Return what a replica begins with."""
        return await mcp_provider(
            self.url,
            redirect_uri=CALLBACK,
            store=self.store,
            client_name="App",
            provider_id="wiki",
            clock=self.clock,
            **options,
        )

    async def replica(self, *, on_account_change: Any = "replace", **options: Any) -> extauth.Auth:
        """Start one more replica."""
        provider = await self.provider(**options)
        opened = extauth.open(self.store, [provider], on_account_change=on_account_change)
        return await self.replicas.enter_async_context(opened)

    async def connect(self, auth: extauth.Auth, user: str, **begin: Any) -> str:
        """Connect a user, and return the client of the link."""
        callback = await self.server.visit(await auth.begin("wiki", user, CALLBACK, **begin))
        link = await auth.complete(callback.url, user_id=user)
        assert link.origin is not None
        return link.origin.client_id

    async def refreshed(self, auth: extauth.Auth, user: str) -> bool:
        """Refresh a user's link; whether the API takes the new token, which is still the same client's."""
        before = await self.store.get(LinkKey("wiki", user))
        link = await auth.refresh("wiki", user, rejected=before.tokens.access_token)
        headers = {"Authorization": f"Bearer {link.tokens.access_token}"}
        async with ClientSession() as http, http.get(self.url, headers=headers) as response:
            taken = response.status == 200
        return taken and link.version == before.version + 1 and link.origin == before.origin

    async def former(self, auth: extauth.Auth, user: str) -> bool:
        """Whether the user's link is listed as a former client's."""
        former = await auth.links(user, of_former_client=True)
        present = await auth.links(user, of_former_client=False)
        assert sorted([*former, *present], key=str) == await auth.links(user)
        return bool(former)

    def registered(self) -> list[str]:
        """Return the ids of all clients that registered themselves."""
        return [client.id for client in self.server._state.clients][1:]

    def forget(self, client_id: str) -> None:
        """Drop a client at the server, as some do after a while."""
        clients = self.server._state.clients
        clients._registered = [client for client in clients._registered if client.id != client_id]


@pytest.fixture
async def world(any_store: Any) -> AsyncIterator[World]:
    """A server that gives no scope that a client was not registered for."""
    quirks = ServerQuirks(registered_scopes_only=True)
    async with AuthorizationServer(quirks=quirks) as server, AsyncExitStack() as replicas:
        yield World(server, any_store, WallClock(), replicas)


async def test_links_go_on_with_the_client_that_they_were_made_with(world: World):
    """After another took its place, by hand: on the replica that has the new one and on one that began with
    the old one, to which links of the new one come, too."""
    old = await world.replica(scopes=["read"])
    first = await world.connect(old, "alice")
    new = await world.replica(scopes=["read"], forget=first)
    second = await world.connect(new, "bob")

    assert [first, second] == world.registered()
    for auth in (old, new):
        for user in ("alice", "bob"):
            assert await world.refreshed(auth, user)
        assert await world.former(auth, "alice")
        assert not await world.former(auth, "bob")


async def test_a_link_is_reconnected_with_the_new_client(world: World):
    """Whichever replica the user comes to: from then on it is no former client's."""
    old = await world.replica(scopes=["read"])
    first = await world.connect(old, "alice")
    await world.replica(scopes=["read"], forget=first)

    assert await world.connect(old, "alice") == world.registered()[1]
    assert not await world.former(old, "alice")
    assert await world.refreshed(old, "alice")


async def test_an_unlink_revokes_with_the_client_of_the_link(world: World):
    """The server, which takes a token from nobody but its client, confirms it."""
    old = await world.replica(scopes=["read"])
    first = await world.connect(old, "alice")
    new = await world.replica(scopes=["read"], forget=first)

    unlinked = await new.unlink("wiki", "alice")

    assert (unlinked.revoked, unlinked.reason) == (True, None)


async def test_a_code_goes_with_the_client_that_it_is_for(world: World):
    """The user was at the consent page while another client took the place, and came back to any replica."""
    old = await world.replica(scopes=["read"])
    callback = await world.server.visit(await old.begin("wiki", "alice", CALLBACK))
    (first,) = world.registered()
    new = await world.replica(scopes=["read"], forget=first)

    link = await new.complete(callback.url, user_id="alice")

    assert link.origin is not None
    assert link.origin.client_id == first
    assert await world.refreshed(new, "alice")
    assert await world.former(new, "alice")


async def test_scopes_that_have_grown_are_registered(world: World):
    """By themselves, once for all replicas; the old client's links go on, with what they were granted."""
    old = await world.replica(scopes=["read"])
    first = await world.connect(old, "alice")
    more = {"scopes": ["read"], "may_ask": ["write"]}

    new, *others = await asyncio.gather(*(world.replica(**more) for _ in range(4)))
    again = await world.replica(scopes=["read"])

    second = await world.connect(new, "bob", scopes=["read", "write"])
    assert second != first
    for auth in (again, *others):
        assert await world.connect(auth, "carol") == second
    assert await world.refreshed(new, "alice")
    assert await world.former(new, "alice")
    assert len(world.registered()) <= 1 + 4


async def test_versions_that_want_different_scopes_end_with_one_client(world: World):
    """Two versions of an application run side by side: neither replaces the other's client for ever."""
    first = await world.provider(scopes=["read"], may_ask=["a"])
    second = await world.provider(scopes=["read"], may_ask=["b"])
    assert first.client_id != second.client_id
    for _ in range(3):
        for scope in ("a", "b"):
            provider = await world.provider(scopes=["read"], may_ask=[scope])
            assert provider.client_id == second.client_id


async def test_versions_that_start_at_once_end_with_one_client(world: World):
    """Whoever loses the race finds a client that is less than it wants, and replaces that by one for both."""
    first = await world.provider(scopes=["read"])
    both = [world.provider(scopes=["read"], may_ask=[scope]) for scope in ("a", "b")]
    await asyncio.gather(*both)
    kept = await world.store.registration(world.name)

    assert kept.client_id != first.client_id
    assert kept.scopes >= {"read", "a", "b"}
    for scope in ("a", "b"):
        assert (await world.provider(scopes=["read"], may_ask=[scope])).client_id == kept.client_id


async def test_what_was_not_noted_replaces_nothing(world: World):
    """A client that was registered before scopes were noted stays."""
    first = await world.provider(scopes=["read"])
    name = world.name
    kept = await world.store.registration(name)
    assert kept.scopes == {"read", *await listed(world)}
    unnoted = attrs.evolve(kept, client_id="unnoted", scopes=None)
    await world.store.keep_registration(name, unnoted, instead_of=first.client_id)

    assert (await world.provider(scopes=["read", "write"])).client_id == "unnoted"


async def listed(world: World) -> list[str]:
    """Return the scopes that the MCP server lists."""
    url = f"{world.server.url}/.well-known/oauth-protected-resource/resource/wiki"
    async with ClientSession() as http, http.get(url) as response:
        scopes: list[str] = (await response.json()).get("scopes_supported", [])
        return scopes


async def test_a_client_that_the_server_forgot_is_registered_anew(world: World):
    """When a user begins, once the server has said so twice, a minute apart, whoever asked first. Its links
    say that the user must connect again, keep their tokens and no mark; others go on."""
    auth = await world.replica(scopes=["read"])
    first = await world.connect(auth, "alice")
    for user in MANY:
        await world.connect(auth, user)
    world.forget(first)

    with pytest.raises(ProviderMisconfigured) as rejected:
        await world.refreshed(auth, "alice")
    assert rejected.value.reason == "invalid_client"
    assert (await world.store.get(LinkKey("wiki", "alice"))).failure is None

    world.clock.at += PATIENCE
    second = await world.connect(auth, "bob")
    assert world.registered() == [second]

    before = await world.store.get(LinkKey("wiki", "alice"))
    assert await auth.access_token("wiki", "alice") == before.tokens.access_token
    another = await world.replica(scopes=["read"])
    for user in ["alice", *MANY, "alice"]:
        with pytest.raises(ReauthorizationRequired) as caught:
            await world.refreshed(another, user)
        assert caught.value.reason == "client_forgotten"
    assert await world.refreshed(another, "bob")
    assert await world.store.get(LinkKey("wiki", "alice")) == before
    assert await world.former(another, "alice")
    assert await world.connect(another, "alice") == second


async def test_a_forgotten_client_without_links_is_noticed(world: World):
    """Nobody comes back from the server, so it is asked; the answer to one question is not enough."""
    auth = await world.replica(scopes=["read"])
    (first,) = world.registered()
    world.forget(first)

    world.clock.at += YOUNG
    assert first in await auth.begin("wiki", "alice", CALLBACK)
    assert world.registered() == []
    world.clock.at += PATIENCE / 2
    assert first in await auth.begin("wiki", "alice", CALLBACK)
    world.clock.at += PATIENCE / 2
    assert await world.connect(auth, "alice") in world.registered()


async def test_a_server_that_knows_no_client_is_not_sent_one_after_the_other(world: World):
    """One that was registered a moment ago, and was never taken, may have to get around."""
    auth = await world.replica(scopes=["read"])
    (first,) = world.registered()
    world.forget(first)
    for _ in range(10):
        world.clock.at += PATIENCE
        assert first in await auth.begin("wiki", "alice", CALLBACK)
    assert world.registered() == []


async def test_a_client_that_is_known_again_stays(world: World):
    """A server that was confused for a moment keeps its client, and so does the application."""
    auth = await world.replica(scopes=["read"])
    (first,) = world.registered()
    clients = world.server._state.clients
    known = clients._registered
    for registered in ([], known, []):
        clients._registered = registered
        world.clock.at += PATIENCE
        assert first in await auth.begin("wiki", "alice", CALLBACK)
    clients._registered = known
    world.clock.at += PATIENCE
    assert await world.connect(auth, "alice") == first


async def test_openings_alone_notice_it(world: World):
    """An application that makes its provider anew each time remembers what was said before."""
    first = await world.provider(scopes=["read"])
    world.forget(first.client_id)
    world.clock.at += YOUNG
    assert (await world.provider(scopes=["read"])).client_id == first.client_id
    world.clock.at += PATIENCE
    assert (await world.provider(scopes=["read"])).client_id == world.registered()[0] != first.client_id


async def test_a_secret_that_expires_is_replaced_when_a_user_begins(world: World):
    """Not only at the next start. Links go on for as long as the server takes the old secret."""
    auth = await world.replica(scopes=["read"])
    first = await world.connect(auth, "alice")
    name = world.name
    kept = await world.store.registration(name)
    soon = attrs.evolve(kept, client_secret_expires_at=world.clock.at + timedelta(hours=1))
    await world.store.keep_registration(name, soon, instead_of=first)
    world.clock.at += timedelta(minutes=59)
    assert await world.connect(auth, "bob") == first

    world.clock.at += timedelta(minutes=1)
    assert await world.former(auth, "bob") is False
    second = await world.connect(auth, "bob")

    assert second == world.registered()[1]
    assert await world.refreshed(auth, "alice")
    assert await world.former(auth, "alice")


async def test_a_secret_that_expired_and_is_refused(world: World):
    """There is no other client yet, and this one's links are over: users must connect again."""
    auth = await world.replica(scopes=["read"])
    first = await world.connect(auth, "alice")
    kept = await world.store.registration(world.name)
    over = attrs.evolve(kept, client_secret_expires_at=world.clock.at)
    await world.store.keep_registration(world.name, over, instead_of=first)
    world.forget(first)

    with pytest.raises(ReauthorizationRequired) as caught:
        await world.refreshed(auth, "alice")
    assert caught.value.reason == "client_forgotten"


async def test_a_former_clients_link_can_be_validated(world: World):
    """It is asked about as any other."""
    old = await world.replica(scopes=["openid"])
    first = await world.connect(old, "alice")
    new = await world.replica(scopes=["openid"], forget=first)

    assert isinstance(await new.validate("wiki", "alice"), TokenValid)


async def test_another_account_is_refused_where_the_client_has_changed(world: World):
    """Whose account a former client's link is for is asked before it is replaced."""
    old = await world.replica(scopes=["openid"])
    first = await world.connect(old, "alice")
    link = await world.store.get(LinkKey("wiki", "alice"))
    await world.store.put(link.key, link.tokens, origin=link.origin)  # whose account it is, is not known
    new = await world.replica(scopes=["openid"], forget=first, on_account_change="refuse")
    world.server.consent = attrs.evolve(world.server.consent, account=Account("another"))

    with pytest.raises(AccountChanged):
        await world.connect(new, "alice")
    assert (await world.store.get(link.key)).tokens == link.tokens


async def test_a_flight_goes_on_with_the_client_of_the_link_that_it_finds(world: World):
    """The user connected again, with the new client, while another replica was about to refresh."""
    old = await world.replica(scopes=["read"])
    first = await world.connect(old, "alice")
    new = await world.replica(scopes=["read"], forget=first)
    await world.connect(new, "bob")
    old_link, new_link = [await world.store.get(LinkKey("wiki", user)) for user in ("alice", "bob")]
    past = world.clock.at - timedelta(hours=1)
    await world.store.put(
        old_link.key, attrs.evolve(old_link.tokens, expires_at=past), origin=old_link.origin
    )
    claim = type(world.store).claim

    async def reconnected_first(store: Any, key: LinkKey, version: int, *args: Any, **options: Any) -> Any:
        if version == old_link.version + 1:
            expired = attrs.evolve(new_link.tokens, expires_at=past)
            await store.put(key, expired, origin=new_link.origin)
        return await claim(store, key, version, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(world.store), "claim", reconnected_first)
        access_token = await old.access_token("wiki", "alice")

    link = await world.store.get(LinkKey("wiki", "alice"))
    assert (link.origin, link.tokens.access_token) == (new_link.origin, access_token)


async def test_scopes_asked_for_again_are_those_of_the_former_link(world: World):
    """Who steps up and comes to the new client by that loses nothing."""
    old = await world.replica(scopes=["read"], may_ask=["write"])
    first = await world.connect(old, "alice", scopes=["read", "write"])
    new = await world.replica(scopes=["read"], may_ask=["write", "more"], forget=first)

    await world.connect(new, "alice", scopes=["more"], include_granted=True)

    assert (await new.link("wiki", "alice")).tokens.scopes == {"read", "write", "more"}


async def test_anothers_client_is_none_of_ours(world: World):
    """A link of a client that was never registered here is served to nobody, as before."""
    auth = await world.replica(scopes=["read"])
    await world.connect(auth, "alice")
    link = await world.store.get(LinkKey("wiki", "alice"))
    stranger = attrs.evolve(link.origin, client_id="stranger")
    await world.store.put(link.key, link.tokens, origin=stranger)
    elsewhere = f"{world.server.issuer} {CALLBACK} https://other.example/"
    other = ClientRegistration(issuer=world.server.issuer, client_id="stranger")
    await world.store.keep_registration(elsewhere, other)

    with pytest.raises(ProviderMisconfigured) as caught:
        await auth.access_token("wiki", "alice")
    assert caught.value.reason == "grant_of_another_client"
