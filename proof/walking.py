"""Walking one configuration, in a process of its own."""

from __future__ import annotations

import time
from typing import Any

from extauth.testing.schedules.explorer import Report, explore
from proof.configurations import CONFIGURATIONS, FORGETFUL, REMEMBERING, WITH_MEMORY, WITH_UPKEEP
from proof.forgetful import explore_forgetful
from proof.upkeep_replica import ReplicaWithUpkeep

_WITH_UPKEEP: Any = ReplicaWithUpkeep
"""Used as a service is."""


def walk(name: str) -> tuple[str, Report, float]:
    """Walk one configuration; return what came of it and the processor's seconds that it took."""
    began = time.process_time()
    if name in WITH_UPKEEP:
        report = explore(WITH_UPKEEP[name], make_service=_WITH_UPKEEP)
    elif name in WITH_MEMORY:
        report = explore(WITH_MEMORY[name], policy=REMEMBERING)
    elif name in FORGETFUL:
        report = explore_forgetful(FORGETFUL[name])
    else:
        report = explore(CONFIGURATIONS[name])
    return name, report, time.process_time() - began
