"""Giving a link back to a store that has lost its last writes, before an older token of it is used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import attrs

from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import Account, Link, LinkKey, RefreshFailure
from extauth.domain.lost_writes import fell_back, says_more, was_put_back
from extauth.domain.optional_keywords import as_written, takes, understood
from extauth.domain.outcomes import Absent, Recorded, RecordOutcome, Saved, SaveOutcome, Stale
from extauth.domain.ports import RefreshStore
from extauth.domain.token_set import TokenSet
from extauth.services.errors import link_not_found
from extauth.services.events import logger
from extauth.services.refresh.lease import Lease, Leases, best_effort

_MOST_TRIES = 3
"""Of writing over what a store has fallen back to, which other replicas may do at the same time."""

_RecordAccount: TypeAlias = Callable[[LinkKey, int, Account], Awaitable[RecordOutcome]]


async def save_over(
    store: RefreshStore, known: Link, tokens: TokenSet, outcome: SaveOutcome, **origin: Any
) -> SaveOutcome:
    """Save tokens that follow ``known`` over what the store has fallen back to; else return the outcome.

    So they are saved over the tokens that were spent for them, if another replica has put these back.

    :raises StoreUnavailable: if the store is down.
    """
    for _ in range(_MOST_TRIES):
        if not (isinstance(outcome, Stale) and _nothing_newer(outcome.link, known)):
            return outcome
        outcome = await _over(store, known, tokens, outcome.link, **origin)
    return outcome


async def put_back(
    store: RefreshStore,
    leases: Leases,
    known: Link,
    stored: Link,
    *,
    occupied: bool = False,
    behind: Callable[[Link], bool] | None = None,
) -> Link:
    """Return the stored link, or if the store has fallen back behind ``known``, that one as it is put back.

    ``behind`` says whether it has, where more is known than ``known`` says.

    With ``occupied``, or where ``known`` says so, another replica is at it or was, whose lease the store has
    lost too. One in nobody's name is left in its place, to lapse: until then nobody presents the token, and
    then it counts as presented.

    :raises LinkNotFound: if the user has unlinked.
    :raises StoreUnavailable: if the store is down.
    """
    for _ in range(_MOST_TRIES):
        if not (fell_back(stored, known) if behind is None else behind(stored)):
            return stored
        match await _over(store, known, known.tokens, stored):
            case Saved(link):
                if occupied or known.pending is not None:
                    await leases.claim(leases.on(link))
                return link
            case Absent():
                raise link_not_found(known.key)
            case Stale(stored):
                pass
    msg = "the store goes back to older tokens again and again"
    raise StoreUnavailable(msg)


async def record_on(
    store: RefreshStore, leases: Leases, lease: Lease, link: Link, failure: RefreshFailure
) -> RecordOutcome | None:
    """Put a mark on the link, which is put back first if the store has lost it since it was claimed.

    The lease is on it then, so that the end of the exchange can be noted there. None if the store failed.

    :raises LinkNotFound: if the user has unlinked meanwhile.
    :raises StoreUnavailable: if the store failed while the link was put back.
    """
    recorded = await best_effort(_record(store, link, failure))
    if not (isinstance(recorded, Stale) and _nothing_newer(recorded.link, link)):
        return recorded
    own = attrs.evolve(link, pending=None)  # the exchange under way is this one
    kept = await put_back(store, leases, own, recorded.link)
    if not was_put_back(kept, link):
        return Stale(kept)
    lease.version = kept.version
    await best_effort(leases.claim(lease))
    failure = attrs.evolve(failure, version=kept.version)
    return await best_effort(_record(store, kept, failure))


async def _record(store: RefreshStore, link: Link, failure: RefreshFailure) -> RecordOutcome:
    written = as_written(store.record_failure, link)
    return await store.record_failure(link.key, link.version, failure, **written)


def _nothing_newer(stored: Link, known: Link) -> bool:
    return fell_back(stored, known) or was_put_back(stored, known)


async def _over(
    store: RefreshStore, known: Link, tokens: TokenSet, stored: Link, **origin: Any
) -> SaveOutcome:
    """Save tokens of ``known``'s grant, which may be another one's than that of what the store has."""
    logger.error(
        "the store has version %d of a link of %s, which it had at version %d before: it has lost writes,"
        " as after a failover or a restored backup; the newest tokens are saved over it",
        stored.version,
        known.key.provider_id,
        known.version,
    )
    if not origin and known.origin is not None and takes(store.save, "origin"):
        origin = {"origin": known.origin}
    other = understood(store.save, other_grant=says_more(stored, known) or None)
    said = {**origin, **as_written(store.save, stored), **other}
    outcome = await store.save(known.key, stored.version, tokens, **said)
    record: _RecordAccount | None = getattr(store, "record_account", None)
    if not isinstance(outcome, Saved) or record is None:
        return outcome
    if known.account is None or known.account == outcome.link.account:
        return outcome
    recorded = await best_effort(record(known.key, outcome.link.version, known.account))
    return Saved(recorded.link) if isinstance(recorded, Recorded) else outcome
