from __future__ import annotations

import json

from tests.mutants.mutation import (
    _copy_project,
    _forget_survivors,
    _is_about,
)

MODULES = ["domain/link.py"]


def test_an_earlier_run_of_the_same_modules_of_the_same_code_is_gone_on_with(tmp_path):
    """Not one of other modules, nor one of code that has changed since, nor where there was none."""
    assert not _is_about(tmp_path, MODULES)
    _copy_project(tmp_path, MODULES)
    assert _is_about(tmp_path, MODULES)
    assert not _is_about(tmp_path, ["domain/events.py"])
    with (tmp_path / "src" / "extauth" / "domain" / "link.py").open("a") as file:
        file.write("# changed\n")
    assert not _is_about(tmp_path, MODULES)


def test_survivors_are_tried_again_and_no_others(tmp_path):
    """Also those that no test reached, for which pytest ran none, or for which the time was up."""
    meta = tmp_path / "link.py.meta"
    codes = {
        "survived": 0,
        "no tests": 33,
        "ran none": 255,
        "time up": -24,
        "killed": 1,
        "refused": 37,
        "not tried": None,
    }
    meta.write_text(json.dumps({"exit_code_by_key": codes, "other": 1}))
    _forget_survivors([meta, tmp_path / "never made.meta"])
    again = {**codes, "survived": None, "no tests": None, "ran none": None, "time up": None}
    assert json.loads(meta.read_text()) == {"exit_code_by_key": again, "other": 1}
