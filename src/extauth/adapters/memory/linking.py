"""What connecting users keeps in memory, beside their links. No method yields to the event loop."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import final

import attrs

from extauth.adapters.sql.arguments import checked_begin
from extauth.domain.inventory import BegunAuthorization
from extauth.domain.link import LinkKey
from extauth.domain.linking import ClientRegistration, PendingAuthorization
from extauth.domain.linking_outcomes import (
    AlreadyTaken,
    AnothersState,
    FindOutcome,
    NoSuchState,
    NotTakenOutcome,
    StateExpired,
    Taken,
    TakeOutcome,
    Waiting,
)


@final
@attrs.frozen
class _Begun:
    pending: PendingAuthorization
    """Without its salt once it is taken."""
    expires_at: datetime
    taken: bool = False


@final
class MemoryAuthorizations:
    """What :class:`~extauth.domain.linking_ports.AuthorizationStore` says, in memory."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._begun: dict[str, _Begun] = {}
        """By the hash of the state."""

    def begin(self, pending: PendingAuthorization, ttl: timedelta, at_most: int) -> None:
        """Remember the authorization, unless its state is known, and let the user's oldest give way."""
        checked_begin(ttl, at_most)
        self._begun.setdefault(pending.state_hash, _Begun(pending, self._now() + ttl))
        others = [
            (begun.expires_at, state_hash)
            for state_hash, begun in self._begun.items()
            if begun.pending.key.user_id == pending.key.user_id and state_hash != pending.state_hash
        ]
        # Of two that expire at one moment the one that was begun first goes: this order is stable.
        others.sort(key=lambda other: other[0])
        for _, state_hash in others[: max(0, len(others) + 1 - at_most)]:
            del self._begun[state_hash]

    def find(self, state_hash: str, user_id: str | None) -> FindOutcome:
        """Return the authorization without its salt, or say why it cannot be taken."""
        begun = self._takeable(state_hash, user_id)
        return Waiting(_without_salt(begun.pending)) if isinstance(begun, _Begun) else begun

    def take(self, state_hash: str, user_id: str | None) -> TakeOutcome:
        """Take the authorization, or say why not."""
        begun = self._takeable(state_hash, user_id)
        if not isinstance(begun, _Begun):
            return begun
        self._begun[state_hash] = attrs.evolve(begun, pending=_without_salt(begun.pending), taken=True)
        return Taken(begun.pending)

    def _takeable(self, state_hash: str, user_id: str | None) -> _Begun | NotTakenOutcome:
        begun = self._begun.get(state_hash)
        if begun is None:
            return NoSuchState()
        if user_id not in {None, begun.pending.key.user_id}:
            return AnothersState()
        if begun.taken:
            return AlreadyTaken()
        return StateExpired() if begun.expires_at <= self._now() else begun

    def forget(self, key: LinkKey) -> int:
        """Remove what is pending for that link, and count it."""
        return self._remove(lambda begun: begun.pending.key == key and not begun.taken)

    def purge(self) -> int:
        """Remove what has expired, and count it."""
        now = self._now()
        return self._remove(lambda begun: begun.expires_at <= now)

    def salts(self) -> Iterator[tuple[str, datetime]]:
        """Yield the salt of each that is still to be taken, and when it expires."""
        return ((begun.pending.salt, begun.expires_at) for begun in self._begun.values() if not begun.taken)

    def of_user(self, user_id: str) -> list[BegunAuthorization]:
        """Return the user's, without what is secret."""
        begun = [
            BegunAuthorization(each.pending.key.provider_id, each.expires_at, each.taken)
            for each in self._begun.values()
            if each.pending.key.user_id == user_id
        ]
        return sorted(begun, key=lambda each: (each.provider_id, each.expires_at))

    def state(self) -> Hashable:
        """Return everything that is kept, to compare by value."""
        return frozenset(self._begun.items())

    def _remove(self, condition: Callable[[_Begun], bool]) -> int:
        removed = [state_hash for state_hash, begun in self._begun.items() if condition(begun)]
        for state_hash in removed:
            del self._begun[state_hash]
        return len(removed)


def _without_salt(pending: PendingAuthorization) -> PendingAuthorization:
    return attrs.evolve(pending, salt="")


@final
class MemoryRegistrations:
    """What :class:`~extauth.domain.linking_ports.RegistrationStore` says, in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, ClientRegistration] = {}

    def get(self, name: str) -> ClientRegistration | None:
        """Return what is kept under that name."""
        return self._kept.get(name)

    def keep(self, name: str, registration: ClientRegistration, instead_of: str | None) -> ClientRegistration:
        """Keep it unless there is another than that to be replaced, and return what is kept."""
        kept = self._kept.get(name)
        if kept is None or kept.client_id == instead_of:
            kept = self._kept[name] = registration
        return kept

    def all(self) -> Mapping[str, ClientRegistration]:
        """Return everything that is kept, by name."""
        return self._kept

    def reseal(self, name: str, stored: ClientRegistration, sealed: ClientRegistration) -> bool:
        """Replace the secrets if they are still those of ``stored``, and say whether they were."""
        kept = self._kept.get(name)
        if kept is None or _secrets(kept) != _secrets(stored):
            return False
        secret, token = sealed.client_secret, sealed.registration_token
        self._kept[name] = attrs.evolve(kept, client_secret=secret, registration_token=token)
        return True

    def state(self) -> Hashable:
        """Return everything that is kept, to compare by value."""
        return frozenset(self._kept.items())


def _secrets(client: ClientRegistration) -> tuple[str | None, ...]:
    return client.client_id, client.client_secret, client.registration_token
