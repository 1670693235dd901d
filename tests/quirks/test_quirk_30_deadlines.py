"""Class 30: a provider's rules change on an announced day."""

from __future__ import annotations

import json
from datetime import date, timedelta

import attrs
import pytest

from extauth.adapters.providers import CATALOGUE, linear, shopify
from extauth.adapters.providers.quirks import showing
from extauth.cli.main import main
from extauth.cli.providers import details, facts, markdown

ANNOUNCED = [(preset, change) for preset in CATALOGUE.values() for change in preset.deadlines]
IDS = [f"{preset.id}-{change.on}" for preset, change in ANNOUNCED]
DAY = timedelta(days=1)
COME = "That day has come since the facts were checked."


def test_the_presets_with_deadlines():
    """The class is what the data say."""
    assert showing(30) == tuple(dict.fromkeys(preset.id for preset, _ in ANNOUNCED))


@pytest.mark.parametrize(("preset", "change"), ANNOUNCED, ids=IDS)
def test_a_deadline_is_shown(preset, change):
    """The day and what changes are in what the command prints, its JSON and the generated page."""
    line = f"{change.on}: {change.what}"
    assert f"  - {line}" in details(preset, preset.checked)
    assert {"on": change.on.isoformat(), "what": change.what} in json.loads(json.dumps(facts(preset)))[
        "deadlines"
    ]
    assert f"- {line}" in markdown()


@pytest.mark.parametrize(("preset", "change"), ANNOUNCED, ids=IDS)
def test_no_deadline_passes_in_silence(preset, change):
    """From its day on, a change that the facts do not know yet is overdue, and the command says so."""
    before, on = change.on - DAY, change.on
    known = change.on <= preset.checked
    assert change not in preset.overdue(before)
    assert (change in preset.overdue(on)) != known
    assert (f"{change.what} {COME}" in details(preset, on)) != known
    assert f"{change.what} {COME}" not in details(preset, before)
    # Whoever checks the facts again on that day or later has silenced it.
    assert change not in attrs.evolve(preset, checked=on).overdue(on)


@pytest.mark.parametrize("preset", CATALOGUE.values(), ids=list(CATALOGUE))
def test_nothing_was_overdue_when_the_facts_were_checked(preset):
    """No preset was checked before a day that had come when the catalogue was last checked as a whole."""
    checked = max(each.checked for each in CATALOGUE.values())
    assert preset.overdue(checked) == ()


def test_what_has_changed_already_is_in_the_data():
    """A change that was known when the facts were checked is what the preset does."""
    assert linear.overdue(date(2030, 1, 1)) == ()
    assert linear.traits.rotates
    (change,) = shopify.overdue(date(2027, 1, 1))
    assert change.on == date(2027, 1, 1)


def test_the_command_prints_it(capsys):
    """``extauth providers shopify`` shows the deadline by today's date."""
    assert main(["providers", "shopify"]) == 0
    printed = capsys.readouterr().out
    assert "deadlines:" in printed
    assert "2027-01-01: From this day tokens that expire are mandatory" in printed
