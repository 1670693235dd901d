"""A store around a store that refuses before it touches."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import extauth
from extauth import AccessPolicy, LinkKey, NotAuthorized, Operator, User
from extauth.adapters.authorization import GuardedStore
from extauth.adapters.authorization.ports import GuardedPort
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.access import RULES
from extauth.domain.acting import current_actor
from extauth.domain.actors import LINKING, REFRESHING, REGISTERING, UPKEEP
from extauth.domain.linking_ports import Store
from tests.support.store_calls import ALICE, TOKENS, arguments_of, methods_of

METHODS = sorted(name for name in methods_of(MemoryLinkStore()) if "." not in name)
BOBS = LinkKey("app", "bob")


class Untouchable:
    """A store that nobody may so much as look at."""

    touched: Any = False

    claim = None

    def __getattribute__(self, name: str) -> Any:
        if name != "__class__":
            type(self).touched = True
        return super().__getattribute__(name)


class Counting:
    """A store that remembers what it was called for, and a port of its own as an attribute."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.inner = MemoryLinkStore()
        self.sealed = SealedRows()
        self.unknown = SealedRows()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        self.calls.append(name)
        return found


class SealedRows:
    """A port that other parts of a store may have."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    async def links(self, key_id: str) -> list[str]:
        self.asked.append(key_id)
        return [key_id]

    async def drop_everything(self) -> None:
        raise AssertionError


@pytest.fixture
def inner() -> Any:
    """A store that can be asked what was called."""
    return Counting()


@pytest.mark.parametrize("name", METHODS)
async def test_denied_before_the_store_is_touched(name):
    """Bob may call no method about alice's link: he hears so, and the store beneath is not looked at."""
    store: Any = GuardedStore(Untouchable(), actor=User("bob"))
    Untouchable.touched = False
    with pytest.raises(NotAuthorized, match="user 'bob' may not") as caught:
        await getattr(store, name)(**arguments_of(getattr(MemoryLinkStore(), name)))
    touched = Untouchable.touched
    assert (touched, caught.value.code) == (False, "not_authorized")


@pytest.mark.parametrize("name", METHODS)
async def test_allowed_calls_go_through(inner, name):
    """An actor who may everything gets what the store beneath gives, whatever is called with whatever."""
    plain = MemoryLinkStore()
    operator = GuardedStore(inner, actor=Operator("eve", {"admin"}))
    arguments = arguments_of(getattr(plain, name))
    given, expected = await getattr(operator, name)(**arguments), await getattr(plain, name)(**arguments)
    assert name in inner.calls
    assert type(expected) is type(given)


@pytest.mark.parametrize("name", METHODS)
async def test_nobody_acts(inner, name):
    """Without an actor nothing is allowed, and the error says how to name one."""
    with pytest.raises(NotAuthorized, match=r"extauth\.acting_as\(extauth\.User\(.*store\.acting_as"):
        await getattr(GuardedStore(inner), name)(**arguments_of(getattr(inner.inner, name)))
    assert inner.calls == ["claim"]  # looked for when it was made


async def test_no_word_on_whether_there_is_a_link(inner):
    """Who may not hears the same of a link that is there and of one that is not."""
    heard = []
    for _ in range(2):
        with pytest.raises(NotAuthorized) as caught:
            await GuardedStore(inner, actor=User("bob")).get(ALICE)
        heard.append((str(caught.value), caught.value.__context__, caught.value.__cause__))
        await inner.inner.put(ALICE, TOKENS)
    assert heard[0] == heard[1] == ("user 'bob' may not read the link to app of 'alice'", None, None)


async def test_each_user_has_their_own(inner):
    """Of a block of code, of a store that was told, and the latter counts."""
    store = GuardedStore(inner)
    await inner.inner.put(ALICE, TOKENS)
    with extauth.acting_as(User("alice")):
        assert (await store.get(ALICE)).tokens == TOKENS
        assert [link.key for link in await store.links_of("alice")] == [ALICE]
        with pytest.raises(NotAuthorized):
            await store.links_of("bob")
        with pytest.raises(NotAuthorized):
            await store.acting_as(User("bob")).get(ALICE)
        with extauth.acting_as(User("bob")), pytest.raises(NotAuthorized):
            await store.get(ALICE)
        assert await store.get(ALICE) is not None
    assert current_actor() is None


