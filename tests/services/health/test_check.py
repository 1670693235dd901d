"""How a link is doing, asked of what ``extauth.open`` gives, on every store."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

import extauth
from extauth import (
    CannotDecrypt,
    GrantOrigin,
    LinkKey,
    LinkNotFound,
    ProviderTraits,
    RefreshFailure,
    TokenSet,
    UnknownProvider,
    open_store,
)
from extauth.adapters.audit import AuditedStore, AuditTrail
from extauth.adapters.authorization import GuardedStore
from extauth.adapters.encryption import EncryptedStore, EncryptionKey
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.sealed import keeps_plain
from extauth.health import Broken, Expiring, Health, Healthy
from extauth.testing import ScriptedLinkingProvider

ALICE = LinkKey("app", "alice")
KEY = EncryptionKey.generate("test")
NOW = datetime.now(UTC)
TOKENS = TokenSet("at", "rt", expires_at=NOW + timedelta(hours=1))
PROVIDER = ScriptedLinkingProvider("app")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def url(request, tmp_path, postgres_server):
    """The URL of an empty store, of each kind that ships."""
    async with AsyncExitStack() as closing:
        if request.param == "postgres":
            yield await closing.enter_async_context(postgres_server.database_of_a_store())
        else:
            yield {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/links.db"}[request.param]


async def test_a_link_through_its_states(url):
    """Well, then rejected, then lifted; asking changes nothing."""
    async with extauth.open(url, [PROVIDER], keys="plain") as auth:
        link = await auth.store.put(ALICE, TOKENS)
        assert Health(Healthy()) == await auth.health("app", "alice")
        await auth.store.record_failure(
            ALICE, link.version, RefreshFailure("invalid_grant", NOW, link.version)
        )
        state = Broken("invalid_grant", NOW, works_until=TOKENS.expires_at)
        assert Health(state) == await auth.health("app", "alice")
        await auth.store.lift_failure("app")
        assert Health(Healthy()) == await auth.health("app", "alice")
        assert link == await auth.store.get(ALICE)


async def test_a_providers_habits_count(url):
    """Of the provider that serves the link, which may be a named one."""
    at_once = ProviderTraits(refresh_token_idle_lifetime=timedelta(microseconds=1))
    async with extauth.open(url, [ScriptedLinkingProvider("app", traits=at_once)], keys="plain") as auth:
        link = await auth.store.put(LinkKey("app/work", "alice"), TOKENS)
        end = link.updated_at + timedelta(microseconds=1)
        assert Expiring(end, "idle") == (await auth.health("app/work", "alice")).state


async def test_how_long_ahead_is_the_callers_to_say(url):
    """A week unless they do."""
    async with extauth.open(url, [PROVIDER], keys="plain") as auth:
        end = NOW + timedelta(days=100)
        await auth.store.put(ALICE, TokenSet("at", "rt", refresh_token_expires_at=end))
        assert Health(Healthy()) == await auth.health("app", "alice")
        month = await auth.health("app", "alice", ahead=timedelta(days=101))
        assert Healthy() == month.state  # a fifth of its life at most
        await auth.store.put(ALICE, TokenSet("at", expires_at=end, issued_at=end - timedelta(days=600)))
        assert Healthy() == (await auth.health("app", "alice")).state
        month = await auth.health("app", "alice", ahead=timedelta(days=101))
        assert Expiring(end, "access_token") == month.state


async def test_what_is_stored_in_plain_text_although_there_are_keys(url):
    """Written before there were keys; the next write mends it."""
    async with open_store(url, keys="plain") as plain:
        store = EncryptedStore(plain, KEY)
        async with extauth.open(store, [PROVIDER]) as auth:
            link = await plain.put(ALICE, TOKENS)
            assert Health(Healthy(), not_encrypted=True) == await auth.health("app", "alice")
            await store.save(ALICE, link.version, TOKENS)
            assert Health(Healthy()) == await auth.health("app", "alice")


@pytest.mark.parametrize(
    "around",
    [lambda store: AuditedStore(store, AuditTrail.in_store()), GuardedStore],
    ids=["audited", "guarded"],
)
async def test_stores_around_the_one_that_encrypts_hand_it_on(around):
    """What is not encrypted is known through them, too; of a store that does not encrypt nothing is said."""
    memory = MemoryLinkStore()
    await memory.put(ALICE, TOKENS)
    with extauth.acting_as(extauth.User("alice")):
        assert await keeps_plain(around(EncryptedStore(memory, KEY)), ALICE)
        assert not await keeps_plain(around(memory), ALICE)


async def test_one_plain_text_is_enough():
    """A link of which a part is encrypted is not encrypted."""
    store = EncryptedStore(plain := MemoryLinkStore(), KEY)
    link = await store.put(ALICE, TOKENS)
    stored = await plain.get(ALICE)
    for part in (
        TokenSet(stored.tokens.access_token, "rt"),
        TokenSet(stored.tokens.access_token, extra={"id_token": "it"}),
        TokenSet(stored.tokens.access_token, extra={"number": 1}),
    ):
        await plain.put(ALICE, part)
        assert await store.keeps_plain(ALICE)
    await store.put(ALICE, TokenSet("at", extra={"id_token": "it"}))
    assert not await store.keeps_plain(ALICE)
    assert not await store.keeps_plain(LinkKey("app", "nobody"))
    assert link.key == ALICE


async def test_a_link_of_a_former_client(url):
    """It goes on until its user connects again, and says so."""
    new = OAuth2Provider("app", client_id="new", client_secret="s", token_url="https://a.example/token")
    async with extauth.open(url, [new], keys="plain") as auth:
        await auth.store.put(ALICE, TOKENS, origin=GrantOrigin("old", "https://a.example/token"))
        assert Health(Healthy(), of_former_client=True) == await auth.health("app", "alice")


async def test_what_cannot_be_looked_at():
    """No link, no provider, no key."""
    async with extauth.open(MemoryLinkStore(), [PROVIDER]) as auth:
        with pytest.raises(LinkNotFound):
            await auth.health("app", "alice")
        with pytest.raises(UnknownProvider):
            await auth.health("other", "alice")
        await EncryptedStore(auth.store, KEY).put(ALICE, TOKENS)
        with pytest.raises(CannotDecrypt):
            await auth.health("app", "alice")
