from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.mutants.mutation import ROOT, ends_what_hangs

WAITS_AFTER_THE_ALARM = """
import threading

def test_waits():
    try:
        threading.Event().wait()
    except BaseException:
        threading.Event().wait()
"""

FAILS_AND_WAITS = """
import threading
import pytest

@pytest.fixture
def begun():
    yield
    threading.Event().wait()

def test_fails(begun):
    raise AssertionError
"""


@pytest.mark.parametrize("waits", [WAITS_AFTER_THE_ALARM, FAILS_AND_WAITS], ids=["waits", "fails and waits"])
def test_a_test_that_waits_on_ends_too(tmp_path, waits):
    """As one does where the alarm has ended a task that it waits for, or whose fixture waits for what a test
    that failed had begun."""
    (tmp_path / "conftest.py").write_text("from tests.support.alarms import pytest_runtest_teardown")
    (tmp_path / "test_waits.py").write_text(waits)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "--rootdir=.", "-p", "no:cacheprovider", *ends_what_hangs(1)]
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 1
    assert "Timeout (0:00:04)!" in run.stderr