async def test_two_tasks_at_once(inner):
    """Each task acts as it was told, however they are interleaved."""
    store, heard = GuardedStore(inner), dict[str, object]()
    entered = asyncio.Barrier(2)

    async def read(user_id: str) -> None:
        with extauth.acting_as(User(user_id)):
            await entered.wait()
            try:
                heard[user_id] = await store.get(BOBS)
            except NotAuthorized as error:
                heard[user_id] = error.code
            await entered.wait()

    await asyncio.gather(read("alice"), read("bob"))
    assert heard == {"alice": "not_authorized", "bob": None}


@pytest.mark.parametrize(
    ("actor", "may"),
    [
        (
            REFRESHING,
            {
                *("get", "links_of", "wait_for_change", "claim", "time", "ping", "save"),
                *("record_failure", "release"),
            },
        ),
        (UPKEEP, {"get", "links_of", "wait_for_change", "due", "purge_authorizations"}),
        (REGISTERING, {"registration", "keep_registration"}),
        (
            Operator("eve", {"support"}),
            {"delete", "forget_authorizations", "lift_failure", "purge_authorizations"},
        ),
    ],
    ids=lambda value: "may" if isinstance(value, set) else str(value),
)
async def test_what_each_may_call(inner, actor, may):
    """Method by method."""
    store = GuardedStore(inner, actor=actor)
    called = set()
    for name in METHODS:
        try:
            await getattr(store, name)(**arguments_of(getattr(inner.inner, name)))
        except NotAuthorized:
            continue
        called.add(name)
    assert called - {"record_account"} == may


async def test_a_port_of_the_store(inner):
    """It is there, guarded: a call asks by the method's name."""
    store: Any = GuardedStore(inner, actor=Operator("eve", {"keys"}))
    assert await store.sealed.links("2026-11") == ["2026-11"]
    with pytest.raises(NotAuthorized, match="user 'bob' may not reseal links of all users"):
        await store.acting_as(User("bob")).sealed.links(key_id="2026-11")
    assert inner.sealed.asked == ["2026-11"]


async def test_what_there_is_no_rule_for(inner):
    """Nobody gets it, and the error says that a rule is missing; what is not there is not."""
    store: Any = GuardedStore(inner, actor=Operator("eve", {"admin"}))
    for missing in (lambda: store.unknown, lambda: store.sealed.drop_everything, lambda: store.state):
        with pytest.raises(AttributeError, match="no rule says who may use"):
            missing()
    assert not hasattr(store, "what_no_store_has")
    assert isinstance(store.sealed, GuardedPort)


@pytest.mark.parametrize(
    ("store", "policy"),
    [
        ("sqlite:///links.db", None),
        (MemoryLinkStore, None),
        (MemoryLinkStore(), AccessPolicy),
        (MemoryLinkStore(), {}),
    ],
    ids=["a URL", "a class", "a class of policies", "a mapping"],
)
def test_what_is_no_store_or_no_policy(store, policy):
    """A slip is told at once."""
    with pytest.raises(TypeError, match="must be"):
        GuardedStore(store, policy)


def test_it_is_a_store():
    """The type checker knows it as one."""
    store: Store = GuardedStore(MemoryLinkStore())
    assert RULES.keys() >= set(METHODS)
    assert store is not None


async def test_a_policy_that_would_have_to_be_awaited(inner):
    """What is not awaited is true: it must let nobody through."""

    class Asking:
        async def allows(self, actor: object, action: str, target: object) -> bool:
            return False

    class Passing:
        def allows(self, actor: object, action: str, target: object) -> object:
            return asyncio.get_running_loop().create_future()

    with pytest.raises(TypeError, match="must be no async function"):
        GuardedStore(inner, Asking())
    store = GuardedStore(inner, Passing(), actor=LINKING)
    with pytest.raises(TypeError, match="must be no async function"):
        await store.get(ALICE)


async def test_an_application_has_a_policy_of_its_own(inner):
    """Anything that can say whether somebody may."""

    class ReadOnly:
        def allows(self, actor: object, action: str, target: object) -> bool:
            return action == "read"

    store = GuardedStore(inner, ReadOnly(), actor=LINKING)
    assert await store.get(ALICE) is None
    with pytest.raises(NotAuthorized, match="the linking service may not connect the link to app of 'alice'"):
        await store.put(ALICE, TOKENS)
