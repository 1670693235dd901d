"""Broken ways of giving links back to a store that has lost writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from extauth.domain.known_links import KnownLinks
from extauth.services.refresh.healing import Healing
from extauth.services.refresh.store_watch import StoreWatch
from tests.proof.breaking import replacing


async def _nothing(*_: object) -> None:
    pass


@contextmanager
def does_not_look() -> Iterator[None]:
    """Nobody looks at what he knows when the store has gone back, or now and then."""
    with replacing(Healing, "_sweep", _nothing)(), replacing(Healing, "_look_at_latest", _nothing)():
        yield


knows_nothing = replacing(KnownLinks, "note", lambda *_: None)
"""Nobody knows a newer state of any link."""

does_not_hold = replacing(StoreWatch, "holds_for", lambda _: 0.0)
"""Nobody waits for who knows more."""


def _explained(self) -> None:
    if not (self._unexplained and self.holding):
        self._gone_back()
    self._unexplained = False


takes_the_second_for_the_first = replacing(StoreWatch, "_changed", _explained)
"""A history that is seen while a link has gone back is taken for why, and may be yet another one."""
