from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import attrs
import pytest

from extauth.cli.demo.messages import Attempt, Exchange
from extauth.cli.demo.picture import draw
from extauth.cli.demo.rotations import Race, Rotation, choose_race, races
from extauth.testing.provider_model.redemption import Presentation
from extauth.testing.provider_model.reuse import Treatment

SVG = "{http://www.w3.org/2000/svg}"


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


WINNER = attempt(0, 10.0, 10.07, refused=False)
ATTEMPTS = (WINNER, attempt(1, 10.01, 10.065), attempt(1, 10.02, 10.1))
HISTORY = (
    Presentation("bob", 10.001, Treatment.ROTATE),
    Presentation("alice", 10.002, Treatment.ROTATE),
    Presentation("alice", 10.012, Treatment.REVOKE_FAMILY),
    Presentation("alice", 10.022, Treatment.REFUSE),
    Presentation("alice", 12.0, Treatment.ROTATE),
)
RACE = Race(ATTEMPTS, HISTORY[1:4])
OURS = Rotation(Exchange("alice", 0, 50.0, 50.06), (), (50.004,))


def naive(document: str) -> ET.Element:
    """Return the naive loop's part of the picture."""
    section = ET.fromstring(document).find(f"{SVG}g[@id='naive']")  # noqa: S314 - our own document
    assert section is not None
    return section


def drawn(section: ET.Element, tag: str, kind: str) -> list[ET.Element]:
    """Return the drawn elements of a class; those of the legend are in groups of their own."""
    return [element for element in section.findall(f"{SVG}{tag}") if element.get("class") == kind]


def words(race: Race) -> str:
    """Return all text of a race's picture."""
    return "\n".join(naive(draw(None, race, 2)).itertext())


def test_a_race_is_whoever_presented_one_refresh_token_and_what_the_server_did_meanwhile() -> None:
    """Other tokens are other races, other users' presentations and later ones are left out."""
    other = attrs.evolve(WINNER, token="digest-2", presented=12.0, answered=12.05, written=12.06)
    bobs = attrs.evolve(WINNER, user="bob")
    found = races([ATTEMPTS[2], other, ATTEMPTS[0], bobs, ATTEMPTS[1]], HISTORY)
    assert found == (Race([bobs], HISTORY[:1]), RACE, Race([other], HISTORY[4:]))


def test_the_race_that_is_drawn_is_on_most_replicas_and_near_the_middle() -> None:
    """As the rotation of extauth's is chosen; of none, none."""
    alone = Race([WINNER], HISTORY[1:2])
    twice = [RACE, alone, Race(ATTEMPTS, HISTORY[1:4]), alone, alone]
    assert choose_race(twice) is twice[2]
    assert choose_race([alone]) is alone
    assert choose_race([]) is None


def test_the_naive_timeline_says_what_happened() -> None:
    """Who presented, what the server did, who was refused and that the row was cleared, in numbers."""
    said = words(RACE)
    assert "The naive loop: 3 callers on 2 replicas present the same refresh token" in said
    assert "gives new tokens once; the next presentation it takes for theft, and revokes the grant" in said
    assert "2 callers are refused and the refresh token in the row is cleared" in said
    assert "saw 3 presentations" in said
    assert "cleared 2 times" in said
    assert "1 saved, 0 cleared" in said
    assert "0 saved, 2 cleared" in said


def test_each_presentation_has_a_lane_with_its_answer_and_its_write() -> None:
    """A bar until the answer, a dot or a cross there, and a square where the row was written."""
    section = naive(draw(None, RACE, 2))
    assert [len(drawn(section, *each)) for each in (("line", "lane"), ("line", "wait"))] == [3, 3]
    assert [len(drawn(section, *each)) for each in (("circle", "served"), ("path", "refused"))] == [1, 2]
    assert [len(drawn(section, "rect", kind)) for kind in ("saved", "cleared")] == [1, 2]


def test_a_write_that_changed_nothing_any_more_does_not_stretch_the_scale() -> None:
    """Of a clearing long after the others only its way to the edge is drawn; it is counted all the same."""
    late = Race([*ATTEMPTS, attempt(1, 10.03, 20.0)], HISTORY[1:4])
    section = naive(draw(None, late, 2))
    assert late.length == pytest.approx(0.1)
    assert len(drawn(section, "rect", "cleared")) == 2
    assert float(drawn(section, "line", "writing")[3].get("x2", "")) == 1160
    assert "0 saved, 3 cleared" in words(late)


