from __future__ import annotations

from typing import Any

import attrs
import pytest

from extauth.cli.demo.messages import Tally
from extauth.cli.demo.progress import Progress, exchanges_per_rotation_text
from extauth.cli.demo.verdict import broken_promises

GOOD = Progress(
    way="extauth",
    stage="done",
    target=4,
    links=2,
    tally=Tally(served=100, checked=5),
    exchanges=4,
    per_rotation=(1, 1, 1, 1),
    verified=2,
)


def test_a_perfect_storm_passes() -> None:
    """One exchange per rotation, no loss, no error: nothing to complain of."""
    assert broken_promises(GOOD) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"lost": 1}, "1 links lost"),
        ({"families_revoked": 2}, "2 links lost"),
        ({"verified": 1}, "only 1 of 2 links work at the end"),
        ({"exchanges": 5}, "5 exchanges for 4 rotations"),
        ({"per_rotation": (1, 2, 1, 0)}, "4 exchanges for 4 rotations"),
        ({"tally": Tally(served=9, checked=1, errors={"reconnect": 2, "a": 1})}, "met 3 errors (a: 1, rec"),
        ({"tally": Tally(served=9, checked=1, dead=1)}, "handed 1 dead tokens"),
        ({"tally": Tally()}, "nothing is shown"),
        ({"tally": Tally(served=9)}, "nothing is shown"),
        ({"per_rotation": (), "exchanges": 0}, "only 0 rotations for 2 links"),
        ({"per_rotation": (1,), "exchanges": 1}, "only 1 rotations for 2 links"),
        ({"stage": "storm"}, "did not come to its end"),
    ],
)
def test_each_broken_promise_is_named(change: dict[str, Any], complaint: str) -> None:
    """Whatever went wrong, or never happened, fails the demo with words of its own."""
    found = broken_promises(attrs.evolve(GOOD, **change))

    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize(
    ("exchanges", "per_rotation", "text"),
    [(0, (), "\N{EN DASH}"), (2, (1, 1), "1"), (201, (1,) * 200, "1.00"), (7, (3, 4), "3.50")],
)
def test_ratio_reads_one_only_if_it_is_exactly_one(
    exchanges: int, per_rotation: tuple[int, ...], text: str
) -> None:
    """A ratio that only rounds to one keeps its decimals, and none is shown before the first rotation."""
    progress = attrs.evolve(GOOD, exchanges=exchanges, per_rotation=per_rotation)
    assert exchanges_per_rotation_text(progress) == text
