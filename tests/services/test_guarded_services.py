"""Services on a guarded store: who calls is asked at the door, and the work is done in the service's name."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

import extauth
from extauth import (
    AccessPolicy,
    LinkingService,
    LinkKey,
    LinkNotFound,
    NotAuthorized,
    Operator,
    TokenService,
    User,
    acting_as,
)
from extauth.adapters.authorization import GuardedStore
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.acting import acting, current_actor
from extauth.domain.actors import LINKING, REFRESHING, REGISTERING, UPKEEP, Action, Actor, Target
from extauth.domain.outcomes import Deferred
from extauth.services.linking.begun_redirects import begun_redirects
from extauth.testing import ScriptedLinkingProvider
from tests.support.clocks import LeapingClock
from tests.support.faulty_store import FaultyStore, down

ALICE, BOB = LinkKey("scripted", "alice"), LinkKey("scripted", "bob")
REDIRECT_URI = "https://app.example/callback"


class Remembering:
    """The policy that ships, which remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Actor, Action]] = []

    def allows(self, actor: Actor, action: Action, target: Target) -> bool:
        self.asked.append((actor, action))
        return AccessPolicy().allows(actor, action, target)

    def actors(self) -> set[Actor]:
        return {actor for actor, _ in self.asked}


class Scene:
    """A guarded store that can be made to fail, a provider, and both services."""

    def __init__(self) -> None:
        self.clock = LeapingClock()
        self.inner = MemoryLinkStore(now=self.clock.now)
        self.faulty: Any = FaultyStore(self.inner)
        self.policy = Remembering()
        self.store = GuardedStore(self.faulty, self.policy)
        self.provider: Any = ScriptedLinkingProvider(now=self.clock.now)
        self.tokens: Any = TokenService(self.store, [self.provider], clock=self.clock)
        self.linking: Any = LinkingService(self.store, [self.provider], clock=self.clock)

    async def connect(self, user_id: str) -> Any:
        with acting_as(User(user_id)):
            url = await self.linking.begin("scripted", user_id, REDIRECT_URI)
            return await self.linking.complete(
                self.provider.consent(url, f"{user_id}-there"), user_id=user_id
            )

    async def expire(self, key: LinkKey) -> None:
        link = await self.inner.get(key)
        assert link is not None
        tokens = attrs.evolve(link.tokens, expires_at=datetime(2020, 1, 1, tzinfo=UTC))
        await self.inner.put(key, tokens)


async def reached(place: asyncio.Event, *under_way: asyncio.Task[Any]) -> None:
    """Wait until a call under way has come there; raise what it raises if it ends before."""
    coming = asyncio.ensure_future(place.wait())
    await asyncio.wait({coming, *under_way}, return_when=asyncio.FIRST_COMPLETED)
    if not place.is_set():
        coming.cancel()
        for each in under_way:
            if each.done():
                each.result()


@asynccontextmanager
async def connected():
    """Alice and Bob are connected."""
    made = Scene()
    async with made.linking, made.tokens:
        await made.connect("alice")
        await made.connect("bob")
        made.policy.asked.clear()
        try:
            yield made
        finally:
            for gate in (made.provider.gate, made.provider.tokens.gate):
                if gate is not None:
                    gate.set()


@pytest.fixture
async def scene():
    """Both services on one guarded store."""
    async with connected() as made:
        yield made


async def test_a_fresh_token(scene):
    """Its user gets it; another one does not, though nothing need be refreshed, nor does nobody."""
    with acting_as(User("alice")):
        token = await scene.tokens.access_token("scripted", "alice")
    assert (await scene.inner.get(ALICE)).tokens.access_token == token
    for call in (scene.tokens.access_token, scene.tokens.link, scene.tokens.refresh, scene.linking.validate):
        with acting_as(User("bob")), pytest.raises(NotAuthorized, match="user 'bob' may not read"):
            await call("scripted", "alice")
        with pytest.raises(NotAuthorized, match="not said who acts"):
            await call("scripted", "alice")


