"""A store that does not work says so: no callback is taken for forged because the database is down.

A store that overrides ``break_storage`` runs this; it is skipped for others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from extauth.domain.linking_ports import Store
from extauth.testing.contract.broken_storage import expect_broken, expect_unavailable
from extauth.testing.contract.linking.harness import LinkingHarness, with_linking_store
from extauth.testing.contract.linking.steps import ACCOUNT, NAME, begun, pending, registered
from extauth.testing.contract.linking.witness import linking_beneath
from extauth.testing.contract.steps import KEY, TTL, tokens


class LinkingBrokenStorageContract(LinkingHarness):
    """Errors of linking, once the storage does not work."""

    @with_linking_store
    async def test_a_broken_store_is_no_forged_state(self, store: Store) -> None:
        """Each method raises StoreUnavailable with the driver's error as its cause, and returns nothing."""
        await store.put(KEY, tokens(1))
        await begun(store, 1)
        await store.keep_registration(NAME, registered(1))
        await expect_broken(self)
        inner = linking_beneath(store)
        calls: dict[str, Awaitable[object]] = {
            "record_account": inner.record_account(KEY, 1, ACCOUNT),
            "begin_authorization": inner.begin_authorization(pending(2), TTL),
            "find_authorization": inner.find_authorization("hash-1"),
            "take_authorization": inner.take_authorization("hash-1"),
            "forget_authorizations": inner.forget_authorizations(KEY),
            "purge_authorizations": inner.purge_authorizations(),
            "registration": inner.registration(NAME),
            "keep_registration": inner.keep_registration(NAME, registered(2)),
        }
        ends = await asyncio.gather(*calls.values(), return_exceptions=True)
        for method, end in zip(calls, ends, strict=True):
            expect_unavailable(method, end)
