"""Authorizations that were begun: each is good for one callback, and what came of it is remembered."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import assert_never, final

import attrs

from extauth.domain.audit import AuditKind, trail_of
from extauth.domain.errors import (
    AlreadyCompleted,
    AuthorizationExpired,
    AuthorizationFailed,
    StoreUnavailable,
    UnknownState,
    WrongUser,
)
from extauth.domain.linking import PendingAuthorization
from extauth.domain.linking_outcomes import (
    AlreadyTaken,
    AnothersState,
    FindOutcome,
    NoSuchState,
    StateExpired,
    Taken,
    TakeOutcome,
    Waiting,
)
from extauth.domain.linking_ports import LinkingStore
from extauth.services.linking.state import failure_hash


@final
class Authorizations:
    """Keeps them in the store, so that any replica can complete what another has begun."""

    def __init__(self, store: LinkingStore, ttl: timedelta) -> None:
        self._store = store
        self._ttl = ttl
        self._trail = trail_of(store)

    async def begin(self, pending: PendingAuthorization) -> None:
        """Remember whom a provider was asked about."""
        await self._store.begin_authorization(pending, self._ttl)

    async def find(self, hashed: str, user_id: str) -> PendingAuthorization:
        """Return the authorization whose state has this hash, without its salt, and leave it.

        :raises LinkingFailed: as :meth:`take`.
        """
        return await self._of_user(
            await self._store.find_authorization(hashed, user_id=user_id), hashed, user_id
        )

    async def take(self, hashed: str, user_id: str) -> PendingAuthorization:
        """Return the authorization whose state has this hash, to the first callback alone.

        :raises LinkingFailed: if it is not the caller's to complete; the leaf says why.
        """
        return await self._of_user(
            await self._store.take_authorization(hashed, user_id=user_id), hashed, user_id
        )

    async def _of_user(
        self, outcome: FindOutcome | TakeOutcome, hashed: str, user_id: str
    ) -> PendingAuthorization:
        match outcome:
            case Waiting(pending) | Taken(pending):
                return pending
            case AlreadyTaken():
                await self._enter(AuditKind.REPLAYED_CALLBACK, user_id)
                if await self._has_failed(hashed):
                    msg = "a callback with this state has come before and connected nobody; begin again"
                    raise AuthorizationFailed(msg)
                msg = "a callback with this state has come before"
                raise AlreadyCompleted(msg)
            case StateExpired():
                msg = "the user took too long to authorize"
                raise AuthorizationExpired(msg)
            case AnothersState():
                await self._enter(AuditKind.WRONG_USER, user_id)
                msg = "another user began this authorization"
                raise WrongUser(msg)
            case NoSuchState():
                raise unknown_state()
            case _:
                assert_never(outcome)

    async def note_failure(self, pending: PendingAuthorization) -> None:
        """Remember that the callback connected nobody, for whoever reloads it, at any replica.

        As an authorization that nobody can have begun: its name is no hash of a state.
        """
        name = failure_hash(pending.state_hash)
        with suppress(StoreUnavailable):  # then it is only known that a callback came
            await self.begin(attrs.evolve(pending, state_hash=name, salt=name))

    async def _enter(self, kind: AuditKind, user_id: str) -> None:
        if self._trail is not None:
            await self._trail.note(kind, user_id)

    async def _has_failed(self, hashed: str) -> bool:
        noted = await self._store.take_authorization(failure_hash(hashed))
        return not isinstance(noted, NoSuchState)


def unknown_state() -> UnknownState:
    """Return the error of a state that nobody here knows."""
    msg = "this authorization was not begun here, or expired long ago, or was withdrawn"
    return UnknownState(msg)
