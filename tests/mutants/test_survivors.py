from __future__ import annotations

import attrs
import pytest

from tests.mutants.guards import FLOORS, GUARDS
from tests.mutants.mutation import PACKAGE, ROOT, Mutant, modules_of
from tests.mutants.survivors import LIST, as_entry, read_survivors

MUTANT = Mutant("domain/link.py", "Link.who", "return 'a' -> 1", "")


def test_an_entry_is_read_as_it_is_written():
    """With its reason, wherever in the module it stands."""
    text = f"# Title\n\nWords.\n\n## `domain/link.py`\n\n{as_entry(MUTANT)}Equivalent: so it is.\n"
    assert read_survivors(text) == {MUTANT: "Equivalent: so it is."}


@pytest.mark.parametrize(
    "text",
    [
        f"{as_entry(MUTANT)}of no module\n",
        f"## `domain/link.py`\n{as_entry(MUTANT)}\n",
        "## `domain/link.py`\n- anything else\n",
        f"## `domain/link.py`\n{as_entry(MUTANT)}once\n{as_entry(MUTANT)}twice\n",
    ],
    ids=["no module", "no reason", "no entry", "twice"],
)
def test_what_is_no_list_is_refused(text):
    """An entry that cannot be read must not look like one that is not there."""
    with pytest.raises(ValueError, match=r"not an entry|listed twice"):
        read_survivors(text)


def test_every_glob_of_a_guard_finds_modules():
    """One that finds none, as after a move, would guard nothing without a word."""
    for guard in GUARDS:
        for glob in guard.modules:
            assert modules_of(attrs.evolve(guard, modules=[glob]), []), f"{guard.name}: {glob}"


def test_all_services_and_the_whole_domain_are_guarded():
    """Also those in packages of their own."""
    guarded = {module for guard in GUARDS for module in modules_of(guard, [])}
    base = ROOT / PACKAGE
    for layer in ("domain", "services"):
        assert {str(path.relative_to(base)) for path in (base / layer).rglob("*.py")} <= guarded


def test_the_list_and_the_floors_are_about_guarded_modules():
    """Else nobody would compare them with anything."""
    guarded = {module for guard in GUARDS for module in modules_of(guard, [])}
    assert FLOORS.keys() <= guarded
    assert {mutant.module for mutant in read_survivors(LIST.read_text(encoding="utf-8"))} <= guarded
