"""Data keys of a key service: asked for seldom, kept for a while, and what an outage of it means."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from datetime import timedelta
from typing import Any

import pytest

from extauth import CannotDecrypt, ConfigurationError, DataKey, LinkKey, StoreUnavailable, TokenSet
from extauth.adapters.encryption import EncryptedStore, EncryptionKey, Keyring
from extauth.adapters.encryption.data_keys import DataKeys
from extauth.adapters.encryption.sealing import KeyName
from extauth.adapters.encryption.xaes import Xaes256Gcm
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.outcomes import Claimed, Saved
from extauth.domain.sealed import sealing_key_id
from tests.adapters.encryption.support import ALICE, BOB, TTL, pending, registration, tokens

HOUR = timedelta(hours=1)


class KeyService:
    """A key service in this process. It counts what it is asked, can be down, and can refuse."""

    def __init__(self, key_id: str = "kms/1") -> None:
        self.key_id = key_id
        self.master = Xaes256Gcm(os.urandom(32))
        self.asked: list[str] = []
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def new_data_key(self) -> DataKey:
        await self._answer("new")
        plain, nonce = os.urandom(32), os.urandom(24)
        return DataKey(plain, nonce + self.master.encrypt(nonce, plain, self.key_id.encode()))

    async def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        await self._answer(f"unwrap {key_id}")
        given = wrapped.ljust(24 + 48, b"\0")
        plain = self.master.decrypt(given[:24], given[24:], key_id.encode())
        if plain is None:
            msg = "the service has no such key"
            raise ConfigurationError(msg)
        return plain

    async def _answer(self, what: str) -> None:
        self.asked.append(what)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error


class Watch:
    """A monotonic clock that stands still."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def service() -> KeyService:
    """A key service."""
    return KeyService()


@pytest.fixture
def watch() -> Watch:
    """A clock."""
    return Watch()


def data_keys(service: KeyService, watch: Watch, **changes: Any) -> DataKeys:
    """Keep the service's data keys for an hour of that clock."""
    options: dict[str, Any] = {"age": HOUR, "most": 10, "timeout": HOUR, **changes}
    return DataKeys(service, **options, monotonic=watch)


async def test_all_that_is_stored_opens_in_another_process(service):
    """Whatever one replica has sealed, another one opens by asking the service for its data key, once."""
    inner = MemoryLinkStore()
    one, other = EncryptedStore(inner, service), EncryptedStore(inner, service)
    for key in (ALICE, BOB):
        await one.put(key, tokens(key.user_id))
    await one.begin_authorization(pending(), TTL)
    await one.keep_registration("name", registration())
    assert service.asked == ["new"]
    assert (await other.get(ALICE)).tokens == tokens("alice")
    assert (await other.get(BOB)).tokens == tokens("bob")
    assert await other.registration("name") == registration()
    assert service.asked == ["new", "unwrap kms/1"]
    stored = (await inner.get(ALICE)).tokens
    assert stored.access_token_key_id == stored.refresh_token_key_id == "kms/1"
    assert sealing_key_id(stored.access_token) == "kms/1"


async def test_many_that_want_a_data_key_ask_once(service):
    """A cold start under load is one call, and a caller that gives up takes nobody along."""
    inner = MemoryLinkStore()
    await EncryptedStore(inner, service).put(ALICE, tokens())
    other = EncryptedStore(inner, service)
    service.gate = asyncio.Event()
    readers = [asyncio.create_task(other.get(ALICE)) for _ in range(20)]
    while service.asked[-1] != "unwrap kms/1":
        await asyncio.sleep(0)
    readers[0].cancel()
    await asyncio.wait({readers[0]})
    service.gate.set()
    links = await asyncio.gather(*readers[1:])
    assert {link.tokens.access_token for link in links} == {"at-canary-1"}
    assert service.asked == ["new", "unwrap kms/1"]


async def test_an_error_that_nobody_waits_for(service, watch):
    """All have given up: the loop is not told of an error that nobody has looked at."""
    keys, told = data_keys(service, watch), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    service.gate, service.error = asyncio.Event(), OSError("unreachable")
    asking = asyncio.create_task(keys.primary())
    while not service.asked:
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait({asking})
    service.gate.set()
    while keys._asked:
        await asyncio.sleep(0)
    del asking
    for _ in range(3):
        await asyncio.sleep(0)
        gc.collect()
    assert told == []


def test_a_loop_that_ended_while_the_service_was_asked(service, watch):
    """The next loop asks anew instead of waiting for what goes on no more."""
    keys, first = data_keys(service, watch), asyncio.new_event_loop()
    service.gate = asyncio.Event()
    left = first.create_task(keys.primary())
    while not service.asked:
        first.run_until_complete(asyncio.sleep(0))
    service.gate = None
    key = asyncio.run(keys.primary())
    assert service.asked == ["new", "new"]
    for task in asyncio.all_tasks(first):
        task.cancel()
    first.run_until_complete(asyncio.wait({left}))
    first.close()
    assert asyncio.run(keys.primary()) is key


