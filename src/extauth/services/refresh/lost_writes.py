"""Giving a link back to a store that has lost its last writes, before an older token of it is used."""

from __future__ import annotations

import attrs

from extauth.domain.errors import StoreUnavailable
from extauth.domain.link import GrantOrigin, Link, RefreshFailure
from extauth.domain.lost_writes import fell_back
from extauth.domain.outcomes import Absent, RecordOutcome, Saved, SaveOutcome, Stale
from extauth.domain.ports import RefreshStore
from extauth.domain.token_set import TokenSet
from extauth.services.errors import link_not_found
from extauth.services.events import logger
from extauth.services.refresh.lease import Lease, Leases, best_effort

_MOST_TRIES = 3
"""Of writing over what a store has fallen back to, which other replicas may do at the same time."""


async def save_over(
    store: RefreshStore, known: Link, tokens: TokenSet, outcome: SaveOutcome, **origin: GrantOrigin
) -> SaveOutcome:
    """Save tokens that follow ``known`` over what the store has fallen back to; else return the outcome.

    :raises StoreUnavailable: if the store is down.
    """
    for _ in range(_MOST_TRIES):
        if not (isinstance(outcome, Stale) and fell_back(outcome.link, known)):
            return outcome
        logger.error(
            "the store has version %d of a link of %s, which it had at version %d before: it has lost writes,"
            " as after a failover or a restored backup; the newest tokens are saved over it",
            outcome.link.version,
            known.key.provider_id,
            known.version,
        )
        outcome = await store.save(known.key, outcome.link.version, tokens, **origin)
    return outcome


async def put_back(store: RefreshStore, known: Link, stored: Link) -> Link:
    """Return the stored link, or if the store has fallen back behind ``known``, that one as it is put back.

    :raises LinkNotFound: if the user has unlinked.
    :raises StoreUnavailable: if the store is down.
    """
    match await save_over(store, known, known.tokens, Stale(stored)):
        case Saved(link):
            return link
        case Absent():
            raise link_not_found(known.key)
        case Stale(link):
            if fell_back(link, known):
                msg = "the store goes back to older tokens again and again"
                raise StoreUnavailable(msg)
            return link


async def record_on(
    store: RefreshStore, leases: Leases, lease: Lease, link: Link, failure: RefreshFailure
) -> RecordOutcome | None:
    """Put a mark on the link, which is put back first if the store has lost it since it was claimed.

    The lease is on it then, so that the end of the exchange can be noted there. None if the store failed.

    :raises LinkNotFound: if the user has unlinked meanwhile.
    :raises StoreUnavailable: if the store failed while the link was put back.
    """
    recorded = await best_effort(store.record_failure(link.key, link.version, failure))
    if not (isinstance(recorded, Stale) and fell_back(recorded.link, link)):
        return recorded
    kept = await put_back(store, link, recorded.link)
    if kept.tokens != link.tokens:
        return Stale(kept)
    lease.version = kept.version
    await best_effort(leases.claim(lease))
    failure = attrs.evolve(failure, version=kept.version)
    return await best_effort(store.record_failure(kept.key, kept.version, failure))