async def test_the_store_is_not_touched_for_who_may_not(scene):
    """By any entry of either service; whether the link exists is not said."""
    scene.faulty.before.clear()
    touched: list[str] = []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            touched.append(name)
            return getattr(scene.inner, name)

    store: Any = GuardedStore(Watched(), AccessPolicy())
    async with (
        TokenService(store, [scene.provider]) as tokens,
        LinkingService(store, [scene.provider]) as linking,
    ):
        with acting_as(User("alice")):
            device = await linking.begin_device("scripted", "alice")
        heard: set[str] = set()
        touched.clear()
        for user in ("alice", "nobody-is-connected"):
            for call in (
                tokens.access_token("scripted", user),
                tokens.link("scripted", user),
                tokens.refresh("scripted", user, rejected="at"),
                linking.begin("scripted", user, REDIRECT_URI),
                linking.begin_device("scripted", user),
                linking.complete(f"{REDIRECT_URI}?state={'s' * 43}&code=c", user_id=user),
                linking.complete_device(device),
                linking.unlink("scripted", user),
                linking.links(user),
                linking.validate("scripted", user),
                linking.purge(),
            ):
                with acting_as(User("bob")), pytest.raises(NotAuthorized) as caught:
                    await call
                heard.add(str(caught.value).replace(user, "someone"))
    assert touched == []
    assert len(heard) == 7  # by action and kind of target: never by whether there is a link


async def test_two_actors_in_one_flight(scene):
    """It acts as the service, whoever began it; who may not have the link does not join."""
    await scene.expire(ALICE)
    provider = scene.provider.tokens
    provider.gate = asyncio.Event()

    async def ask(actor: Actor) -> Any:
        with acting_as(actor):
            return await scene.tokens.access_token("scripted", "alice")

    asking = [asyncio.create_task(ask(User("alice")))]
    await reached(provider.exchanging, *asking)
    asking.append(asyncio.create_task(ask(Operator("eve", {"admin"}))))
    with pytest.raises(NotAuthorized):
        await ask(User("bob"))
    await asyncio.sleep(0)
    provider.gate.set()
    first, second = await asyncio.gather(*asking)
    assert first == second == (await scene.inner.get(ALICE)).tokens.access_token
    assert len(provider.presented) == 1
    at_the_door = {
        (User("alice"), Action.READ),
        (User("bob"), Action.READ),
        (Operator("eve", {"admin"}), Action.READ),
    }
    assert {asked for asked in scene.policy.asked if asked[0] != REFRESHING} == at_the_door
    assert Action.REFRESH in {action for actor, action in scene.policy.asked if actor == REFRESHING}


async def test_a_flight_of_a_user_who_may_not_refresh(scene):
    """Users may take no lease; the flight that one begins takes it in the service's name."""
    await scene.expire(BOB)
    with acting_as(User("bob")):
        token = await scene.tokens.access_token("scripted", "bob")
        with pytest.raises(NotAuthorized, match="user 'bob' may not refresh"):
            await scene.store.claim(BOB, 2, "me", timedelta(minutes=1))
    assert (await scene.inner.get(BOB)).tokens.access_token == token


async def test_what_a_provider_sees_in_a_flight(scene):
    """Nothing of who began it: a flight has no actor of its context."""
    await scene.expire(ALICE)
    seen: list[Actor | None] = []

    def refresh(tokens: Any) -> Any:
        seen.append(current_actor())
        return Deferred("busy")

    scene.provider.tokens.script.append(refresh)
    with acting_as(User("alice")), pytest.raises(extauth.ProviderUnavailable):
        await scene.tokens.access_token("scripted", "alice")
    assert seen == [None]


async def test_a_token_that_is_not_stored_yet(scene):
    """What a service has in memory, because the store is down, is its user's alone, too."""
    await scene.expire(ALICE)
    up = asyncio.Event()
    scene.faulty.before["save"] = [*down(), up.wait]
    try:
        with acting_as(User("alice")):
            token = await scene.tokens.access_token("scripted", "alice")
        assert (await scene.inner.get(ALICE)).tokens.access_token != token
        with acting_as(User("bob")), pytest.raises(NotAuthorized):
            await scene.tokens.access_token("scripted", "alice")
    finally:
        up.set()


async def test_a_linking_flow_is_its_users_own(scene):
    """Nobody completes as another user; the state stays good for her, and the work is the service's."""
    with acting_as(User("alice")):
        url = await scene.linking.begin("scripted", "alice", REDIRECT_URI)
    callback = scene.provider.consent(url, "alice-there")
    with acting_as(User("bob")), pytest.raises(NotAuthorized, match="user 'bob' may not connect"):
        await scene.linking.complete(callback, user_id="alice")
    scene.policy.asked.clear()
    with acting_as(User("alice")):
        link = await scene.linking.complete(callback, user_id="alice")
    assert link.key == ALICE
    assert scene.policy.asked[0] == (User("alice"), Action.CONNECT)
    assert {actor for actor, _ in scene.policy.asked[1:]} == {LINKING}


