"""Which rows of the store in memory are encrypted with which key."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import final

from extauth.adapters.memory.linking import MemoryAuthorizations, MemoryRegistrations
from extauth.adapters.memory.rows import Row
from extauth.domain.link import LinkKey
from extauth.domain.linking import ClientRegistration
from extauth.domain.sealed import KeyIds, key_ids_of
from extauth.domain.sealed_rows import SealedCounts
from extauth.domain.token_set import TokenSet


@final
class MemorySealedRows:
    """What :class:`~extauth.domain.sealed_rows.SealedRows` says. No method yields to the event loop."""

    def __init__(
        self,
        rows: Mapping[LinkKey, Row],
        authorizations: MemoryAuthorizations,
        registrations: MemoryRegistrations,
        check: Callable[[], object],
    ) -> None:
        self._rows = rows
        self._authorizations = authorizations
        self._registrations = registrations
        self._check = check
        """Raises unless the store serves the running loop."""

    async def count(self) -> SealedCounts:
        self._check()
        authorizations, latest = Counter[KeyIds](), dict[KeyIds, datetime]()
        for salt, expiry in self._authorizations.salts():
            key_ids = key_ids_of((salt,))
            authorizations[key_ids] += 1
            latest[key_ids] = max(expiry, latest.get(key_ids, expiry))
        registrations = Counter(map(_of_client, self._registrations.all().values()))
        del registrations[frozenset()]
        links = Counter(_of_tokens(row.link.tokens) for row in self._rows.values())
        return SealedCounts(links, registrations, authorizations, latest)

    async def links(self, key_id: str, *, after: LinkKey | None = None, limit: int = 1000) -> list[LinkKey]:
        self._check()
        beyond = (key for key in self._rows if after is None or key > after)
        return heapq.nsmallest(limit, (key for key in beyond if self._is_left(key, key_id)))

    async def links_among(self, keys: Sequence[LinkKey], key_id: str) -> list[LinkKey]:
        self._check()
        return [key for key in keys if self._is_left(key, key_id)]

    async def registrations(self, key_id: str) -> list[str]:
        self._check()
        kept = self._registrations.all()
        return sorted(name for name, client in kept.items() if _of_client(client) - {key_id})

    async def reseal_registration(
        self, name: str, stored: ClientRegistration, sealed: ClientRegistration
    ) -> bool:
        self._check()
        return self._registrations.reseal(name, stored, sealed)

    def _is_left(self, key: LinkKey, key_id: str) -> bool:
        row = self._rows.get(key)
        return row is not None and bool(_of_tokens(row.link.tokens) - {key_id})


def _of_tokens(tokens: TokenSet) -> KeyIds:
    return key_ids_of(
        [
            tokens.access_token,
            tokens.refresh_token,
            *(value if isinstance(value, str) else "" for value in tokens.extra.values()),
            *(token.access_token for token in tokens.resource_tokens.values()),
        ]
    )


def _of_client(client: ClientRegistration) -> KeyIds:
    return key_ids_of((client.client_secret, client.registration_token))