async def test_a_new_data_key_after_its_age(service, watch):
    """Until then it is the same one; the old one still opens what it has sealed."""
    keys = data_keys(service, watch)
    first = await keys.primary()
    watch.now = 3599.0
    assert await keys.primary() is first
    watch.now = 3600.0
    second = await keys.primary()
    assert second.name != first.name
    assert keys.held(first.name) is None
    assert (await keys.fetch(first.name)).name == first.name
    assert service.asked == ["new", "new", "unwrap kms/1"]


async def test_a_data_key_outlives_an_outage_for_its_age(service, watch):
    """What is about to be saved is not lost for a data key that is a little too old; but not for ever."""
    keys = data_keys(service, watch)
    first = await keys.primary()
    service.error = OSError("unreachable")
    watch.now = 7199.0
    assert await keys.primary() is first
    watch.now = 7200.0
    with pytest.raises(StoreUnavailable, match=r"did not give a data key \(OSError\)"):
        await keys.primary()
    service.error = None
    assert (await keys.primary()).name != first.name


async def test_data_keys_that_are_kept_are_few(service, watch):
    """The one that was used longest ago is forgotten first."""
    keys = data_keys(service, watch, most=2)
    names: list[KeyName] = []
    for hour in range(3):
        watch.now = hour * 3600.0
        names.append((await keys.primary()).name)
    await keys.fetch(names[0])
    assert (keys.held(names[1]), keys.held(names[0]) is None) == (None, False)
    await keys.fetch(names[1])
    assert keys.held(names[2]) is None


async def test_what_was_opened_is_forgotten_with_its_data_key(service):
    """A service that refuses from now on is obeyed when the data key's age has come."""
    inner = MemoryLinkStore()
    few = TokenSet("at-1", "rt-1")
    await EncryptedStore(inner, service).put(ALICE, few)
    store: Any = EncryptedStore(inner, Keyring(service, data_key_age=HOUR))
    assert (await store.get(ALICE)).tokens == few
    service.error = ConfigurationError("access denied")
    assert (await store.get(ALICE)).tokens == few
    later = time.monotonic() + HOUR.total_seconds()
    for kept in (store._openers._opened, store._keyring._service):
        kept._monotonic = lambda: later
    with pytest.raises(CannotDecrypt, match="whose service refuses it: access denied") as caught:
        await store.get(ALICE)
    assert (caught.value.reason, caught.value.key_id, caught.value.key) == ("missing_key", "kms/1", ALICE)


async def test_an_outage_is_told_as_one_of_the_store(service):
    """Nothing is lost, and it is worth trying again; the cause is there for the operator."""
    inner = MemoryLinkStore()
    await EncryptedStore(inner, service).put(ALICE, tokens())
    store = EncryptedStore(inner, service)
    service.error = OSError("unreachable")
    for call in (store.get(ALICE), store.put(BOB, tokens()), store.take_authorization("hash")):
        with pytest.raises(StoreUnavailable) as caught:
            await call
        assert isinstance(caught.value.__cause__, OSError)
    service.error = None
    assert (await store.get(ALICE)).tokens == tokens()


async def test_a_service_that_does_not_answer(service):
    """It is given a time, and then it is an outage."""
    service.gate = asyncio.Event()
    store = EncryptedStore(
        MemoryLinkStore(), Keyring(service, key_service_timeout=timedelta(milliseconds=10))
    )
    with pytest.raises(StoreUnavailable, match="TimeoutError"):
        await store.check_keys()


async def test_a_claim_needs_a_key_to_save_with(service):
    """Before a refresh token is spent it is certain that what it brings can be stored, outage or not."""
    inner = MemoryLinkStore()
    await inner.put(ALICE, tokens())
    store = EncryptedStore(inner, service)
    service.error = OSError("unreachable")
    with pytest.raises(StoreUnavailable):
        await store.claim(ALICE, 1, "owner", TTL)
    assert (await inner.get(ALICE)).pending is None
    service.error = None
    assert isinstance(await store.claim(ALICE, 1, "owner", TTL), Claimed)
    service.error = OSError("unreachable")
    assert isinstance(await store.save(ALICE, 1, tokens("2")), Saved)


async def test_from_a_key_of_ones_own_to_a_service(service):
    """Rows under the old key are read while the service seals what is written."""
    inner, old = MemoryLinkStore(), EncryptionKey.generate("old")
    await EncryptedStore(inner, old).put(ALICE, tokens())
    store = EncryptedStore(inner, [service, old])
    link = await store.get(ALICE)
    await store.reseal(ALICE, 1, link.tokens)
    assert (await EncryptedStore(inner, service).get(ALICE)).tokens == tokens()


