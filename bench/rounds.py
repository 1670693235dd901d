"""Comparing things on a machine with a life of its own: many short rounds, all sides in each of them."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

Side: TypeAlias = Callable[[], Awaitable[float]]
"""Measures once and returns seconds, or whatever else, where less is better."""


async def interleaved(sides: Mapping[str, Side], rounds: int) -> dict[str, list[float]]:
    """Measure every side once a round, after a round that does not count; who goes first changes."""
    names = list(sides)
    measured: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        names = [*names[1:], names[0]] if number % 2 else names[::-1]
        for name in names:
            gc.collect()
            taken = await sides[name]()
            if number:
                measured[name].append(taken)
    return measured


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Return how ``one`` compares to ``other``: the median over the rounds, so that what disturbs a whole
    round disturbs no ratio."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))
