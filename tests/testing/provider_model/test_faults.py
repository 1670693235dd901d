from __future__ import annotations

from datetime import timedelta

import pytest

from extauth.testing import Fault, Faults

RATES = {Fault.LOST_REPLY: 0.2, Fault.RATE_LIMITED: 0.3}


def dealt(faults: Faults, times: int = 2000) -> list[Fault | None]:
    """Deal that often."""
    for _ in range(times):
        faults.deal()
    return faults.dealt


def test_nothing_goes_wrong_by_itself():
    """Without plan and rates no request meets with a fault."""
    assert dealt(Faults(), 10) == [None] * 10


def test_planned_faults_come_first_and_in_order():
    """Planned faults are dealt one a request, None lets one pass, and then chance has its say."""
    faults = Faults(rates={Fault.JUNK_BODY: 1})
    faults.plan(Fault.WRONG_CLIENT, None)
    faults.plan(Fault.LOST_REPLY)
    assert dealt(faults, 4) == [Fault.WRONG_CLIENT, None, Fault.LOST_REPLY, Fault.JUNK_BODY]


def test_a_seed_is_repeatable():
    """The same seed and rates deal the same faults, in whatever order the rates are written."""
    again = Faults(seed=7, rates=dict(reversed(RATES.items())))
    assert dealt(Faults(seed=7, rates=RATES)) == dealt(again)
    assert dealt(Faults(seed=8, rates=RATES)) != again.dealt


def test_rates_are_probabilities():
    """Each fault comes about as often as its rate says, and no other comes."""
    faults = dealt(Faults(seed=1, rates=RATES))
    assert set(faults) == {None, *RATES}
    for fault, rate in {**RATES, None: 0.5}.items():
        assert faults.count(fault) / len(faults) == pytest.approx(rate, abs=0.05)


def test_what_is_possible():
    """A fault is possible if it is planned or has a rate."""
    faults = Faults(rates={Fault.JUNK_BODY: 0.1, Fault.CUT_REPLY: 0})
    faults.plan(Fault.NOT_SENT)
    assert [faults.possible(fault) for fault in (Fault.JUNK_BODY, Fault.NOT_SENT, Fault.CUT_REPLY)] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rates": {Fault.JUNK_BODY: -0.1}}, "rates"),
        ({"rates": {Fault.JUNK_BODY: 0.6, Fault.LOST_REPLY: 0.5}}, "rates"),
        ({"retry_after": timedelta(0)}, "retry_after"),
        ({"retry_after": timedelta(seconds=1.5)}, "retry_after"),
        ({"delay": timedelta(seconds=-1)}, "delay"),
    ],
)
def test_nonsense_is_refused(options, message):
    """Rates that are no probabilities and spans that no server could play raise ValueError."""
    with pytest.raises(ValueError, match=message):
        Faults(**options)


def test_rates_may_add_up_to_one():
    """Rates that are exactly one together are accepted in spite of rounding, and something always fails."""
    faults = Faults(rates=dict.fromkeys(list(Fault)[:10], 0.1))
    assert None not in dealt(faults)
