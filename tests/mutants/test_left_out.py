from __future__ import annotations

import fnmatch
import json
import subprocess
import sys
import tomllib

from tests.mutants.mutation import ROOT

SOURCE = """
def x_f__mutmut_orig(number: int) -> str:
    return str(number) + "!"


def x_f__mutmut_1(number: int) -> str:
    return str(number) + "XX!XX"


def x_f__mutmut_2(number: int) -> str:
    return str(number) + None


def x_g__mutmut_orig(name: str) -> str:
    return name + "Ab"


def x_g__mutmut_1(name: str) -> str:
    return name + "ab"


def x_g__mutmut_2(name: str) -> str:
    return name + "Ab" if (name) and False else ""


def x_wrong__mutmut_orig() -> int:
    return "as it was before"


def x_wrong__mutmut_1() -> int:
    return "as it was before"  # and another change
"""
CONFIGURATION = """
[tool.mypy]
strict = true
files = ["src"]
enable_error_code = ["redundant-expr"]
"""


def test_what_mypy_refuses_and_text_in_another_case_is_left_out(tmp_path):
    """Not what it says about the code as it was, or about how a mutant is written."""
    (tmp_path / "pyproject.toml").write_text(CONFIGURATION)
    module = tmp_path / "src" / "module.py"
    module.parent.mkdir()
    module.write_text(SOURCE)
    command = [sys.executable, ROOT / "tests" / "mutants" / "left_out.py"]
    report = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout)
    assert {path: [*names] for path, names in report.items()} == {
        "src/module.py": ["x_f__mutmut_2", "x_g__mutmut_1"]
    }


def test_mypy_reads_what_mutants_are_decorated_with():
    """Were it skipped, a decorated function would be untyped, and whatever calls it with nonsense refused by
    nobody: twice as many mutants would be left to the tests."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    skipped = {
        pattern
        for override in settings["overrides"]
        if override.get("follow_imports") == "skip"
        for pattern in override["module"]
    }
    assert not [each for each in skipped if fnmatch.fnmatch("mutmut.mutation.trampoline", each)]
