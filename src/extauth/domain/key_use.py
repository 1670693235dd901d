"""What is encrypted with which key, and how a rotation went. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import final

import attrs

from extauth.domain.link import LinkKey
from extauth.domain.sealed import KeyIds
from extauth.domain.sealed_rows import SealedCounts


@final
@attrs.frozen
class KeyUse:
    """How many rows have a text that is encrypted with one key, or that is plain."""

    links: int = 0
    registrations: int = 0
    """Registered clients."""
    authorizations: int = 0
    """Authorizations under way, which are never encrypted anew: they expire."""
    latest_expiry: datetime | None = None
    """By when the last of those authorizations has expired, by the store's clock."""

    @property
    def rows(self) -> int:
        """All of them."""
        return self.links + self.registrations + self.authorizations

    def __str__(self) -> str:
        parts = [
            f"{number} {word if number == 1 else word + 's'}"
            for number, word in (
                (self.links, "link"),
                (self.registrations, "registered client"),
                (self.authorizations, "authorization"),
            )
            if number
        ]
        return ", ".join(parts) or "no rows"


@final
@attrs.frozen
class KeyStatus:
    """One key, and what it is in use for. A row with texts under two keys counts for each of them."""

    key_id: str
    primary: bool
    """Whether new texts are encrypted with it."""
    given: bool
    """Whether it is among the keys of this process. A former key of a key service counts as not given, though
    the service may open it."""
    use: KeyUse


@final
@attrs.frozen
class KeysStatus:
    """Which keys are in use for how many rows, at the moment at which each row was looked at."""

    keys: tuple[KeyStatus, ...]
    """The primary key, the others that were given, and those that rows name alone; each by its id."""
    plain: KeyUse
    """Rows with a text that is not encrypted."""
    unknown: KeyUse
    """Rows with a text that does not say its key, or that nothing can be read of."""
    remaining: KeyUse
    """Rows with any text that is not under the primary key: what a rotation has to do."""

    def use_of(self, key_id: str) -> KeyUse:
        """Return what that key is in use for; nothing, if no row names it."""
        return next((key.use for key in self.keys if key.key_id == key_id), KeyUse())


@final
@attrs.frozen
class RotationProgress:
    """How far a rotation is: ``total`` is what there was to do at its beginning, in links and registered
    clients, and is ``done + failed + remaining``."""

    done: int
    """Under the primary key by now, by this rotation or by whoever wrote the row meanwhile."""
    total: int
    failed: int
    """Left as they are, each with a reason in the report."""
    remaining: int


@final
@attrs.frozen
class RowLeft:
    """A row that a rotation left as it is."""

    key: LinkKey | None
    """Which link; None for a registered client."""
    name: str | None
    """The name of the registered client; None for a link."""
    reason: str
    """Why, as a stable code: those of :class:`~extauth.CannotDecrypt`, ``unreadable`` for a row that is
    damaged, or ``busy`` for one that changed each time that it was read."""
    key_id: str | None = None
    """Which key it is encrypted with, where that is known."""


@final
@attrs.frozen
class RotationReport:
    """What a rotation came to."""

    key_id: str
    """The primary key, under which everything was to be brought."""
    total: int
    """Links and registered clients that were not under it at the beginning."""
    done: int
    failed: tuple[RowLeft, ...]
    status: KeysStatus
    """Counted at the end. What remains beside ``failed`` was written meanwhile by a replica that has another
    primary key, or is an authorization under way."""


def keys_status_of(counts: SealedCounts, primary: str | None, given: Iterable[str] = ()) -> KeysStatus:
    """Sum up what was counted; without a primary key everything remains."""
    found = {key_id for of_kind in _kinds(counts) for key_ids in of_kind for key_id in key_ids if key_id}
    known = frozenset(given)
    order = sorted(found | known, key=lambda key_id: (key_id != primary, key_id not in known, key_id))
    return KeysStatus(
        keys=tuple(
            KeyStatus(key_id, key_id == primary, key_id in known, _use(counts, {key_id})) for key_id in order
        ),
        plain=_use(counts, {None}),
        unknown=_use(counts, {""}),
        remaining=_use(counts, {"", None, *(found - {primary})}),
    )


def _kinds(counts: SealedCounts) -> tuple[Mapping[KeyIds, int], ...]:
    return counts.links, counts.registrations, counts.authorizations


def _use(counts: SealedCounts, wanted: Iterable[str | None]) -> KeyUse:
    ids = frozenset(wanted)
    links, registrations, authorizations = (
        sum(number for key_ids, number in of_kind.items() if key_ids & ids) for of_kind in _kinds(counts)
    )
    expiries = [expiry for key_ids, expiry in counts.latest_expiry.items() if key_ids & ids]
    return KeyUse(links, registrations, authorizations, max(expiries, default=None))
