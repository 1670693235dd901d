"""Tokens that could not be saved at once."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from extauth import RefreshPolicy
from extauth.domain.policy import Backoff
from extauth.events import SaveAbandoned
from extauth.services.events import EventEmitter
from extauth.services.refresh.unsaved import UnsavedTokens
from tests.support.faulty_store import down


class NoJitter(random.Random):
    """Leaves each pause as it is."""

    def random(self) -> float:
        return 0.0


async def test_at_the_end_of_the_process_no_try_comes_after_the_grace(scene: Any) -> None:
    """Pauses of one second and of two fill a grace of three; then it is given up, and that is told."""
    link = await scene.link()
    second = timedelta(seconds=1)
    policy = RefreshPolicy(retry=Backoff(initial=second, maximum=8 * second), shutdown_grace=3 * second)
    unsaved = UnsavedTokens(
        scene.store, scene.clock, policy, EventEmitter(scene), NoJitter(), on_shared_grant="spare"
    )
    scene.store.before["save"] = down(9)
    unsaved.hurry()
    await unsaved.save(scene.provider, link, scene.provider.grant(), 0.0)
    await unsaved.aclose()
    assert scene.store.calls["save"] == 3
    assert scene.events[-1] == SaveAbandoned(link.key, 2)
    assert unsaved.idle
