"""The history of the shared store, as one replica looks at it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, final

from extauth.domain.store_history import HistorySeen

LOOK = "look"


@final
class SeenHistory:
    """Passes looks on without a gate: each is over at once, and a schedule has no room for more of them."""

    def __init__(self, store: Any, replica: str, scene: Any) -> None:
        self._history = store.history
        self._replica = replica
        self._scene = scene

    async def look(self) -> HistorySeen | None:
        seen: HistorySeen | None = await self._scene.loop.real(self._history.look())
        self._scene.carried_out(self._replica, LOOK, seen)
        return seen

    async def accept(self, seen: HistorySeen) -> None:
        await self._scene.loop.real(self._history.accept(seen))

    async def restored(self, seen: HistorySeen, *, spared: Collection[str] = ()) -> int | None:
        doubtful: int | None = await self._scene.loop.real(self._history.restored(seen, spared=spared))
        self._scene.carried_out(self._replica, "restored", doubtful)
        return doubtful
