"""Entries on their way to a sink: at least once, while no caller waits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import extauth
from extauth import AuditEntry, AuditKind, AuditTrail, LinkKey, TokenSet, User, acting_as
from extauth.adapters.audit import AuditedStore, delivery
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.acting import current_actor

ALICE = LinkKey("app", "alice")
TOKENS = TokenSet("at", "rt")


class Sink:
    """Takes what it is given, when its gate is open."""

    def __init__(self) -> None:
        self.got: list[AuditEntry] = []
        self.calls = 0
        self.called = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures = 0

    async def write(self, entries: Any) -> None:
        self.calls += 1
        self.called.set()
        await self.gate.wait()
        self.got.extend(entries)
        if self.failures:
            self.failures -= 1
            raise ConnectionError


async def test_entries_arrive_in_order():
    """What was written, with times; a write that lost its race is not told."""
    sink = Sink()
    store = AuditedStore(MemoryLinkStore(), AuditTrail.to(sink))
    await store.put(ALICE, TOKENS)
    await store.save(ALICE, 1, TOKENS)
    await store.save(ALICE, 1, TOKENS)
    await store.delete(ALICE)
    await store.delete(ALICE)
    await store.aclose()
    assert [(entry.kind.value, entry.version) for entry in sink.got] == [
        ("connected", 1),
        ("refreshed", 2),
        ("unlinked", 2),
    ]
    assert all(entry.at is not None for entry in sink.got)


async def test_no_caller_waits():
    """A sink that hangs holds nobody up; its entries come when it goes on."""
    sink = Sink()
    sink.gate.clear()
    store = AuditedStore(MemoryLinkStore(), AuditTrail.to(sink))
    await store.put(ALICE, TOKENS)
    await sink.called.wait()
    await store.save(ALICE, 1, TOKENS)
    assert sink.got == []
    sink.gate.set()
    await store.aclose()
    assert [entry.version for entry in sink.got] == [1, 2]


async def test_what_failed_comes_again(monkeypatch, caplog):
    """The same entries, however often; the log says so, without what the sink said."""
    monkeypatch.setattr(delivery, "_PAUSES", (0.0,))
    sink = Sink()
    sink.failures = 2
    store = AuditedStore(MemoryLinkStore(), AuditTrail.to(sink))
    await store.put(ALICE, TOKENS)
    await store.aclose()
    assert [entry.kind for entry in sink.got] == [AuditKind.CONNECTED] * 3
    assert caplog.text.count("the audit sink raised ConnectionError") == 2


async def test_a_sink_that_takes_nothing(monkeypatch, caplog):
    """No more than so many wait in memory; what is lost is told, at the end too."""
    monkeypatch.setattr(delivery, "MOST_WAITING", 2)
    monkeypatch.setattr(delivery, "GRACE", delivery.GRACE * 0)
    sink = Sink()
    sink.gate.clear()
    store = AuditedStore(MemoryLinkStore(), AuditTrail.to(sink))
    for _ in range(4):
        await store.put(ALICE, TOKENS)
    await store.aclose()
    assert "entries are lost from now on" in caplog.text
    assert "2 entries of the audit trail were not delivered" in caplog.text


async def test_leaving_delivers(tmp_path):
    """``extauth.open`` gives what waits to the sink before it closes the store."""
    sink = Sink()
    url = f"sqlite:///{tmp_path}/links.db"
    async with extauth.open(url, [], keys="plain", audit=AuditTrail.to(sink)) as auth:
        await auth.store.put(ALICE, TOKENS)
    assert [entry.kind for entry in sink.got] == [AuditKind.CONNECTED]


async def test_a_sink_has_nobodys_context():
    """It takes entries of many: not in the name of who was the first to cause one."""
    seen = []

    class Asking(Sink):
        async def write(self, entries: Any) -> None:
            await super().write(entries)
            seen.append(current_actor())

    store = AuditedStore(MemoryLinkStore(), AuditTrail.to(Asking()))
    with acting_as(User("alice")):
        await store.put(ALICE, TOKENS)
    await store.aclose()
    assert seen == [None]


async def test_a_sink_that_is_not_async(monkeypatch, caplog):
    """It has the entries, and gets none of them again and again; the log says what is wrong."""
    monkeypatch.setattr(delivery, "_PAUSES", (0.0,))
    got: list[Any] = []

    class Blocking:
        def write(self, entries: Any) -> None:
            got.extend(entries)

    store = AuditedStore(MemoryLinkStore(), AuditTrail.to(Blocking()))
    await store.put(ALICE, TOKENS)
    await store.aclose()
    assert [entry.kind for entry in got] == [AuditKind.CONNECTED]
    assert "the audit sink's write is no async function" in caplog.text


@pytest.mark.parametrize("sink", [print, None, Sink])
def test_what_is_no_sink(sink):
    """It is refused at once, in words that say what to write."""
    with pytest.raises(
        TypeError, match=r"sink must be an AuditSink, not .*; write a class with a method async"
    ):
        AuditTrail.to(sink)


@pytest.mark.parametrize("actor", [None, "alice"])
async def test_who_wrote(actor):
    """As it was said where the store was used."""
    sink = Sink()
    store: Any = AuditedStore(MemoryLinkStore(), AuditTrail.to(sink))
    if actor is not None:
        store = store.acting_as(extauth.User(actor))
    await store.put(ALICE, TOKENS)
    await store.aclose()
    assert [entry.actor for entry in sink.got] == [None if actor is None else "user:alice"]
