"""The audit trail of an application, where a command finds the store by its address alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from extauth.adapters.audit import AuditedStore, AuditTrail
from extauth.domain.audit import audit_of
from extauth.domain.linking_ports import Store


@asynccontextmanager
async def audited(store: Store) -> AsyncGenerator[Store, None]:
    """Enter what is done with a store of ours in the trail beside its links, if that has an entry.

    The table is there in every store, and an address does not say whether the application keeps a trail: its
    entries do. One that gives them to a sink is known by ``--app`` only.

    :raises StoreUnavailable: if the trail cannot be read.
    :raises ConfigurationError: if the role may not read it.
    """
    if not await audit_of(store).find(limit=1):
        yield store
        return
    noted = AuditedStore(store, AuditTrail.in_store(handed_out=None))
    try:
        yield noted
    finally:
        await noted.aclose()
