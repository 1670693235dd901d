"""What importing extauth brings along."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from extauth.domain import link

DRIVERS = {"aiosqlite", "asyncpg", "aiohttp", "rich", "pytest", "hypothesis", "cryptography", "httpx"}
DOMAIN = Path(link.__file__).parent


def run(script: str) -> subprocess.CompletedProcess[str]:
    """Run the script in a fresh interpreter that finds what this one finds."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )


def imported_by(statement: str) -> set[str]:
    """Return the top-level modules of a fresh interpreter after the statement."""
    script = (
        f"import sys; before = set(sys.modules); {statement}; import json; "
        "print(json.dumps(sorted({name.partition('.')[0] for name in set(sys.modules) - before})))"
    )
    told = run(script)
    assert told.returncode == 0, told.stderr
    return set(json.loads(told.stdout))


@pytest.mark.parametrize(
    "module", ["extauth", "extauth.adapters.memory", "extauth.testing.scripted.provider"]
)
def test_no_driver_is_imported(module):
    """A driver is imported when its store or client is asked for, and not before."""
    assert imported_by(f"import {module}") & DRIVERS == set()


def test_only_attrs_is_needed():
    """Beyond the standard library extauth itself needs one package."""
    others = imported_by("import extauth") - set(sys.stdlib_module_names)
    assert {name for name in others if not name.startswith("_")} == {"extauth", "attrs", "attr"}


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("refresh_races", "hypothesis", "testing"),
        ("LinkStoreContract", "pytest", "testing"),
        ("AuthorizationServer", "aiohttp", "aiohttp"),
    ],
)
def test_the_test_kit_names_the_extra_that_is_missing(name, package, extra):
    """A part of the kit that needs another package says how to install it."""
    told = run(f"import sys; sys.modules[{package!r}] = None; from extauth.testing import {name}")
    wanted = f'ModuleNotFoundError: {name} needs {package}; run: pip install "extauth[{extra}]"'
    assert told.stderr.splitlines()[-1] == wanted


def test_a_mistake_within_the_test_kit_is_not_taken_for_a_missing_extra():
    """A module of extauth's own that is not there is told as it is."""
    told = run(
        "import sys; sys.modules['extauth.testing.schedules.races'] = None;"
        " from extauth.testing import refresh_races"
    )
    assert "pip install" not in told.stderr.splitlines()[-1]
    assert "extauth.testing.schedules.races" in told.stderr.splitlines()[-1]


def test_the_domain_is_pure():
    """The domain imports values and text handling only: no I/O, no event loop, no randomness, no clock."""
    imported = set()
    for module in DOMAIN.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module)
    outside = {name for name in imported if not name.startswith("extauth.domain.")}
    assert outside <= {
        "__future__",
        "attrs",
        "base64",
        "collections.abc",
        "contextlib",
        "contextvars",  # in whose name code runs: nothing else takes it through code that is not ours
        "copyreg",
        "datetime",
        "enum",
        "hashlib",  # a token as a log may name it
        "json",
        "re",
        "types",
        "typing",
        "zlib",
    }
