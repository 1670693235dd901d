"""What a store is asked to write while its database takes every write and keeps none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from extauth import LinkKey, TokenSet
from extauth.domain.imports import ImportedLink
from extauth.domain.link import Account, RefreshFailure
from extauth.domain.linking import ClientRegistration, PendingAuthorization

KEY: Final = LinkKey("github", "alice")
OTHER: Final = LinkKey("github", "bob")
TOKENS: Final = TokenSet("at", "rt")
MINUTE: Final = timedelta(minutes=1)
FAILURE: Final = RefreshFailure("server_error", datetime.now(UTC), 1, retry_at=datetime.now(UTC) + MINUTE)
PENDING: Final = PendingAuthorization(state_hash="hash", key=KEY, redirect_uri="uri", salt="salt")
BEGUN: Final = PendingAuthorization(state_hash="begun", key=KEY, redirect_uri="uri", salt="salt")
"""Kept before, with alice's link at version 1."""

WRITES: Final[Mapping[str, Callable[[Any], Awaitable[object]]]] = {
    "claim": lambda store: store.claim(KEY, 1, "owner", MINUTE),
    "save": lambda store: store.save(KEY, 1, TOKENS),
    "mark": lambda store: store.record_failure(KEY, 1, FAILURE),
    "account": lambda store: store.record_account(KEY, 1, Account("1")),
    "reseal": lambda store: store.reseal(KEY, 1, TOKENS),
    "put": lambda store: store.put(KEY, TOKENS),
    "import": lambda store: store.imports.add(ImportedLink(OTHER, TOKENS)),
    "delete": lambda store: store.delete(KEY),
    "begin": lambda store: store.begin_authorization(PENDING, MINUTE),
    "take": lambda store: store.take_authorization("begun"),
    "keep": lambda store: store.keep_registration("name", ClientRegistration(issuer="i", client_id="c")),
}
