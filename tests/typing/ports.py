"""Checked, never run: what ships without a driver of its own has the shape of its port."""

from __future__ import annotations

from typing import assert_type

from extauth import Observer, Observers, RefreshWatcher, SingleFlight, TokenService
from extauth.adapters.encryption import EncryptedStore, EncryptionKey
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.memory.outbox import MemoryOutbox
from extauth.adapters.opentelemetry import OpenTelemetryObserver
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.adapters.sqlite.outbox import SqliteOutbox
from extauth.adapters.stdlib_logging import LoggingObserver
from extauth.adapters.webhooks import Webhook, new_secret
from extauth.clock import SystemClock
from extauth.domain.freshness import (
    CoolDown,
    Decision,
    Reauthorize,
    Refresh,
    Serve,
    ServeAndRefresh,
)
from extauth.domain.linking_ports import LinkingProvider, Store
from extauth.domain.outbox import Handler, Outbox
from extauth.domain.ports import Clock, OAuthProvider
from extauth.domain.readiness import PingableStore
from extauth.domain.sealed import EncryptingStore
from extauth.services.uninterrupted import defer_cancellation, start_protected
from extauth.testing import ScriptedLinkingProvider, ScriptedProvider

memory_store_type: type[Store] = MemoryLinkStore
memory_store: Store = MemoryLinkStore()
sqlite_store_type: type[Store] = SqliteLinkStore
encrypted_store_type: type[Store] = EncryptedStore
encrypted_store: Store = EncryptedStore(memory_store, EncryptionKey.generate("2026-11"))
clock_type: type[Clock] = SystemClock
clock: Clock = SystemClock()
provider: OAuthProvider = ScriptedProvider()
outbox_types: tuple[type[Outbox], ...] = (MemoryOutbox, SqliteOutbox)
outbox: Outbox = EncryptedStore(memory_store, EncryptionKey.generate("2026-11")).outbox
handler: Handler = Webhook("https://hooks.example", new_secret())
encrypting_store: EncryptingStore = EncryptedStore(memory_store, EncryptionKey.generate("2026-11"))
linking_provider: LinkingProvider = ScriptedLinkingProvider()

observer_types: tuple[type[Observer], ...] = (LoggingObserver, OpenTelemetryObserver, Observers)
watcher_types: tuple[type[RefreshWatcher], ...] = (OpenTelemetryObserver, Observers)
pingable_types: tuple[type[PingableStore], ...] = (MemoryLinkStore, SqliteLinkStore, EncryptedStore)


class RefreshesOnly:
    """A store with what a refresh needs, and nothing else."""

    def __init__(self, store: Store) -> None:
        self.get = store.get
        self.claim = store.claim
        self.time = store.time
        self.save = store.save
        self.record_failure = store.record_failure
        self.release = store.release
        self.wait_for_change = store.wait_for_change


tokens = TokenService(RefreshesOnly(memory_store), [provider])


async def _length() -> int:
    return 1


async def a_flight_returns_what_its_call_returns(flights: SingleFlight[str, int]) -> None:
    """The value's type goes through."""
    assert_type(await flights.do("key", _length), int)


async def outlasting_returns_what_the_task_returns() -> None:
    """And so it does here."""
    assert_type(await defer_cancellation(start_protected(_length())), int)


def a_decision_is_a_closed_union(decision: Decision) -> str:
    """A type checker knows when a case is missing."""
    match decision:
        case Serve() | ServeAndRefresh() | Refresh():
            return "token"
        case Reauthorize(reason) | CoolDown(_, reason):
            return reason
