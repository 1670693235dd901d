"""The ports of one replica, with a gate before each call and, where it matters, one on the way back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar, cast, final

from extauth.domain.due import Due, DueBy
from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import GrantOrigin, Link, LinkKey, RefreshFailure
from extauth.domain.optional_keywords import given, understood
from extauth.domain.outcomes import (
    Absent,
    Claimed,
    ClaimOutcome,
    ExchangeOutcome,
    RecordOutcome,
    ResealOutcome,
    SaveOutcome,
)
from extauth.domain.own_writes import OwnWrites, tells_of_writes
from extauth.domain.policy import ProviderTraits
from extauth.domain.ports import LinkStore, Takeover
from extauth.domain.token_set import TokenSet
from extauth.testing.provider_model.faults import Fault
from extauth.testing.schedules.interleaver.gates import Gates
from extauth.testing.schedules.interleaver.ledger import Ledger
from extauth.testing.schedules.interleaver.oracle import Oracle
from extauth.testing.schedules.interleaver.seen_history import SeenHistory
from extauth.testing.schedules.interleaver.virtual_time import VirtualClock, VirtualLoop
from extauth.testing.scripted.provider import ScriptedProvider

_T = TypeVar("_T")

STORE_DOWN = "refuse"
"""Verdict on a store's call: it fails and is not carried out."""
STORE_REPLY_LOST = "lose"
"""Verdict on a store's call: it is carried out, and fails all the same."""
STORE_VERDICTS = (STORE_DOWN, STORE_REPLY_LOST)

REPLY = ".reply"
"""Ends the name of a gate on the way back."""
WAIT = "wait"
SLEEP = "sleep"
REFRESH = "refresh"

STORE_READS = frozenset({"get", "links_of", "due", WAIT})
STORE_WRITES = frozenset(
    {"put", "delete", "claim", "save", "record_failure", "lift_failure", "release", "reseal"}
)


class Scene(Protocol):
    """What the ports of all replicas share."""

    @property
    def loop(self) -> VirtualLoop: ...

    @property
    def clock(self) -> VirtualClock: ...

    @property
    def gates(self) -> Gates: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def oracle(self) -> Oracle: ...

    @property
    def replies(self) -> frozenset[str]:
        """The operations with a gate on the way back too."""
        ...

    def carried_out(self, replica: str, operation: str, result: object) -> None:
        """Take note of what came of a call; the replica may not have been told yet."""
        ...

    def exchange_ended(self, key: LinkKey, version: int) -> bool:
        """Whether no live lease on that version is in the store."""
        ...


@final
class GatedClock:
    """The shared clock, on which sleeping is a gate that can be opened when the time has come."""

    def __init__(self, replica: str, scene: Scene) -> None:
        self._replica = replica
        self._scene = scene

    def now(self) -> datetime:
        return self._scene.clock.now()

    def monotonic(self) -> float:
        return self._scene.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        due = self._scene.clock.in_seconds(seconds)
        await self._scene.gates.park(self._replica, SLEEP, ready=lambda: self.monotonic() >= due, due=due)


@final
class GatedProvider:
    """The shared provider, as one replica reaches it."""

    def __init__(self, provider: ScriptedProvider, replica: str, scene: Scene) -> None:
        self._provider = provider
        self._replica = replica
        self._scene = scene

    @property
    def provider_id(self) -> str:
        return self._provider.provider_id

    @property
    def traits(self) -> ProviderTraits:
        return self._provider.traits

    @property
    def origin(self) -> GrantOrigin | None:
        return self._provider.origin

    async def refresh(self, tokens: TokenSet, *, resource: str | None = None) -> ExchangeOutcome:
        scene = self._scene
        presentation = scene.oracle.present(self._replica, tokens, resource)
        name = scene.gates.name(self._replica, REFRESH)
        try:
            verdict = await scene.gates.park(self._replica, REFRESH, name=name)
            fault = Fault(verdict) if verdict else None
            outcome = self._provider.answer(tokens, fault, resource=resource)
            presentation.outcome = outcome
            scene.carried_out(self._replica, REFRESH, outcome)
            if REFRESH in scene.replies:
                await scene.gates.park(self._replica, REFRESH + REPLY, name=name + REPLY)
            presentation.told_at = scene.clock.monotonic()
            return outcome
        finally:
            presentation.ended = True

    async def revoke(self, tokens: TokenSet) -> bool:
        self._scene.ledger.forgotten_unlinks[self._replica] -= 1
        await self._scene.gates.park(self._replica, "revoke")
        revoked = await self._provider.revoke(tokens)
        self._scene.carried_out(self._replica, "revoke", revoked)
        return revoked


