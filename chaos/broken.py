"""Deliberately broken stores, each of which the oracle must notice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, cast, final

from extauth.domain.link import GrantOrigin, LinkKey
from extauth.domain.outcomes import Absent, Claimed, ClaimOutcome, Saved, SaveOutcome, Stale
from extauth.domain.ports import LinkStore, Takeover
from extauth.domain.token_set import TokenSet


class _Around:
    def __init__(self, store: LinkStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@final
class _IgnoresLeases(_Around):
    """Lets any number of replicas exchange the same version."""

    async def claim(
        self, key: LinkKey, version: int, owner: str, ttl: timedelta, *, takeover: Takeover = True
    ) -> ClaimOutcome:
        del owner, ttl, takeover
        link = await self._store.get(key)
        if link is None:
            return Absent()
        return Claimed(link, None) if link.version == version else Stale(link)


@final
class _ForgetsSaves(_Around):
    """Says every third time that it has saved, and has not."""

    def __init__(self, store: LinkStore) -> None:
        super().__init__(store)
        self._saves = 0

    async def save(
        self,
        key: LinkKey,
        version: int,
        tokens: TokenSet,
        *,
        origin: GrantOrigin | None = None,
        written_at: datetime | None = None,
    ) -> SaveOutcome:
        self._saves += 1
        link = await self._store.get(key)
        if self._saves % 3 or link is None:
            return await self._store.save(key, version, tokens, origin=origin, written_at=written_at)
        return Saved(link)


_BREAKS: Final[dict[str, Callable[[LinkStore], object]]] = {
    "ignores-leases": _IgnoresLeases,
    "forgets-saves": _ForgetsSaves,
}
BROKEN: Final = tuple(_BREAKS)


def broken(how: str | None, store: LinkStore) -> LinkStore:
    """Return the store broken in that way, or as it is for None."""
    return store if how is None else cast("LinkStore", _BREAKS[how](store))
