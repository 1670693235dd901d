"""Which mutants no test need see: a program that mutmut's copy of the project is the current folder of.

They are those that mypy refuses, which nobody can commit, and text in another case: any other text is another
mutant. Prints the reasons by file and function, as JSON. Imports nothing of ours, and finds out once however
often it is run.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

REPORT = "left-out.json"

_SAYS_NOTHING = {
    # Of several copies of a method in one class, or of what mutmut generates.
    "has-type",
    "ignore-without-code",
    "misc",
    "no-redef",
    "unused-ignore",
    # About what is written, as `... and False`; a real mistake of the kind is spelt in another way.
    "redundant-expr",
    "truthy-bool",
    "unreachable",
    "var-annotated",
}
"""Kinds of errors for which no mutant is refused."""


def main() -> None:
    """Print the report, made anew where there is none."""
    report = Path(REPORT)
    if not report.exists():
        errors = _of_mypy()
        left_out = {
            path: dict(_left_out(path, errors.get(path, [])))
            for path in sorted(str(path) for path in Path("src").rglob("*.py"))
        }
        report.write_text(json.dumps(left_out), encoding="utf-8")
    print(report.read_text(encoding="utf-8"))


def _of_mypy() -> Mapping[str, list[Mapping[str, Any]]]:
    """Return its errors by file."""
    command = [sys.executable, "-m", "mypy", "--output", "json"]
    found = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if found.returncode not in {0, 1}:
        sys.exit(found.stderr)
    errors = defaultdict(list)
    for error in map(json.loads, found.stdout.splitlines()):
        if error["severity"] == "error" and error["code"] not in _SAYS_NOTHING:
            errors[error["file"]].append(error)
    return errors


def _left_out(path: str, errors: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Return each mutant with an error that the code which it was made of does not have, and the error."""
    source = Path(path).read_text(encoding="utf-8")
    if "__mutmut_orig(" not in source:
        return
    lines = source.lower().splitlines()
    function_at: dict[int, str] = {}
    bodies: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "__mutmut_" in node.name:
            end = node.end_lineno or node.lineno
            function_at.update(dict.fromkeys(range(node.lineno, end + 1), node.name))
            first = lines[node.lineno - 1].replace(node.name.lower(), "")
            bodies[node.name] = [first, *lines[node.lineno : end]]
    said: dict[str, set[str]] = defaultdict(set)
    for error in errors:
        said[function_at.get(error["line"], "")].add(error["message"])
    for name, body in bodies.items():
        mangled, _, number = name.rpartition("__mutmut_")
        original = f"{mangled}__mutmut_orig"
        if number.isdigit():
            why = said[name] - said[original]
            if body == bodies[original]:
                why.add("text in another case")
            if why:
                yield name, min(why)


main()
