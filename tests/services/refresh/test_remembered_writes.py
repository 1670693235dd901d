"""Whatever is written through this process's own store is seen at once, in every kind of store."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

import extauth
from extauth import (
    AccessPolicy,
    Account,
    AuditKind,
    AuditTrail,
    Auth,
    LinkKey,
    LinkNotFound,
    Operator,
    RefreshPolicy,
    TokenService,
    TokenSet,
    User,
    acting_as,
    open_store,
)
from extauth.adapters.encryption import EncryptionKey
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.postgres import PostgresLinkStore
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.domain.access import RULES
from extauth.domain.imports import ImportedLink
from extauth.domain.link import RefreshFailure
from extauth.domain.own_writes import own_writes_of
from extauth.keys import rotate
from extauth.testing import ScriptedLinkingProvider
from tests.support.clocks import LeapingClock

ALICE = LinkKey("scripted", "alice")
WHO = ("scripted", "alice")
HOUR = timedelta(hours=1)
POLICY = RefreshPolicy(remember_for=HOUR)
NEW = TokenSet("at-new", "rt-new", expires_at=datetime.now(UTC) + 10 * HOUR)

Write = Callable[[Auth, Any], Awaitable[Any]]


class Heard:
    """Notes what a store tells."""

    def __init__(self) -> None:
        self.keys: list[tuple[LinkKey | None, bool]] = []

    def written(self, key: LinkKey | None, *, ended: bool) -> None:
        self.keys.append((key, ended))


@pytest.fixture
async def remembering(any_store: Any) -> AsyncGenerator[tuple[Auth, Any], None]:
    """An application that remembers links, and its provider."""
    provider: Any = ScriptedLinkingProvider()
    async with extauth.open(any_store, [provider], policy=POLICY, keys="plain") as auth:
        yield auth, provider


async def connect(auth: Auth, provider: Any) -> Any:
    """Connect alice, as a browser does."""
    callback = provider.consent(await auth.begin(*WHO, "https://app.example/callback"), "alice-there")
    return await auth.complete(callback, user_id="alice")


async def unlink(auth: Auth, _: Any) -> None:
    """Disconnect her."""
    await auth.unlink(*WHO)


async def refresh(auth: Auth, _: Any) -> None:
    """Refresh her token."""
    await auth.refresh(*WHO)


async def put(auth: Auth, _: Any) -> None:
    """Store another grant."""
    await auth.store.put(ALICE, NEW)


async def save(auth: Auth, _: Any) -> None:
    """Store new tokens."""
    await auth.store.save(ALICE, 1, NEW)


async def delete(auth: Auth, _: Any) -> None:
    """Remove the link."""
    await auth.store.delete(ALICE)


async def mark(auth: Auth, _: Any) -> None:
    """Mark the grant as dead."""
    failure = RefreshFailure("invalid_grant", datetime.now(UTC), 1)
    await auth.store.record_failure(ALICE, 1, failure)


async def claim(auth: Auth, _: Any) -> None:
    """Take the lease."""
    await auth.store.claim(ALICE, 1, "another", HOUR)


async def account(auth: Auth, _: Any) -> None:
    """Say whose account it is."""
    await auth.store.record_account(ALICE, 1, Account("alice-2"))


async def reseal(auth: Auth, _: Any) -> None:
    """Encrypt anew."""
    link = await auth.store.get(ALICE)
    assert link is not None
    await auth.store.reseal(ALICE, 1, link.tokens)


WRITES: list[Write] = [connect, unlink, refresh, put, save, delete, mark, claim, account, reseal]


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
async def test_what_is_written_here_is_seen_at_once(remembering: tuple[Auth, Any], write: Write) -> None:
    """By the very next call, whichever service or whoever else wrote through the store."""
    auth, provider = remembering
    await connect(auth, provider)
    first = await auth.link(*WHO)
    assert (await auth.link(*WHO)) == first
    await write(auth, provider)
    stored = await auth.store.get(ALICE)
    if stored is None:
        with pytest.raises(LinkNotFound):
            await auth.link(*WHO)
    else:
        assert attrs.evolve(await auth.link(*WHO), pending=None) == attrs.evolve(stored, pending=None)


async def test_a_lift_is_seen_at_once(remembering: tuple[Auth, Any]) -> None:
    """As any other write; it may be of many links."""
    auth, provider = remembering
    await connect(auth, provider)
    await auth.link(*WHO)
    assert auth.tokens._remembered is not None
    assert len(auth.tokens._remembered) == 1
    await auth.store.lift_failure("scripted")
    assert len(auth.tokens._remembered) == 0


async def test_an_import_is_seen_at_once(any_store: Any) -> None:
    """Of a link that another process had removed meanwhile."""
    heard = Heard()
    any_store.own_writes.hear(heard)
    imported = ImportedLink(ALICE, NEW)
    await any_store.imports.add(imported)
    assert heard.keys == [(ALICE, True)]


async def test_a_rotation_is_seen_at_once(any_store: Any) -> None:
    """Whoever remembers the link reads it again, encrypted with the new key."""
    old, new = EncryptionKey.generate("k1"), EncryptionKey.generate("k2")
    provider: Any = ScriptedLinkingProvider()
    async with extauth.open(any_store, [provider], policy=POLICY, keys=[old]) as auth:
        await connect(auth, provider)
    async with extauth.open(any_store, [provider], policy=POLICY, keys=[new, old]) as auth:
        token = await auth.access_token(*WHO)
        remembered = auth.tokens._remembered
        assert remembered is not None
        assert len(remembered) == 1
        await rotate(auth.store)
        assert len(remembered) == 0
        assert await auth.access_token(*WHO) == token


async def test_a_cancelled_unlink_is_seen(remembering: tuple[Auth, Any]) -> None:
    """Though it may be carried out after its caller was cancelled: nothing is remembered meanwhile."""
    auth, provider = remembering
    await connect(auth, provider)
    await auth.link(*WHO)
    cancelled = asyncio.ensure_future(auth.store.delete(ALICE))
    await asyncio.sleep(0)
    done = cancelled.done()
    cancelled.cancel()
    await asyncio.wait({cancelled})
    for _ in range(100):
        gone = await auth.store.get(ALICE) is None
        try:
            assert await auth.access_token(*WHO)
        except LinkNotFound:
            break
        assert not gone, "a token was handed out of a link that is no longer stored"
        await asyncio.sleep(0.01)
    else:
        assert not done  # it was never carried out, which is as good


@pytest.mark.parametrize("store", [MemoryLinkStore, SqliteLinkStore, PostgresLinkStore])
def test_every_method_that_writes_a_link_tells(store: type[Any]) -> None:
    """By the rules of who may do what: all of a store that is not a read, and is about links, tells."""
    writes = {"put", "delete", "claim", "save", "record_failure", "lift_failure"}
    writes |= {"release", "reseal", "record_account"}
    reads = {"get", "links_of", "wait_for_change", "time", "due", "ping", "keeps_plain"}
    others = {name for name in RULES if "authorization" in name or "registration" in name or "." in name}
    assert set(RULES) == writes | reads | others, "a new method: does it write links?"
    for name in writes:
        assert "own_writes" in inspect.getattr_static(store, name).__code__.co_names, name


@pytest.mark.parametrize("outcome", ["all", "sampled"])
async def test_a_remembered_token_that_is_handed_out_is_entered(outcome: Any) -> None:
    """The audit trail has the same entries as if the store had been asked."""
    entries: list[int] = []
    for policy in (None, POLICY):
        provider: Any = ScriptedLinkingProvider()
        inner = MemoryLinkStore()
        trail = AuditTrail.in_store(handed_out=outcome)
        async with extauth.open(inner, [provider], keys="plain", policy=policy, audit=trail) as auth:
            with acting_as(User("alice")):
                await connect(auth, provider)
                for _ in range(3):
                    await auth.access_token(*WHO)
                    await auth.link(*WHO)
        found = await inner.audit.find()
        entries.append(sum(entry.kind is AuditKind.HANDED_OUT for _, entry in found))
    assert entries[0] == entries[1] > 0


async def test_through_all_the_stores_around_a_store(any_store: Any) -> None:
    """Encrypted, audited and guarded: what is written through the outermost is seen."""
    provider: Any = ScriptedLinkingProvider()
    key = EncryptionKey.generate("k1")
    async with extauth.open(
        any_store,
        [provider],
        keys=[key],
        policy=POLICY,
        access=AccessPolicy(),
        audit=AuditTrail.in_store(),
    ) as auth:
        assert own_writes_of(auth.store) is any_store.own_writes
        with acting_as(User("alice")):
            await connect(auth, provider)
            token = await auth.access_token(*WHO)
            assert await auth.access_token(*WHO) == token
        with acting_as(User("bob")), pytest.raises(extauth.NotAuthorized):
            await auth.access_token(*WHO)
        with acting_as(Operator("eve", {"support"})):
            await auth.unlink(*WHO)
        with acting_as(User("alice")), pytest.raises(LinkNotFound):
            await auth.access_token(*WHO)


@pytest.mark.parametrize("how", ["put", "delete"])
async def test_what_another_replica_writes_is_seen_after_the_span(tmp_path: Path, how: str) -> None:
    """Its store is another one: until then the link is served as it was read, and never after."""
    url, clock = f"sqlite:///{tmp_path}/links.db", LeapingClock()
    clock._now = datetime.now(UTC)
    provider: Any = ScriptedLinkingProvider()
    async with open_store(url) as ours, open_store(url) as theirs:
        first = await ours.put(ALICE, TokenSet("at-1", "rt-1"))
        async with TokenService(ours, [provider], policy=POLICY, clock=clock) as tokens:
            assert await tokens.access_token(*WHO) == "at-1"
            await (theirs.put(ALICE, NEW) if how == "put" else theirs.delete(ALICE))
            clock.advance(HOUR - timedelta(microseconds=1))
            assert await tokens.link(*WHO) == first
            clock.advance(timedelta(microseconds=1))
            if how == "put":
                assert await tokens.access_token(*WHO) == "at-new"
            else:
                with pytest.raises(LinkNotFound):
                    await tokens.access_token(*WHO)
