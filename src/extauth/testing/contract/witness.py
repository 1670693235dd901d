"""A store as the contract's tests see it: each answer is of a kind that the port allows."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from extauth.domain.due import Due, DueBy
from extauth.domain.link import GrantOrigin, Link, LinkKey, RefreshFailure
from extauth.domain.optional_keywords import given
from extauth.domain.outcomes import (
    Absent,
    Claimed,
    ClaimOutcome,
    Held,
    Recorded,
    RecordOutcome,
    Resealed,
    ResealOutcome,
    Saved,
    SaveOutcome,
    Stale,
)
from extauth.domain.ports import LinkStore, Takeover
from extauth.domain.token_set import TokenSet
from extauth.testing.contract.expect import expect_kind, fail, shown

T = TypeVar("T")


class Witness:
    """Passes every call on, and says which method failed and how.

    Nothing is wrong with the storage in the tests that use it, so that no call may raise.
    """

    def __init__(self, store: LinkStore) -> None:
        self.store = store
        self.under_way: list[str] = []
        """Names of the methods that have been called and have not returned."""

    async def get(self, key: LinkKey) -> Link | None:
        """See the port."""
        return _of("get", key, await self.call("get", self.store.get(key)))

    async def links_of(self, user_id: str) -> list[Link]:
        """See the port."""
        return _links("links_of", await self.call("links_of", self.store.links_of(user_id)))

    async def put(self, key: LinkKey, tokens: TokenSet, *, origin: GrantOrigin | None = None) -> Link:
        """See the port."""
        link = _of("put", key, await self.call("put", self.store.put(key, tokens, origin=origin)))
        return link if link is not None else fail("put must return the link", "it returned None")

    async def delete(self, key: LinkKey) -> Link | None:
        """See the port."""
        return _of("delete", key, await self.call("delete", self.store.delete(key)))

    async def claim(
        self, key: LinkKey, version: int, owner: str, ttl: timedelta, *, takeover: Takeover = True
    ) -> ClaimOutcome:
        """See the port."""
        said: dict[str, Takeover] = {} if takeover is True else {"takeover": takeover}
        outcome = await self.call("claim", self.store.claim(key, version, owner, ttl, **said))
        return outcome_of("claim", key, version, outcome, (Claimed, Held, Stale, Absent))

    async def time(self) -> datetime:
        """See the port."""
        return await self.call("time", self.store.time())

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
        """See the port."""
        said = given(origin=origin, written_at=written_at, other_grant=other_grant or None)
        outcome = await self.call("save", self.store.save(key, version, tokens, **said))
        return outcome_of("save", key, version, outcome, (Saved, Stale, Absent), written_at=written_at)

    async def record_failure(
        self, key: LinkKey, version: int, failure: RefreshFailure, *, written_at: datetime | None = None
    ) -> RecordOutcome:
        """See the port."""
        outcome = await self.call(
            "record_failure", self.store.record_failure(key, version, failure, **given(written_at=written_at))
        )
        return outcome_of(
            "record_failure", key, version, outcome, (Recorded, Stale, Absent), written_at=written_at
        )

    async def lift_failure(
        self,
        provider_id: str,
        *,
        user_id: str | None = None,
        reason: str | None = None,
        since: datetime | None = None,
    ) -> int:
        """See the port."""
        lifting = self.store.lift_failure(provider_id, user_id=user_id, reason=reason, since=since)
        return await self.call("lift_failure", lifting)

    async def release(self, key: LinkKey, version: int, owner: str, *, unresolved: bool = False) -> bool:
        """See the port."""
        releasing = self.store.release(key, version, owner, unresolved=unresolved)
        released = await self.call("release", releasing)
        return expect_kind(released, bool, "release must return True or False")

    async def reseal(
        self, key: LinkKey, version: int, tokens: TokenSet, *, written_at: datetime | None = None
    ) -> ResealOutcome:
        """See the port."""
        said = given(written_at=written_at)
        outcome = await self.call("reseal", self.store.reseal(key, version, tokens, **said))
        return outcome_of("reseal", key, version, outcome, (Resealed, Stale, Absent), written_at=written_at)

    async def due(
        self, provider_id: str, by: DueBy, before: datetime, *, after: Due | None = None, limit: int = 100
    ) -> list[Due]:
        """See the port."""
        promise = "due must return a list of Dues"
        due = await self.call("due", self.store.due(provider_id, by, before, after=after, limit=limit))
        expect_kind(due, list, promise)
        return [expect_kind(each, Due, promise) for each in due]

    async def wait_for_change(self, key: LinkKey, version: int, timeout: timedelta) -> Link | None:
        """See the port."""
        waiting = self.store.wait_for_change(key, version, timeout)
        return _of("wait_for_change", key, await self.call("wait_for_change", waiting))

    async def call(self, method: str, call: Awaitable[T]) -> T:
        """Await what the store does, which must not raise."""
        self.under_way.append(method)
        try:
            return await call
        except Exception as error:
            __tracebackhide__ = True
            msg = (
                f"{method} must not raise where the storage works (a lost race is a return value),"
                f" but it raised {type(error).__name__}"
            )
            raise AssertionError(msg) from error
        finally:
            self.under_way.remove(method)


def beneath(store: LinkStore) -> LinkStore:
    """Return the store itself, for a call that is expected to raise."""
    return store.store if isinstance(store, Witness) else store


def _of(method: str, key: LinkKey, link: Any) -> Link | None:
    if link is None:
        return None
    if not isinstance(link, Link):
        fail(f"{method} must return a Link or None", f"it returned {shown(link)}")
    if link.key != key:
        fail(
            f"{method} must return the link of the key it was given, {key!r}", f"it was that of {link.key!r}"
        )
    return link


def _links(method: str, links: Any) -> list[Link]:
    promise = f"{method} must return a list of Links"
    expect_kind(links, list, promise)
    return [expect_kind(link, Link, promise) for link in links]


def outcome_of(
    method: str,
    key: LinkKey,
    version: int,
    outcome: T,
    kinds: tuple[type, ...],
    *,
    written_at: datetime | None = None,
) -> T:
    """Return the outcome, which must be of one of the kinds and about that link."""
    kind_of(method, outcome, kinds)
    link = _of(method, key, getattr(outcome, "link", None))
    as_meant = link is not None and link.version == version and written_at in {None, link.updated_at}
    if isinstance(outcome, Stale) and as_meant:
        fail(f"{method} may say Stale only of another version", f"the link it returned has version {version}")
    return outcome


def kind_of(method: str, outcome: T, kinds: tuple[type, ...]) -> T:
    """Return the outcome, which must be of one of the kinds."""
    if not isinstance(outcome, kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        fail(f"{method} must return {names}", f"it returned {shown(outcome)}")
    return outcome
