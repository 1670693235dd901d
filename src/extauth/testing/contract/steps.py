"""What the tests put into a store, and how they get there."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from extauth.domain.link import GrantOrigin, Link, LinkKey, RefreshFailure
from extauth.domain.outcomes import Claimed, Held, Saved
from extauth.domain.ports import LinkStore
from extauth.domain.token_set import ResourceToken, TokenSet
from extauth.testing.contract.expect import expect, expect_kind, expect_link, expect_that

KEY = LinkKey("github", "alice")
TTL = timedelta(minutes=10)
"""Longer than any test may take."""
BRIEF = timedelta(milliseconds=1)
MOMENT = timedelta(milliseconds=1)
"""Between two writes, at least."""
ORIGIN = GrantOrigin("client", "https://as.example/token", "https://api.example")
AT = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
DEAD = RefreshFailure("invalid_grant", AT, 1)
FOR_NOW = RefreshFailure("http_503", AT, 1, retry_at=AT + timedelta(seconds=8), attempts=3)


def tokens(number: int = 1, **changes: Any) -> TokenSet:
    """Return a distinguishable token set."""
    values: dict[str, Any] = {
        "access_token": f"at-{number}",
        "refresh_token": f"rt-{number}",
        "expires_at": datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=number),
        **changes,
    }
    return TokenSet(**values)


def full_tokens(number: int = 1, **changes: Any) -> TokenSet:
    """Return the same with all that a provider may give beside."""
    at = AT + timedelta(days=number)
    resource_tokens = {
        f"https://a.example/{number}": ResourceToken(f"at-{number}0", expires_at=at, issued_at=AT),
        "https://b.example/": ResourceToken(f"at-{number}1"),
    }
    values: dict[str, Any] = {
        "scopes": {"a"},
        "extra": {"team": number},
        "issued_at": at,
        "refresh_token_expires_at": at + timedelta(microseconds=1),
        "resource_tokens": resource_tokens,
        **changes,
    }
    return tokens(number, **values)


async def stored(store: LinkStore, key: LinkKey = KEY) -> Link:
    """Read the link, which must be there."""
    return expect_link(await store.get(key), "get must return the link that was put")


async def claimed(
    store: LinkStore, version: int = 1, owner: str = "owner-1", ttl: timedelta = TTL, key: LinkKey = KEY
) -> Claimed:
    """Claim, which must succeed."""
    return expect_kind(
        await store.claim(key, version, owner, ttl),
        Claimed,
        "claim of the stored version with no other owner's live lease must give Claimed",
    )


async def saved(store: LinkStore, version: int, new: TokenSet, key: LinkKey = KEY) -> Link:
    """Save, which must succeed."""
    promise = "save of the stored version must give Saved"
    return expect_kind(await store.save(key, version, new), Saved, promise).link


async def released(
    store: LinkStore, owner: str = "owner-1", *, unresolved: bool = False, key: LinkKey = KEY
) -> None:
    """Release, which must succeed."""
    gave = await store.release(key, 1, owner, unresolved=unresolved)
    expect(gave, True, "release by the owner of the lease must return True")


async def burdened(store: LinkStore, key: LinkKey = KEY) -> Link:
    """Put a link that has a permanent mark, an unresolved exchange and owner-2's live lease."""
    link = await store.put(key, full_tokens(), origin=ORIGIN)
    expect(link.version, 1, "put must give version 1 to a new link, where no link was deleted")
    await claimed(store, key=key)
    await released(store, unresolved=True, key=key)
    await claimed(store, owner="owner-2", key=key)
    await store.record_failure(key, 1, DEAD)
    link = await stored(store, key)
    expect(link.failure, DEAD, "record_failure must put the mark beside the tokens")
    expect_that(
        link.pending is not None and link.pending.live,
        "get after a claim must show a pending exchange with a live lease",
        f"pending was {link.pending!r}",
    )
    return link


async def lapsed(store: LinkStore) -> Link:
    """Read again and again until the lease, a brief one, has lapsed."""
    while True:
        link = await stored(store)
        if link.pending is None or not link.pending.live:
            return link
        await asyncio.sleep(BRIEF.total_seconds())


async def claimed_after_lapse(store: LinkStore, owner: str, ttl: timedelta = TTL) -> Claimed:
    """Claim again and again until the lease of another owner, a brief one, has lapsed."""
    while True:
        outcome = await store.claim(KEY, 1, owner, ttl)
        if isinstance(outcome, Claimed):
            return outcome
        held = expect_kind(outcome, Held, "claim while another owner's lease is live must give Held")
        expect_that(
            timedelta(0) < held.remaining <= BRIEF,
            f"claim must say how long the lease of {BRIEF} still lasts",
            f"it said {held.remaining}",
        )
        await asyncio.sleep(held.remaining.total_seconds())
