from __future__ import annotations

from io import StringIO

from rich.console import Console

from extauth.cli.demo.messages import Attempt, Exchange, Question
from extauth.cli.demo.rotations import Race, Rotation
from extauth.cli.demo.sketch import sketch
from extauth.testing.provider_model.redemption import Presentation
from extauth.testing.provider_model.reuse import Treatment

OURS = Rotation(
    Exchange("alice", 0, 50.0, 50.06),
    (
        Question(0, 0, 49.99, 50.061),
        Question(1, 0, 50.031, 50.071),
        Question(1, 1, 50.08, 50.081),
    ),
    (50.0,),
)


def attempt(replica: int, presented: float, written: float, *, refused: bool = True) -> Attempt:
    """Alice's refresh token is presented, and the answer takes 50 ms."""
    return Attempt(
        user="alice",
        replica=replica,
        token="digest-1",
        presented=presented,
        answered=presented + 0.05,
        written=written,
        refused=refused,
    )


RACE = Race(
    [attempt(0, 10.0, 10.081, refused=False), attempt(1, 10.011, 10.071), attempt(1, 10.021, 10.1)],
    [
        Presentation("alice", 10.0, Treatment.ROTATE),
        Presentation("alice", 10.011, Treatment.REVOKE_FAMILY),
        Presentation("alice", 10.021, Treatment.REFUSE),
    ],
)
# 51 columns beside the labels for 100 ms: one for 2 ms, and the last.
WIDTH = 63


def drawn(rotation: Rotation | None, race: Race | None) -> list[str]:
    """Return the lines as they stand on a terminal of that width."""
    output = StringIO()
    Console(file=output, width=WIDTH, force_terminal=False).print(sketch(rotation, race, 2, WIDTH))
    return [line.rstrip() for line in output.getvalue().splitlines()]


def test_both_ways_are_drawn_one_beneath_the_other() -> None:
    """To one scale: who waited for ours; who presented what, what the server did, and what the row held."""
    assert drawn(OURS, RACE)[:13] == [
        "",
        "extauth: 1 presentation, 2 callers waited for the new token",
        "server     ◆" + "━" * 30,
        "replica 1  " + "─" * 30 + "●",
        "replica 2  " + " " * 15 + "─" * 20 + "●",
        "",
        "naive: 3 presentations, 2 callers refused",
        "server     ◆    ✖    ◆",
        "row        " + "░" * 35 + "▁" * 5 + "█" * 10 + "▁",
        "replica 1  ◆" + "─" * 24 + "●",
        "replica 2  " + " " * 5 + "◆────◆" + "─" * 19 + "✖────✖",
        "           0 ms" + "100 ms".rjust(47),
        "◆ refresh token presented   ─ a caller waits   ● given a token",
    ]


def test_one_way_is_drawn_alone() -> None:
    """A storm without a rotation leaves its part out."""
    assert [line for line in drawn(OURS, None) if line.startswith(("extauth", "naive"))] == [
        drawn(OURS, RACE)[1]
    ]
    assert [line for line in drawn(None, RACE) if line.startswith(("extauth", "naive"))] == [
        drawn(OURS, RACE)[6]
    ]


def test_it_fits_a_terminal_of_80_columns_and_is_never_wider_than_it_need_be() -> None:
    """No line is wrapped at 80, and a wide terminal does not stretch it."""
    assert max(map(len, sketch(OURS, RACE, 2, 80).plain.splitlines())) <= 80
    assert max(map(len, sketch(OURS, RACE, 2, 300).plain.splitlines())) <= 100


def test_what_is_beyond_the_scale_is_left_out() -> None:
    """A wait that began long before is cut at the edge."""
    early = Rotation(OURS.exchange, (Question(0, 0, 40.0, 50.061),), (49.0, 50.0))
    assert drawn(early, None)[2:4] == ["server     ◆" + "━" * 49, "replica 1  " + "─" * 50 + "●"]