async def test_a_data_key_moved_to_another_row_opens_nothing(service):
    """The data key of a text belongs to it."""
    inner = MemoryLinkStore()
    one, other = EncryptedStore(inner, service), EncryptedStore(inner, service)
    await one.put(ALICE, TokenSet("at-1"))
    await other.put(BOB, TokenSet("at-2"))
    texts = [(await inner.get(key)).tokens.access_token.split("$") for key in (ALICE, BOB)]
    assert texts[0][3] != texts[1][3]
    texts[0][3] = texts[1][3]
    await inner.put(ALICE, TokenSet("$".join(texts[0])))
    with pytest.raises(CannotDecrypt) as caught:
        await one.get(ALICE)
    assert caught.value.reason == "not_authentic"


@pytest.mark.parametrize("damage", ["AAAA", "!!!!", "AAAAA"])
async def test_what_is_no_data_key(service, damage):
    """A damaged one is that row's trouble, and named."""
    inner = MemoryLinkStore()
    store = EncryptedStore(inner, service)
    await store.put(ALICE, TokenSet("at-1"))
    parts = (await inner.get(ALICE)).tokens.access_token.split("$")
    parts[3] = damage
    await inner.put(ALICE, TokenSet("$".join(parts)))
    with pytest.raises(CannotDecrypt) as caught:
        await store.get(ALICE)
    assert (caught.value.key_id, caught.value.key) == ("kms/1", LinkKey("github", "alice"))


def test_bounds_are_checked(service):
    """A key that is never kept, or kept for no time, would ask the service for each text."""
    nothing = timedelta(0)
    for wrong in ({"data_key_age": nothing}, {"most_data_keys": 0}, {"key_service_timeout": nothing}):
        with pytest.raises(ValueError, match="must be positive"):
            Keyring(service, **wrong)
    for half in ("new_data_key", "unwrap"):
        with pytest.raises(TypeError, match="an EncryptionKey or a KeyProvider"):
            Keyring(type("Half", (), {half: None})())
    with pytest.raises(ValueError, match="one key service at most"):
        Keyring(service, KeyService())
    assert repr(Keyring(service, EncryptionKey.generate("k"))) == "<Keyring of k and a key service>"


@pytest.mark.parametrize("plain", [b"", b"k" * 16, b"k" * 33, "k" * 32, bytearray(b"k" * 32)], ids=repr)
async def test_a_service_that_answers_with_no_data_key(service, watch, plain):
    """Neither too short, nor too long, nor of another kind: the error names the key and is no passing one."""

    async def unwrap(*_: object) -> object:
        return plain

    service.unwrap = unwrap
    with pytest.raises(ConfigurationError, match="data key of 'kms/1' is none"):
        await data_keys(service, watch).fetch(KeyName("kms/1", "AAAA"))


async def test_a_data_key_that_is_kept_is_fetched_from_there(service, watch):
    """The service is asked for each once, and nothing is left of calls that have ended."""
    names = [KeyName("kms/1", (await data_keys(service, watch).primary()).name.wrapped) for _ in range(2)]
    keys = data_keys(service, watch, most=2)
    for name in (*names, *names):
        assert (await keys.fetch(name)).name == name
    assert service.asked == ["new", "new", "unwrap kms/1", "unwrap kms/1"]
    assert keys._asked == {}
    assert [keys.held(name) is not None for name in names] == [True, True]  # as many as may be


async def test_two_data_keys_that_are_wanted_at_once_are_two_calls(service, watch):
    """Calls under way are told apart by the data key that they are for."""
    names = [KeyName("kms/1", (await data_keys(service, watch).primary()).name.wrapped) for _ in range(2)]
    service.gate = asyncio.Event()
    keys = data_keys(service, watch)
    fetching = [asyncio.create_task(keys.fetch(name)) for name in names]
    sealing = asyncio.create_task(keys.primary())
    async with asyncio.timeout(10):
        while len(service.asked) < 5:
            await asyncio.sleep(0)
    service.gate.set()
    assert [key.name for key in await asyncio.gather(*fetching)] == names
    assert (await sealing).name not in names


async def test_the_fewest_data_keys_that_can_be_kept(service, watch):
    """One is enough."""
    keys = data_keys(service, watch, most=1)
    key = await keys.primary()
    assert keys.held(key.name) is key


async def test_a_data_key_without_a_service_and_a_key_beside_one(service):
    """A keyring without a service has no data key; beside a service a key of one's own is at hand."""
    own = EncryptionKey.generate("own")
    name = (await Keyring(service).primary()).name
    assert await Keyring(own).fetch(name) is None
    found = await Keyring(service, own).fetch(KeyName("own"))
    assert found is not None
    assert (found.name, service.asked) == (KeyName("own"), ["new"])