def test_the_server_lane_shows_what_the_server_did() -> None:
    """A mark for each presentation, by what became of it."""
    section = naive(draw(None, RACE, 2))
    assert [len(drawn(section, "path", kind)) for kind in ("rotated", "revoking", "asked")] == [1, 1, 1]


def test_the_row_lane_shows_what_the_row_held() -> None:
    """Cleared, saved over that, and cleared again, each from the write on until the next."""
    section = naive(draw(None, RACE, 2))
    rows = [
        (str(each.get("class")), float(each.get("x", "")), float(each.get("width", "")))
        for each in section.findall(f"{SVG}rect")
        if str(each.get("class")).startswith("row-")
    ]
    assert [kind for kind, _, _ in rows] == ["row-before", "row-cleared", "row-saved", "row-cleared"]
    assert [x + width for _, x, width in rows[:-1]] == pytest.approx([x for _, x, _ in rows[1:]], abs=0.2)
    written = [float(drawn(section, "rect", kind)[0].get("x", "")) + 3 for kind in ("cleared", "saved")]
    assert [x for _, x, _ in rows[1:3]] == pytest.approx(written, abs=0.2)


def test_both_timelines_have_one_scale() -> None:
    """The longer one gives it, so that 10 ms are as wide in both, and each begins at its own 0 ms."""
    root = ET.fromstring(draw(OURS, RACE, 2))  # noqa: S314 - our own document
    ours, theirs = root.findall(f"{SVG}g")
    (bar,) = [each for each in ours.findall(f"{SVG}rect") if each.get("class") == "exchange"]
    wait = drawn(theirs, "line", "wait")[0]
    assert bar.get("x") == wait.get("x1")
    per_second = (float(wait.get("x2", "")) - float(wait.get("x1", ""))) / 0.05
    assert float(bar.get("width", "")) == pytest.approx(0.06 * per_second, abs=0.2)


def test_words_that_do_not_fit_on_the_exchange_stand_beside_it() -> None:
    """On a long scale the exchange is a short bar."""
    slow = Race([attrs.evolve(WINNER, answered=11.0, written=11.0)], HISTORY[1:2])
    kinds = [
        each.get("class")
        for race in (None, slow)
        for each in root_of(draw(OURS, race, 1)).iter(f"{SVG}text")
        if each.text == "exchange and save, 60 ms"
    ]
    assert kinds == ["on-exchange", "note"]


def test_the_naive_timeline_is_beneath_ours() -> None:
    """The second begins where the first ends, and both fit on the paper."""
    alone = draw(OURS, None, 2), draw(None, RACE, 2)
    heights = [float(root_of(each).get("height", "")) for each in alone]
    root = root_of(draw(OURS, RACE, 2))
    moved = [each.get("transform") for each in root.findall(f"{SVG}g")]
    assert moved == ["translate(0 0)", f"translate(0 {heights[0]:.0f})"]
    assert float(root.get("height", "")) == sum(heights)


def root_of(document: str) -> ET.Element:
    """Read the picture."""
    return ET.fromstring(document)  # noqa: S314 - our own document


@pytest.mark.parametrize(
    ("race", "said"),
    [
        (Race([WINNER], HISTORY[1:2]), "1 caller on 1 replica presents.*revokes nothing.*this time all goes"),
        (
            Race([attrs.evolve(WINNER, written=10.2), *ATTEMPTS[1:]], HISTORY[1:4]),
            "2 callers are refused; what the row holds in the end is dead all the same",
        ),
        (
            Race([attempt(0, 10.0, 10.07)], HISTORY[3:4]),
            "gives no new tokens and revokes nothing.*1 caller is refused and",
        ),
    ],
    ids=["alone", "saved last", "refused only"],
)
def test_the_words_are_true_of_other_races(race: Race, said: str) -> None:
    """Nothing is said that did not happen."""
    assert re.search(said, words(race), re.DOTALL)
