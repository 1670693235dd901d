from __future__ import annotations

import subprocess
import sys

from tests.mutants.mutation import ends_what_hangs

WAITS_AFTER_THE_ALARM = """
import threading

def test_waits():
    try:
        threading.Event().wait()
    except BaseException:
        threading.Event().wait()
"""


def test_a_test_that_waits_on_after_its_alarm_ends_too(tmp_path):
    """As one does where the alarm has ended a task that it waits for."""
    (tmp_path / "test_waits.py").write_text(WAITS_AFTER_THE_ALARM)
    command = [sys.executable, "-m", "pytest", "--rootdir=.", "-p", "no:cacheprovider", *ends_what_hangs(1)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    assert "Timeout (0:00:04)!" in run.stderr
