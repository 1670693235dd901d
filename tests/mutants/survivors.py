"""The list of mutants that are known to survive, and why: ``SURVIVORS.md`` beside this file."""

from __future__ import annotations

import re
from pathlib import Path

from tests.mutants.mutation import Mutant

LIST = Path(__file__).with_name("SURVIVORS.md")

_MODULE = re.compile(r"## `(?P<module>[^`]+)`")
_ENTRY = re.compile(r"- `(?P<function>[^`]+)`: `(?P<before>[^`]*)` -> `(?P<after>[^`]*)`: (?P<why>\S.*)")


def read_survivors(text: str) -> dict[Mutant, str]:
    """Return the listed mutants with the reason why each survives.

    :raises ValueError: for an entry that cannot be read or that is there twice.
    """
    survivors: dict[Mutant, str] = {}
    module = ""
    for line in text.splitlines():
        if heading := _MODULE.fullmatch(line):
            module = heading["module"]
        elif line.startswith("- "):
            entry = _ENTRY.fullmatch(line)
            if entry is None or not module:
                msg = f"not an entry: {line}"
                raise ValueError(msg)
            mutant = Mutant(module, entry["function"], entry["before"].strip(), entry["after"].strip())
            if mutant in survivors:
                msg = f"listed twice: {line}"
                raise ValueError(msg)
            survivors[mutant] = entry["why"]
    return survivors


def as_entry(mutant: Mutant) -> str:
    """Write an entry that waits for its reason."""
    return f"- `{mutant.function}`: `{mutant.before or ' '}` -> `{mutant.after or ' '}`: "
