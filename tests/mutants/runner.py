"""mutmut, as it runs here: what it does otherwise makes mutants cost many times as much.

- The tests of each mutant run in the order of how likely and how soon they are its death: those of the module
  first, then of each file in turn; those that reach few functions before those that reach many, the slow ones
  last. Where a server forks the processes, mutmut has them in no order.
- Tests are collected once, where they may be imported beforehand. For each mutant pytest began anew, and
  looked for hundreds of tests of which one or two ran. What fails without the mutant, too, is no verdict.
- Mutants that no test need see are found by ``left_out.py``; mutmut takes longer than mypy to read what mypy
  says, and cannot read what that says of its trampolines.
- What is imported beforehand is left to the collector no more: each process looked through all of it, and so
  copied it, several times.
- A mutant has a long time by the clock, because the machine may have others to serve; what counts is that of
  the processor.
- Which tests reach which function is found out once, and that is the run without a mutant, too. A test that
  fails in it is told of and shown to no mutant, rather than ending it all.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import chain, zip_longest
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from _pytest.config import _prepareconfig
from mutmut import __main__ as program
from mutmut.configuration import ForkServerWarmup, config
from mutmut.mutation.file_mutation import FailedTypeCheckMutant, MutatedMethodLocation
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.runners.harness import PytestRunner
from mutmut.state import state
from mutmut.type_checking import TypeCheckingError
from mutmut.utils.file_utils import change_cwd
from mutmut.utils.format_utils import get_mutant_name
from mutmut.workers import isolation, timeout
from mutmut.workers.isolation import ForkServerRunner

_submit = ForkServerRunner.submit
_execute_pytest = PytestRunner.execute_pytest
_run_tests = PytestRunner.run_tests
_warm_up = PytestRunner.warm_up
_register_timeout = timeout.register_timeout

_SLOW = 0.25
"""Seconds."""
_HANGS = 15.0
"""From so many seconds on, on a test that took less than ``_SLOW`` before."""
_TOLD_TO_FAIL = 20
"""Tests, of which one must."""
_OTHERS_TO_SERVE = 20
"""How many times as long as it has alone."""


_collected: dict[str, pytest.Item] = {}
_kept: list[object] = []
"""Files that a test would be blamed for not having closed."""
_NO_VERDICT = -1
"""Has it tried again with tests that it imports itself."""


@cache
def _reached() -> Counter[str]:
    """How many functions each test reaches."""
    return Counter(chain.from_iterable(state().tests_by_mangled_function_name.values()))


def _cost(test: str) -> tuple[bool, bool, int, float]:
    """A database of one's own takes time, too, which is not counted."""
    seconds = state().duration_by_test[test]
    return "postgres" in test, seconds > _SLOW, _reached()[test], seconds


def _likeliest_first(
    self: ForkServerRunner, mutant_name: str, tests: list[str], cpu_time_limit: int, estimated_time: float
) -> None:
    module = mutant_name.partition(".x")[0].rpartition(".")[2]
    _submit(self, mutant_name, _in_turns(module, tests), cpu_time_limit, estimated_time)


def _in_turns(module: str, tests: Iterable[str]) -> list[str]:
    """Those in a file that is named after the module, and then one of each file after the other: what whoever
    opens a store passes through is reached by all, and few of a file say as much as the rest of it."""
    seen: Counter[str] = Counter()
    turns: list[tuple[bool, bool, int, tuple[bool, bool, int, float], str]] = []
    for test in sorted(tests, key=_cost):
        file = test.partition("::")[0]
        is_its_own = file.endswith((f"/test_{module}.py", f"_{module}.py"))
        turns.append((not is_its_own, state().duration_by_test[test] > _SLOW, seen[file], _cost(test), test))
        seen[file] += 1
    return [test for *_, test in sorted(turns)]


def _collected_once(self: PytestRunner) -> None:
    if config().forkserver_warmup != ForkServerWarmup.COLLECT:
        _warm_up(self)
    else:
        _kept.append(sys.stdout)
        options = ["--rootdir=.", "--tb=native", "-q", *self._pytest_add_cli_args]
        with change_cwd("mutants"):
            session = pytest.Session.from_config(
                _prepareconfig([*options, *self._pytest_add_cli_args_test_selection])
            )
            session.config._do_configure()
            session.config.hook.pytest_sessionstart(session=session)
            session.config.hook.pytest_collection(session=session)
        _collected.update({item.nodeid: item for item in session.items})
    gc.collect()
    gc.freeze()


