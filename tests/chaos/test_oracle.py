"""The oracle, on evidence made by hand: link ``alice`` had the refresh token ``one`` and then ``two``."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from chaos.evidence import PROVEN, Answer, Evidence, Granted, Journals, Loss, Presentation
from chaos.oracle import judge
from chaos.proxy import Fate, Passage

GOOD = Evidence(
    lifetime=3.0,
    presentations=[Presentation("one", "a#1", 10.0, 200, "two")],
    passages={"a#1": Passage("a#1", "one", 10.0, Fate.PASSED)},
    killed={},
    journals=Journals(
        began={"a#1": 9.9},
        answers={"a#1": Answer(10.1, "Exchanged", None)},
        saved=frozenset({("a", "two")}),
        marked=frozenset(),
        unmarked=frozenset(),
        lines={},
    ),
    granted={"one": 7.0},
    losses=[],
    stored={"alice": "two"},
    server={"one": Granted("one", "alice", live=False), "two": Granted("two", "alice", live=True)},
    proven={"alice": PROVEN},
    users=["alice"],
    restarts=0,
)
SPENT: dict[str, Any] = {"stored": {"alice": "one"}}
"""The new token never reached the store."""
UNSAVED = frozenset[tuple[str, str]]()


def _changed(*, answer: Answer | None, **changes: Any) -> Evidence:
    """Return evidence of an exchange whose new token the presenter did not save, answered like that."""
    journals = attrs.evolve(GOOD.journals, saved=UNSAVED, answers={} if answer is None else {"a#1": answer})
    return attrs.evolve(GOOD, journals=journals, **{**SPENT, **changes})


def _replayed(evidence: Evidence, *, at: float = 11.0, by: str = "b#1") -> Evidence:
    """Return the evidence with another presentation of the token, which is rejected."""
    again = Presentation("one", by, at, 400, None)
    passages = {**evidence.passages, by: Passage(by, "one", at, Fate.PASSED)}
    journals = attrs.evolve(
        evidence.journals,
        began={**evidence.journals.began, by: at},
        answers={**evidence.journals.answers, by: Answer(at + 0.1, "GrantRejected", "invalid_grant")},
    )
    return attrs.evolve(
        evidence,
        presentations=[*evidence.presentations, again],
        passages=passages,
        journals=journals,
        server={"one": Granted("one", "alice", live=False), "two": Granted("two", "alice", live=False)},
    )


def _fate(fate: Fate) -> dict[str, Any]:
    return {"passages": {"a#1": Passage("a#1", "one", 10.0, fate)}}


LOST = Answer(10.1, "Unknown", "reply_lost")
EXCHANGED = Answer(10.1, "Exchanged", None)
EXCUSED = {
    "killed before the answer": _changed(answer=None, killed={"a": 10.05}),
    "killed before the save": _changed(answer=EXCHANGED, killed={"a": 10.15}),
    "cut before the reply": _changed(answer=LOST, **_fate(Fate.CUT_AFTER)),
    "cut within the reply": _changed(answer=LOST, **_fate(Fate.CUT_WITHIN)),
    "gave up waiting": _changed(answer=Answer(12.0, "Unknown", "reply_timeout")),
    "server error": _changed(
        answer=Answer(10.1, "Unknown", "http_500"),
        presentations=[Presentation("one", "a#1", 10.0, 500, None)],
    ),
}
UNEXCUSED = {
    "answered and not saved": _changed(answer=EXCHANGED),
    "answered, another was killed": _changed(answer=EXCHANGED, killed={"c": 10.15}),
    "unknown although the reply passed": _changed(answer=LOST),
    "cut before it was forwarded": _changed(answer=LOST, **_fate(Fate.CUT_BEFORE)),
}


def test_a_rotation_that_was_saved():
    """Nothing is found where everything went well."""
    verdict = judge(GOOD)
    assert (verdict.losses, verdict.duplicates, verdict.early, verdict.unproven) == ([], [], [], [])


@pytest.mark.parametrize("evidence", EXCUSED.values(), ids=EXCUSED)
def test_an_excused_loss(evidence):
    """A new token that nobody can have saved excuses the loss, and a replay too."""
    (loss,) = judge(evidence).losses
    assert loss.excuse is not None
    verdict = judge(_replayed(evidence))
    assert (len(verdict.losses), len(verdict.duplicates), verdict.faults) == (1, 1, [])


@pytest.mark.parametrize("evidence", UNEXCUSED.values(), ids=UNEXCUSED)
def test_an_unexcused_loss(evidence):
    """Where the presenter lived and had its answer, neither the loss nor a replay has an excuse."""
    (loss,) = judge(evidence).losses
    assert loss.excuse is None
    verdict = judge(_replayed(evidence))
    assert (len(verdict.losses), len(verdict.duplicates), len(verdict.faults)) == (1, 1, 2)


def test_a_kill_after_the_save_excuses_nothing():
    """A token that was saved must not be presented again, whatever became of its presenter since."""
    evidence = _replayed(attrs.evolve(GOOD, killed={"a": 20.0}))
    assert len(judge(evidence).faults) == 2  # the replay, and the family that it killed


def test_a_kill_right_after_the_save():
    """The presenter's journal may lack the save; that the token is stored shows it as well."""
    journals = attrs.evolve(GOOD.journals, saved=UNSAVED)
    (duplicate,) = judge(_replayed(attrs.evolve(GOOD, killed={"a": 10.2}, journals=journals))).duplicates
    assert duplicate.excuse is None


