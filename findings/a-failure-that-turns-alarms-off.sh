#!/usr/bin/env bash
# pytest 9.2.0 with pytest-timeout 2.4.0: limits for tests, and what a test that failed has still to put away.
#
# pytest-timeout says that its limit is for the whole test, fixtures included; pytest's `faulthandler_timeout` dumps tracebacks, and with
# `faulthandler_exit_on_timeout` ends the process, if a test takes longer, fixture setup and teardown included.
#
# A good guess: so a fixture that takes too long to put its things away is told of, whatever became of the test itself.
# What happens: the first exception that a test raises turns both off, since a debugger may be started for it, and they are not turned on
# again for the teardown, where no debugger was started. The same fixture is told of by both after a test that passes, and by neither
# after one that fails.
#
# For users of extauth: where a failing test leaves a refresh under way that a fixture then waits for, nothing ends the run. A hook of one's
# own, `pytest_runtest_teardown`, can set `faulthandler.dump_traceback_later` again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pytest==9.2.0 pytest-timeout==2.4.0
cat > "$folder/test_teardown.py" <<'PYTHON'
import time
from collections.abc import Generator

import pytest


@pytest.fixture
def slow_to_put_away() -> Generator[None, None, None]:
    yield
    time.sleep(4)


@pytest.mark.usefixtures("slow_to_put_away")
def test_that_passes() -> None:
    pass


@pytest.mark.usefixtures("slow_to_put_away")
def test_that_fails() -> None:
    raise AssertionError
PYTHON
cd "$folder"
run() { "$folder/venv/bin/python" -m pytest -q -rA -p no:cacheprovider "$@" test_teardown.py > seen.txt 2>&1 || true; }

run --timeout=2
echo "pytest-timeout, 2 s, of a teardown that takes 4 s:"
grep -E "^(PASSED|FAILED|ERROR) " seen.txt
grep -q "^ERROR test_teardown.py::test_that_passes - Failed: Timeout" seen.txt
grep -q "^FAILED test_teardown.py::test_that_fails - AssertionError" seen.txt
! grep -q "^ERROR test_teardown.py::test_that_fails" seen.txt

for name in passes fails; do
  run -p no:timeout -o faulthandler_timeout=2 -k "$name"
  echo "faulthandler_timeout, 2 s, after a test that $name: $(grep -c 'Timeout (0:00:02)!' seen.txt || true) dump(s)"
  test "$(grep -c 'Timeout (0:00:02)!' seen.txt || true)" = "$([ "$name" = passes ] && echo 1 || echo 0)"
done
