from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from extauth.cli.demo.messages import Exchange, Question
from extauth.cli.demo.picture import draw
from extauth.cli.demo.rotations import Rotation, choose

SVG = "{http://www.w3.org/2000/svg}"


def rotation(*questions: Question, presentations: tuple[float, ...] = (10.004,)) -> Rotation:
    """An exchange from 10 s to 10.06 s on replica 0."""
    return Rotation(Exchange("alice", 0, 10.0, 10.06), questions, presentations)


STORM = rotation(
    Question(0, 0, 9.999, 10.061),
    Question(0, 1, 10.02, 10.061),
    Question(1, 0, 10.01, 10.07),
    Question(1, 4, 9.995, 9.996),
    Question(1, 4, 10.03, 10.07),
    Question(2, 3, 10.071, 10.0715),
)


def elements(document: str, tag: str, kind: str) -> list[ET.Element]:
    """Return the drawn elements of a class; those of the legends are in groups of their own."""
    root = ET.fromstring(document)  # noqa: S314 - our own document
    return [element for element in root.findall(f"{SVG}g/{SVG}{tag}") if element.get("class") == kind]


def texts(document: str) -> str:
    """Return all text of the picture."""
    return "\n".join(ET.fromstring(document).itertext())  # noqa: S314 - our own document


def test_picture_is_an_svg_with_a_background() -> None:
    """It is well-formed, names itself, and brings its own paper for dark viewers."""
    root = ET.fromstring(draw(STORM, None, 3))  # noqa: S314 - our own document
    assert root.tag == f"{SVG}svg"
    paper = root.find(f"{SVG}rect")
    assert paper is not None
    assert (paper.get("width"), paper.get("height")) == (root.get("width"), root.get("height"))
    assert root.find(f"{SVG}g/{SVG}text[@id='title']") is not None


def test_picture_shows_who_waited_and_who_did_not() -> None:
    """Each wait is a bar with a dot at its end; answers at once are small dots."""
    document = draw(STORM, None, 3)
    assert len(elements(document, "line", "wait")) == 4
    assert len(elements(document, "circle", "served")) == 4
    assert len(elements(document, "circle", "at-once")) == 2
    assert len(elements(document, "line", "lane")) == 5
    assert "One rotation: 4 callers on 2 replicas wait, 1 exchange" in texts(document)
    assert "Replica 1 exchanges" in texts(document)
    assert "2 waited, served by 70 ms" in texts(document)


def test_picture_is_to_scale() -> None:
    """A caller who asked later starts further right, and all who were served together end together."""
    waits = elements(draw(STORM, None, 3), "line", "wait")
    starts = [float(wait.get("x1", "")) for wait in waits]
    ends = [float(wait.get("x2", "")) for wait in waits]
    bar = elements(draw(STORM, None, 3), "rect", "exchange")[0]
    left, width = float(bar.get("x", "")), float(bar.get("width", ""))

    assert starts[0] < left < starts[2] < starts[1] < starts[3]
    assert ends[0] == ends[1] == pytest.approx(left + width * 61 / 60, abs=0.2)
    assert ends[2] == ends[3] == pytest.approx(left + width * 70 / 60, abs=0.2)


def test_picture_tells_the_truth_about_the_server() -> None:
    """Presentations are what the server counted: three are drawn, and said, as three."""
    document = draw(rotation(presentations=(10.001, 10.002, 10.003)), None, 1)
    assert len(elements(document, "path", "presented")) == 3
    assert "3 exchanges" in texts(document)
    assert "saw 3 presentations" in texts(document)


def test_replicas_without_questions_keep_their_lanes() -> None:
    """A replica nobody asked is drawn, empty."""
    document = draw(rotation(), None, 4)
    assert "Replica 4" in texts(document)
    assert "0 waited" in texts(document)


def test_questions_beyond_the_edge_are_cut() -> None:
    """A wait that began long ago starts at the picture's edge, and what is outside is left out."""
    document = draw(rotation(Question(0, 0, 5.0, 10.061), Question(0, 1, 5.0, 5.1)), None, 1)
    (wait,) = elements(document, "line", "wait")
    assert float(wait.get("x1", "")) == pytest.approx(230)
    assert elements(document, "circle", "at-once") == []


def test_waiting_is_being_held_up_by_the_exchange() -> None:
    """Quick answers, and slow ones before or after the exchange, are no waits."""
    quick = Question(0, 0, 10.01, 10.011)
    before = Question(0, 0, 9.9, 9.99)
    after = Question(0, 0, 10.06, 10.2)
    held = Question(0, 0, 10.01, 10.061)
    assert rotation(quick, before, after, held).waiting == (held,)


def test_the_chosen_rotation_has_waits_on_most_replicas_and_is_near_the_middle() -> None:
    """Of the rotations with waits on the most replicas the middlemost is drawn; of none, none."""
    dull = rotation(Question(0, 0, 10.01, 10.06))
    storms = [STORM, dull, rotation(*STORM.questions), dull, dull, dull]
    assert choose(storms) is storms[2]
    assert choose([dull]) is dull
    assert choose([]) is None
