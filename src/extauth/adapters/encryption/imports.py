"""Moving links into a store that encrypts, and their keys out."""

from __future__ import annotations

from typing import final

import attrs

from extauth.adapters.encryption.keyring import Keyring
from extauth.adapters.encryption.rows import sealed_tokens
from extauth.domain.imports import AddOutcome, ImportedLink, imports_of
from extauth.domain.link import LinkKey


@final
class EncryptedImports:
    """What :class:`~extauth.domain.imports.ImportStore` says, on that of the store beneath."""

    def __init__(self, store: object, keyring: Keyring) -> None:
        self._imports = imports_of(store)
        self._keyring = keyring

    async def add(self, link: ImportedLink) -> AddOutcome:
        sealed = sealed_tokens(await self._keyring.primary(), link.key, link.tokens)
        return await self._imports.add(attrs.evolve(link, tokens=sealed))

    async def keys(
        self, *, provider_id: str | None = None, after: LinkKey | None = None, limit: int = 1000
    ) -> list[LinkKey]:
        return await self._imports.keys(provider_id=provider_id, after=after, limit=limit)
