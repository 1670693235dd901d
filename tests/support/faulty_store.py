"""A store around a store whose calls fail or wait when the test says so."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from extauth import StoreUnavailable

Fault = BaseException | Callable[[], Awaitable[object]]


class FaultyStore:
    """Passes every call on, after and before running the faults planned for it.

    ``before[name]`` and ``after[name]`` are lists of faults, used up one a call: an exception to raise
    (after: although the call was carried out) or an async function to await, such as ``gate.wait``.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self.before: dict[str, list[Fault]] = defaultdict(list)
        self.after: dict[str, list[Fault]] = defaultdict(list)
        self.calls: Counter[str] = Counter()
        self.entered: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    @property
    def imports(self) -> Any:
        """What moves links in and out; no fault is planned for it."""
        return self._store.imports

    @property
    def history(self) -> Any:
        """What it says of its history, if anything; likewise."""
        return self._store.history

    @property
    def own_writes(self) -> Any:
        """What the store beneath tells of its writes."""
        return self._store.own_writes

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            self.entered[name].set()
            await self._run(self.before[name])
            result = await method(*args, **kwargs)
            await self._run(self.after[name])
            return result

        return call

    @staticmethod
    async def _run(faults: list[Fault]) -> None:
        if faults:
            fault = faults.pop(0)
            if isinstance(fault, BaseException):
                raise fault
            await fault()


def down(times: int = 1) -> list[Fault]:
    """Return that many refusals of a store that is down."""
    return [StoreUnavailable("down") for _ in range(times)]
