"""What the tests of linking put into a store, and how they get there."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import attrs

from extauth.domain.link import Account, Link, LinkKey
from extauth.domain.linking import ClientRegistration, PendingAuthorization
from extauth.domain.linking_outcomes import StateExpired, Taken, Waiting
from extauth.domain.linking_ports import Store
from extauth.domain.outcomes import Recorded
from extauth.testing.contract.expect import expect, expect_kind, fail
from extauth.testing.contract.steps import BRIEF, KEY, TTL

ACCOUNT = Account("account-1", "alice-at-github", "Alice", "https://as.example/alice.png")
ANOTHER_ACCOUNT = Account("account-2")
NAME = "https://as.example client"
LONGER_WAITS = tuple(BRIEF.total_seconds() * 2**turn for turn in range(11))
"""Seconds to sleep between looks at what ends after ``BRIEF``: a second at last, and two in all."""


def pending(number: int = 1, **changes: Any) -> PendingAuthorization:
    """Return a distinguishable authorization."""
    values: dict[str, Any] = {
        "state_hash": f"hash-{number}",
        "key": KEY,
        "redirect_uri": "https://app.example/callback",
        "salt": f"salt-{number}",
        **changes,
    }
    return PendingAuthorization(**values)


def registered(number: int = 1, **changes: Any) -> ClientRegistration:
    """Return a distinguishable registration."""
    values: dict[str, Any] = {
        "issuer": f"https://as-{number}.example",
        "client_id": f"client-{number}",
        "client_secret": f"secret-{number}",
        "client_secret_expires_at": datetime(2031, 1, number, 2, 3, 4, 567891, tzinfo=UTC),
        "client_auth": f"client_secret_{number}",
        "redirect_uris": (f"https://app.example/{number}", "https://app.example/another"),
        "registration_uri": f"https://as-{number}.example/register",
        "registration_token": f"rt-{number}",
        "scopes": {f"scope-{number}", "écrire"},
        **changes,
    }
    return ClientRegistration(**values)


async def begun(store: Store, number: int = 1, **changes: Any) -> PendingAuthorization:
    """Begin an authorization that no test outlives."""
    authorization = pending(number, **changes)
    await store.begin_authorization(authorization, TTL)
    return authorization


async def taken(
    store: Store, authorization: PendingAuthorization, *, user_id: str | None = None
) -> PendingAuthorization:
    """Take the authorization, which must succeed and give it back as it was begun."""
    outcome = await store.take_authorization(authorization.state_hash, user_id=user_id)
    promise = "take_authorization of what was begun, by whoever began it, must give Taken"
    found = expect_kind(outcome, Taken, promise).pending
    expect(found, authorization, "take_authorization must return the authorization as it was begun")
    return found


async def found(store: Store, authorization: PendingAuthorization) -> None:
    """Find the authorization, which must succeed and leave it."""
    outcome = await store.find_authorization(authorization.state_hash)
    promise = "find_authorization of what was begun must give Waiting with it, without its salt"
    expect(outcome, Waiting(attrs.evolve(authorization, salt="")), promise)


async def expired(store: Store, promise: str) -> PendingAuthorization:
    """Begin and take, later and later, until it is too late."""
    for number, wait in enumerate(LONGER_WAITS):
        authorization = pending(number)
        await store.begin_authorization(authorization, BRIEF)
        await asyncio.sleep(wait)
        outcome = await store.take_authorization(authorization.state_hash)
        if outcome == StateExpired():
            return authorization
        expect_kind(outcome, Taken, f"{promise}, and until then Taken")
    return fail(promise, "it still gave Taken a second later")


async def purged(store: Store) -> int:
    """Purge again and again until something has expired."""
    for wait in LONGER_WAITS:
        count = await store.purge_authorizations()
        if count:
            return count
        await asyncio.sleep(wait)
    return fail(
        f"purge_authorizations must remove what has expired, here after {BRIEF}", "it removed nothing"
    )


async def known(store: Store, account: Account = ACCOUNT, *, key: LinkKey = KEY, version: int = 1) -> Link:
    """Record whose account the link is for, which must succeed."""
    outcome = await store.record_account(key, version, account)
    return expect_kind(outcome, Recorded, "record_account of the stored version must give Recorded").link
