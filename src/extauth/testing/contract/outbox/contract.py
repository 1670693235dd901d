"""The outbox's contract, as a test suite for any store that has one."""

from __future__ import annotations

from extauth.testing.contract.outbox.delivering import OutboxDeliveringContract
from extauth.testing.contract.outbox.scanning import OutboxScanningContract
from extauth.testing.contract.outbox.writing import OutboxWritingContract


class OutboxContract(OutboxWritingContract, OutboxDeliveringContract, OutboxScanningContract):
    """Every sentence of :class:`~extauth.domain.outbox.Outbox` as a test, for a store with an ``outbox``.

    The hooks are those of :class:`~extauth.testing.LinkStoreContract`; one class may have both as bases.
    """