@final
@tells_of_writes
class GatedStore:
    """The shared store, as one replica reaches it."""

    def __init__(self, store: LinkStore, replica: str, scene: Scene, *, tells_history: bool = False) -> None:
        self._store = store
        self._replica = replica
        self._scene = scene
        self.own_writes = OwnWrites()
        """A replica is told of its own writes alone."""
        self.history = SeenHistory(store, replica, scene) if tells_history else None

    async def get(self, key: LinkKey) -> Link | None:
        return await self._through("get", lambda: self._store.get(key))

    async def links_of(self, user_id: str) -> list[Link]:
        return await self._through("links_of", lambda: self._store.links_of(user_id))

    async def put(self, key: LinkKey, tokens: TokenSet, *, origin: GrantOrigin | None = None) -> Link:
        return await self._through("put", lambda: self._store.put(key, tokens, origin=origin), writes=key)

    async def delete(self, key: LinkKey) -> Link | None:
        return await self._through("delete", lambda: self._store.delete(key), writes=key)

    async def time(self) -> datetime:
        # No gate: it is asked for once, before anything else.
        now = await self._scene.loop.real(self._store.time())
        self._scene.carried_out(self._replica, "time", now)
        return now

    async def claim(
        self, key: LinkKey, version: int, owner: str, ttl: timedelta, *, takeover: Takeover = True
    ) -> ClaimOutcome:
        said = understood(self._store.claim, takeover=takeover)

        async def claim() -> ClaimOutcome:
            outcome = await self._store.claim(key, version, owner, ttl, **said)
            if isinstance(outcome, Claimed):
                now = self._scene.clock.monotonic()
                self._scene.ledger.claimed(self._replica, outcome.link.tokens, owner, now)
            return outcome

        return await self._through("claim", claim, writes=key)

    async def save(
        self,
        key: LinkKey,
        version: int,
        tokens: TokenSet,
        *,
        origin: GrantOrigin | None = None,
        written_at: datetime | None = None,
        other_grant: bool = False,
    ) -> SaveOutcome:
        said = understood(self._store.save, written_at=written_at, other_grant=other_grant or None)
        said |= given(origin=origin)
        outcome = await self._through(
            "save", lambda: self._store.save(key, version, tokens, **said), writes=key
        )
        if isinstance(outcome, Absent):
            self._scene.ledger.forgotten_unlinks[self._replica] += 1
        return outcome

    async def record_failure(
        self, key: LinkKey, version: int, failure: RefreshFailure, *, written_at: datetime | None = None
    ) -> RecordOutcome:
        said = understood(self._store.record_failure, written_at=written_at)
        return await self._through(
            "record_failure", lambda: self._store.record_failure(key, version, failure, **said), writes=key
        )

    async def lift_failure(
        self,
        provider_id: str,
        *,
        user_id: str | None = None,
        reason: str | None = None,
        since: datetime | None = None,
    ) -> int:
        return await self._through(
            "lift_failure",
            lambda: self._store.lift_failure(provider_id, user_id=user_id, reason=reason, since=since),
        )

    async def release(self, key: LinkKey, version: int, owner: str, *, unresolved: bool = False) -> bool:
        return await self._through(
            "release", lambda: self._store.release(key, version, owner, unresolved=unresolved)
        )

    async def reseal(
        self, key: LinkKey, version: int, tokens: TokenSet, *, written_at: datetime | None = None
    ) -> ResealOutcome:
        said = understood(self._store.reseal, written_at=written_at)
        return await self._through(
            "reseal", lambda: self._store.reseal(key, version, tokens, **said), writes=key
        )

    async def due(
        self, provider_id: str, by: DueBy, before: datetime, *, after: Due | None = None, limit: int = 100
    ) -> list[Due]:
        return await self._through(
            "due", lambda: self._store.due(provider_id, by, before, after=after, limit=limit)
        )

    async def wait_for_change(self, key: LinkKey, version: int, timeout: timedelta) -> Link | None:
        scene = self._scene
        deadline = scene.clock.in_seconds(timeout.total_seconds())

        def over() -> bool:
            return scene.clock.monotonic() >= deadline or scene.exchange_ended(key, version)

        # The gate can be opened when the store's own wait would have ended. The store is then asked with
        # no time left to wait, because how it waits (by polls, by real time) is no matter of the schedule.
        await scene.gates.park(self._replica, WAIT, ready=over, due=deadline)
        link = await scene.loop.real(self._store.wait_for_change(key, version, timedelta(0)))
        scene.carried_out(self._replica, WAIT, link)
        return link

    async def _through(
        self, operation: str, call: Callable[[], Awaitable[_T]], *, writes: LinkKey | None = None
    ) -> _T:
        scene = self._scene
        name = scene.gates.name(self._replica, operation)
        verdict = await scene.gates.park(self._replica, operation, name=name)
        if verdict == STORE_DOWN:
            scene.ledger.store_failures[self._replica] = scene.clock.monotonic()
            scene.carried_out(self._replica, operation, STORE_DOWN)
            msg = "the test makes the store refuse this call"
            raise StoreUnavailable(msg)
        result = await scene.loop.real(call())
        scene.carried_out(self._replica, operation, _by_value(result))
        if verdict == STORE_REPLY_LOST:
            scene.ledger.store_failures[self._replica] = scene.clock.monotonic()
            msg = "the test loses the store's answer to this call"
            raise StoreUnavailable(msg)
        if operation in scene.replies:
            await scene.gates.park(self._replica, operation + REPLY, name=name + REPLY)
        if writes is not None:
            scene.oracle.ages.wrote(self._replica, writes.user_id, result)
        return result


def _by_value(result: object) -> object:
    """Return what came of a call so that histories can be compared; who was told a list may change it."""
    return tuple(cast("list[object]", result)) if isinstance(result, list) else result
