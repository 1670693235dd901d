#!/usr/bin/env bash
# pytest-timeout 2.4.0 with pytest-asyncio 1.5.0 and pytest 9.2.0: a limit for tests, and tasks of asyncio.
#
# pytest-timeout says that a test which takes longer than its limit fails (with its signal method, the default on Linux), and goes on
# with the next.
#
# A good guess: so does a test of asyncio. At worst the traceback is of whatever ran when the alarm rang.
# What happens: if a task of the loop runs when the alarm rings, the failure is raised in there, and is that task's outcome. The alarm
# rings once. A test that only waits for the task to end, as `asyncio.wait` does, passes after its limit; one that waits for something
# that the task would have done waits on, with no limit any more. The same work in the test's own coroutine fails as told.
#
# For users of extauth: a suite in which a server or a worker runs as a task needs a second limit, of the process: pytest's own
# `faulthandler_timeout` with `faulthandler_exit_on_timeout`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pytest==9.2.0 pytest-asyncio==1.5.0 pytest-timeout==2.4.0
cat > "$folder/test_limits.py" <<'PYTHON'
import asyncio
import time

import pytest


def work(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


async def worker() -> None:
    work(6)


@pytest.mark.timeout(4)
async def test_that_works_itself() -> None:
    work(6)


@pytest.mark.timeout(4)
async def test_that_waits_for_a_worker() -> None:
    task = asyncio.create_task(worker())
    await asyncio.wait({task})
    error = task.exception()
    print(f"the worker's outcome: {type(error).__name__}: {str(error).splitlines()[0]}")
PYTHON
cd "$folder"
"$folder/venv/bin/python" -m pytest -q -rA -p no:cacheprovider -o asyncio_mode=auto -o asyncio_default_fixture_loop_scope=function test_limits.py > seen.txt || true
grep -E "^(PASSED|FAILED)|the worker's outcome" seen.txt
grep -q "^FAILED test_limits.py::test_that_works_itself" seen.txt
grep -q "^PASSED test_limits.py::test_that_waits_for_a_worker" seen.txt
grep -q "^the worker's outcome: Failed: Timeout" seen.txt
