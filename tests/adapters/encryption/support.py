"""What the tests of encrypted stores share."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from extauth import LinkKey, ResourceToken, TokenSet
from extauth.adapters.encryption import EncryptionKey
from extauth.domain.linking import ClientRegistration, PendingAuthorization
from extauth.domain.linking_ports import Store

OLD, NEW, LOST = (EncryptionKey.generate(key_id) for key_id in ("old", "new", "lost"))
ALICE, BOB = LinkKey("github", "alice"), LinkKey("github", "bob")
SOON = datetime(2030, 1, 1, tzinfo=UTC)
TTL = timedelta(minutes=5)


def tokens(name: str = "1", **changes: Any) -> TokenSet:
    """Return tokens with something secret in each place."""
    values: dict[str, Any] = {
        "refresh_token": f"rt-canary-{name}",
        "expires_at": SOON,
        "scopes": {"repo"},
        "extra": {"id_token": f"id-canary-{name}", "team": {"secret": f"team-canary-{name}"}},
        "resource_tokens": {
            "https://a.example": ResourceToken(f"ra-canary-{name}"),
            "https://b.example": ResourceToken(f"rb-canary-{name}"),
        },
        **changes,
    }
    return TokenSet(f"at-canary-{name}", **values)


def pending(name: str = "1", key: LinkKey = ALICE) -> PendingAuthorization:
    """Return an authorization under way."""
    return PendingAuthorization(
        state_hash=f"hash-{name}", key=key, redirect_uri="https://app.example/cb", salt=f"salt-canary-{name}"
    )


async def begin_expired(store: Store, authorization: PendingAuthorization) -> None:
    """Begin one that has expired by the store's clock, which on SQLite counts whole milliseconds."""
    await store.begin_authorization(authorization, timedelta(microseconds=1))
    begun = await store.time()
    while await store.time() <= begun:
        await asyncio.sleep(0.001)


def registration(name: str = "1", **changes: Any) -> ClientRegistration:
    """Return a registered client."""
    values: dict[str, Any] = {
        "issuer": "https://as.example",
        "client_id": f"client-{name}",
        "client_secret": f"secret-canary-{name}",
        "registration_token": f"registration-canary-{name}",
        **changes,
    }
    return ClientRegistration(**values)
