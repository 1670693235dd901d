"""Walking one configuration, in a process of its own."""

from __future__ import annotations

import time

from extauth.testing.schedules.explorer import Report, explore
from proof.configurations import CONFIGURATIONS


def walk(name: str) -> tuple[str, Report, float]:
    """Walk one configuration; return what came of it and the processor's seconds that it took."""
    began = time.process_time()
    report = explore(CONFIGURATIONS[name])
    return name, report, time.process_time() - began