def _of_those_collected(self: PytestRunner, *, mutant_name: str | None, tests: Iterable[str]) -> int:
    if not (_collected and mutant_name):
        return _run_tests(self, mutant_name=mutant_name, tests=tests)
    _kept.append(sys.stdout)
    items = [_collected[test] for test in tests]
    with change_cwd("mutants"):
        for item, following in zip_longest(items, items[1:]):
            began = monotonic()
            if _fails(item, following):
                hangs = monotonic() - began > _HANGS and state().duration_by_test[item.nodeid] <= _SLOW
                return 1 if hangs or _passes_without(item) else _NO_VERDICT
    return 0


def _passes_without(item: pytest.Item) -> bool:
    """Whether a test that has failed passes without the mutant."""
    # What the mutant has begun may never end, and pytest's own alarm is about tests alone.
    faulthandler.dump_traceback_later(_HANGS, exit=True, file=2)
    item.session._setupstate.teardown_exact(None)
    faulthandler.cancel_dump_traceback_later()
    set_mutant_under_test("")
    return not _fails(item, None)


def _fails(item: pytest.Item, following: pytest.Item | None) -> bool:
    failures = item.session.testsfailed
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    return item.session.testsfailed > failures


def _one_that_fails(self: ForkServerRunner) -> int:
    """Without a mutant, and told to fail: any test that reaches a function will do. One alone may be said to
    reach what the test before it had left to be done."""
    quickest = sorted(_reached(), key=_cost)[:_TOLD_TO_FAIL]
    return self._exit_code_from_child(lambda child: child.run_tests(mutant_name=None, tests=quickest))


def _patiently(pid: int, timeout_s: float) -> None:
    _register_timeout(pid, timeout_s * _OTHERS_TO_SERVE)


def _clean(self: ForkServerRunner, tests: Iterable[str]) -> int:
    return 0


def _left_out() -> dict[str, FailedTypeCheckMutant]:
    command = [sys.executable, str(Path(__file__).with_name("left_out.py"))]
    found = subprocess.run(command, cwd="mutants", stdout=subprocess.PIPE, check=True)
    return {
        (key := get_mutant_name(Path(path), name)): FailedTypeCheckMutant(
            MutatedMethodLocation(Path(path), name, 0, 0), key, TypeCheckingError(Path(path), 0, why)
        )
        for path, reasons in json.loads(found.stdout).items()
        for name, why in reasons.items()
    }


class _Failures:
    """Which tests fail, or end in an error."""

    def __init__(self) -> None:
        self.tests: set[str] = set()

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.tests.add(report.nodeid)


def _all_that_pass(
    self: PytestRunner, params: list[str], plugins: Iterable[object] = (), **others: Any
) -> int:
    if os.environ["MUTANT_UNDER_TEST"] != "stats":
        return _execute_pytest(self, params, plugins=plugins, **others)
    failures = _Failures()
    code = _execute_pytest(
        self, [each for each in params if each != "-x"], plugins=[*plugins, failures], **others
    )
    if code not in {0, 1}:
        return code
    for test in failures.tests:
        print(f"fails without a mutant, so it is shown to none: {test}", file=sys.__stderr__)
        state().duration_by_test.pop(test, None)
        for tests in state().tests_by_mangled_function_name.values():
            tests.discard(test)
    return 0


_OURS = (
    (program, "filter_mutants_with_type_checker", _left_out),
    (isolation, "register_timeout", _patiently),
    (ForkServerRunner, "submit", _likeliest_first),
    (ForkServerRunner, "run_clean_tests", _clean),
    (ForkServerRunner, "run_forced_fail", _one_that_fails),
    (PytestRunner, "run_tests", _of_those_collected),
    (PytestRunner, "warm_up", _collected_once),
    (PytestRunner, "execute_pytest", _all_that_pass),
)

for owner, name, ours in _OURS:
    setattr(owner, name, ours)
program.cli()