def test_a_kill_after_the_mark_excuses_nothing():
    """Who saw the rejection and marked the link has told the others not to try again."""
    marked = attrs.evolve(GOOD.journals, saved=UNSAVED, marked=frozenset({("a", "one")}))
    evidence = attrs.evolve(GOOD, killed={"a": 20.0}, journals=marked, **SPENT)
    (duplicate,) = judge(_replayed(evidence)).duplicates
    assert duplicate.excuse is None


def test_a_mark_that_could_not_be_stored():
    """Who is told by nobody that the token is dead presents it once more; and that alone is excused."""
    rejected = _replayed(EXCUSED["killed before the answer"])
    again = _replayed(rejected, at=12.0, by="c#1")
    assert [finding.what for finding in judge(again).faults] == [
        "refresh token one presented by b#1 (answered 400) and again 1.00 s later by c#1"
    ]
    unmarked = attrs.evolve(again.journals, unmarked=frozenset({"b#1"}))
    assert judge(attrs.evolve(again, journals=unmarked)).faults == []
    thrice = _replayed(attrs.evolve(again, journals=unmarked), at=13.0, by="d#1")
    assert [finding.what for finding in judge(thrice).faults] == [
        "refresh token one presented by c#1 (answered 400) and again 1.00 s later by d#1"
    ]


def test_a_replay_that_overtakes():
    """If the server handles an excused replay first, the late original kills the token that was saved."""
    late = attrs.evolve(
        GOOD,
        presentations=[Presentation("one", "a#0", 9.5, 400, None), *GOOD.presentations],
        passages={**GOOD.passages, "a#0": Passage("a#0", "one", 9.5, Fate.CUT_AFTER)},
        journals=attrs.evolve(
            GOOD.journals, answers={**GOOD.journals.answers, "a#0": Answer(9.6, "Unknown", "reply_lost")}
        ),
        granted={"one": 6.0},
        server={"two": Granted("two", "alice", live=False)},
    )
    verdict = judge(late)
    assert (len(verdict.losses), len(verdict.duplicates), verdict.faults) == (1, 1, [])


def test_a_replay_while_the_access_token_works():
    """An excused replay may be made only when nothing is left to lose."""
    late = _replayed(EXCUSED["killed before the answer"], at=10.5)
    assert judge(late).early == []
    early = _replayed(attrs.evolve(EXCUSED["killed before the answer"], granted={"one": 9.0}), at=10.5)
    assert [finding.what[-9:] for finding in judge(early).early] == ["too early"]


def test_a_live_link_that_gives_no_token():
    """The final proof must succeed for every link with a live refresh token."""
    (unproven,) = judge(attrs.evolve(GOOD, proven={"alice": "ReauthorizationRequired"})).faults
    assert "ReauthorizationRequired" in unproven.what


@pytest.mark.parametrize("stored", [{}, {"alice": "unheard-of"}], ids=["no link", "unknown token"])
def test_a_link_that_is_gone(stored):
    """A link that is not in the store, or not the server's, is lost."""
    (loss,) = judge(attrs.evolve(GOOD, stored=stored)).faults
    assert "alice" in loss.what


def test_a_loss_during_the_storm():
    """A link that was marked dead although the server never spent its token has no excuse."""
    (loss,) = judge(attrs.evolve(GOOD, losses=[Loss("alice", "zero", "invalid_grant")])).faults
    assert "zero" in loss.what


def test_a_loss_is_counted_once():
    """A loss that was noticed during the storm and not made good by its end is one loss."""
    evidence = EXCUSED["killed before the answer"]
    noticed = attrs.evolve(evidence, losses=[Loss("alice", "one", "reply_lost")])
    assert len(judge(noticed).losses) == 1
