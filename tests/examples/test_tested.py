"""The example that is tested in memory and on Postgres, by its own run of pytest."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from extauth.adapters.encryption import EncryptionKey
from tests.examples.programs import EXAMPLES, run

PLUGINS = ["-p", "extauth.testing.plugin", "-p", "pytest_asyncio.plugin"]
FOLDER = EXAMPLES / "tested"


def pytest_in(folder, *arguments):
    """Run pytest there with no plugins but the two that its README installs."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *PLUGINS, *arguments],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_on_the_stores_that_its_readme_names(postgres_dsn):
    """Every test passes on each store that is asked for; the one that says memory, there alone."""
    result = pytest_in(FOLDER, "--extauth-stores=memory,postgres", f"--extauth-postgres={postgres_dsn}")
    assert re.match(r"7 passed in ", result.stdout.splitlines()[-1]), result.stdout


def test_the_tests_of_the_example_can_fail(tmp_path):
    """An application that catches none of the three errors fails the three tests that cause them."""
    for path in FOLDER.glob("*.*"):
        (tmp_path / path.name).write_text(path.read_text())
    code = re.sub(r"except \w+", "except ZeroDivisionError", (FOLDER / "calendar_app.py").read_text())
    (tmp_path / "calendar_app.py").write_text(code)
    result = pytest_in(tmp_path)
    assert re.match(r"3 failed, 1 passed in ", result.stdout.splitlines()[-1]), result.stdout


def test_it_opens_what_production_says(postgres_dsn, monkeypatch):
    """The program runs on Postgres, with keys from the environment, and finds that nobody has connected."""
    settings = {
        "DATABASE_URL": postgres_dsn,
        "GOOGLE_ID": "an-id",
        "GOOGLE_SECRET": "made-up",
        "EXTAUTH_KEYS": EncryptionKey.generate("example").reveal(),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert run("tested/calendar_app.py") == "Connect your calendar.\n"
