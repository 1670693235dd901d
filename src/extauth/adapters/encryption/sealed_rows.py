"""Which rows are encrypted with which key, where the keys are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from extauth.adapters.encryption.keyring import Keyring
from extauth.adapters.encryption.opening import Openers
from extauth.adapters.encryption.rows import sealed_registration
from extauth.domain.errors import ConfigurationError, StoreUnavailable
from extauth.domain.link import LinkKey
from extauth.domain.linking_ports import Store
from extauth.domain.sealed_rows import SealedCounts, SealedRows

_MOST_TRIES: Final = 10
"""Of one registered client. Each but the first needs somebody who replaces it at that moment."""


@final
class EncryptedRows:
    """What :class:`~extauth.domain.sealed_rows.OwnSealedRows` says.

    :raises ConfigurationError: from each method, if the store beneath has no ``sealed``.
    """

    def __init__(self, store: Store, keyring: Keyring, openers: Openers) -> None:
        self._store = store
        self._keyring = keyring
        self._openers = openers

    async def primary_key_id(self) -> str:
        return (await self._keyring.primary()).name.key_id

    def given_key_ids(self) -> frozenset[str]:
        return self._keyring.key_ids

    async def count(self) -> SealedCounts:
        return await self._beneath.count()

    async def links(self, key_id: str, *, after: LinkKey | None = None, limit: int = 1000) -> list[LinkKey]:
        return await self._beneath.links(key_id, after=after, limit=limit)

    async def links_among(self, keys: Sequence[LinkKey], key_id: str) -> list[LinkKey]:
        return await self._beneath.links_among(keys, key_id)

    async def registrations(self, key_id: str) -> list[str]:
        return await self._beneath.registrations(key_id)

    async def renew_registration(self, name: str) -> None:
        for _ in range(_MOST_TRIES):
            stored = await self._store.registration(name)
            if stored is None:
                return
            opened = await self._openers.registration(name, stored)
            sealed = sealed_registration(await self._keyring.primary(), name, opened)
            if await self._beneath.reseal_registration(name, stored, sealed):
                return
        msg = f"the client that is registered as {name!r} changes all the time; try again later"
        raise StoreUnavailable(msg)

    @property
    def _beneath(self) -> SealedRows:
        rows: SealedRows | None = getattr(self._store, "sealed", None)
        if rows is None:
            msg = (
                f"{type(self._store).__name__} cannot say which rows are encrypted with which key: keys of a"
                " store are rotated and counted through its attribute sealed, a SealedRows"
            )
            raise ConfigurationError(msg)
        return rows
