"""Holding all that nobody remembers, step by step."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from extauth import LinkKey
from extauth.domain.store_history import HeldLinks
from extauth.services.refresh.restored import hold_all

BEFORE = datetime(2027, 1, 1, tzinfo=UTC)
FIRST, SECOND = LinkKey("github", "alice"), LinkKey("github", "bob")


async def test_what_each_step_has_held_is_added_up() -> None:
    """Each goes on where the last one ended, with what is spared in all of them."""

    class ThreeSteps:
        async def hold(
            self, before: datetime, *, spared: Collection[str] = (), after: LinkKey | None = None
        ) -> HeldLinks:
            assert (before, spared) == (BEFORE, ["slack"])
            return {
                None: HeldLinks(1, FIRST),
                FIRST: HeldLinks(2, SECOND),
                SECOND: HeldLinks(4, None),
            }[after]

    history: Any = ThreeSteps()
    assert await hold_all(history, BEFORE, ["slack"]) == 7