async def test_two_actors_wait_for_one_device(scene):
    """An operator and the user share the polling, another user is refused; the service stores the link."""
    with acting_as(User("alice")):
        device = await scene.linking.begin_device("scripted", "alice")
    scene.provider.gate = asyncio.Event()
    scene.policy.asked.clear()

    async def wait(actor: Actor) -> Any:
        with acting_as(actor):
            return await scene.linking.complete_device(device)

    scene.provider.approve_device(device.user_code, "alice-there")
    waiting = [asyncio.create_task(wait(each)) for each in (User("alice"), Operator("eve", {"admin"}))]
    await reached(scene.provider.exchanging, *waiting)
    with pytest.raises(NotAuthorized):
        await wait(User("bob"))
    scene.provider.gate.set()
    one, other = await asyncio.gather(*waiting)
    assert one == other == await scene.inner.get(ALICE)
    assert scene.policy.actors() == {User("alice"), User("bob"), Operator("eve", {"admin"}), LINKING}
    assert [a for actor, a in scene.policy.asked if actor != LINKING] == [Action.CONNECT] * 3


async def test_unlinking_in_anothers_name(scene):
    """An operator with that role may; then the link is gone, and another user may not."""
    with acting_as(User("bob")), pytest.raises(NotAuthorized, match="may not disconnect"):
        await scene.linking.unlink("scripted", "alice")
    with acting_as(Operator("eve", {"support"})):
        outcome = await scene.linking.unlink("scripted", "alice")
        with pytest.raises(NotAuthorized, match=r"operator 'eve' \(support\) may not read"):
            await scene.tokens.access_token("scripted", "bob")
    assert outcome.existed
    with acting_as(User("alice")), pytest.raises(LinkNotFound):
        await scene.tokens.access_token("scripted", "alice")


async def test_upkeep(scene):
    """It purges and refreshes whatever is due, and connects nobody."""
    with acting_as(UPKEEP):
        assert await scene.linking.purge() == 0
        assert await scene.tokens.access_token("scripted", "alice")
        with pytest.raises(NotAuthorized, match="the upkeep service may not connect"):
            await scene.linking.begin("scripted", "alice", REDIRECT_URI)


async def test_one_store_beneath(scene):
    """However often it is guarded: services know what others on it have begun, and close with the store."""
    again = GuardedStore(scene.faulty, AccessPolicy())
    assert begun_redirects(scene.store) is begun_redirects(again.acting_as(LINKING))
    assert begun_redirects(again) is begun_redirects(scene.faulty)
    assert scene.tokens.uses(scene.faulty)
    assert scene.linking.uses(again)
    assert not scene.tokens.uses(GuardedStore(MemoryLinkStore()))


async def test_the_front_door(tmp_path):
    """``access`` guards the store that is opened, and what is called by whom is asked."""
    provider: Any = ScriptedLinkingProvider()
    async with extauth.open(
        f"sqlite:///{tmp_path}/links.db", [provider], keys="plain", access=AccessPolicy()
    ) as auth:
        with extauth.acting_as(User("alice")):
            url = await auth.begin("scripted", "alice", REDIRECT_URI)
            link = await auth.complete(provider.consent(url, "alice-there"), user_id="alice")
            assert await auth.access_token("scripted", "alice") == link.tokens.access_token
            assert (await auth.store.get(ALICE)) == link
        with extauth.acting_as(User("bob")):
            for call in (
                auth.access_token("scripted", "alice"),
                auth.unlink("scripted", "alice"),
                auth.store.get(ALICE),
            ):
                with pytest.raises(NotAuthorized):
                    await call


async def test_a_guarded_store_at_the_front_door():
    """One that is open already can be given instead."""
    provider: Any = ScriptedLinkingProvider()
    async with AsyncExitStack() as stack:
        guarded = GuardedStore(MemoryLinkStore())
        auth = await stack.enter_async_context(extauth.open(guarded, [provider], keys="plain"))
        with pytest.raises(NotAuthorized):
            await auth.links("alice")


async def test_registered_clients():
    """They are kept in the name of what keeps them, whoever begins: users need not see their secrets."""
    store = GuardedStore(MemoryLinkStore())
    with acting_as(User("alice")):
        assert await acting(store, REGISTERING).registration("client") is None
        with pytest.raises(NotAuthorized, match="user 'alice' may not register a registered client"):
            await store.registration("client")
