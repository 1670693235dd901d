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


def imported_by(statement: str) -> set[str]:
    """Return the top-level modules of a fresh interpreter after the statement."""
    script = (
        f"import sys; before = set(sys.modules); {statement}; import json; "
        "print(json.dumps(sorted({name.partition('.')[0] for name in set(sys.modules) - before})))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    told = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    return set(json.loads(told.stdout))


@pytest.mark.parametrize(
    "module", ["extauth", "extauth.adapters.memory", "extauth.testing.scripted_provider"]
)
def test_no_driver_is_imported(module):
    """A driver is imported when its store or client is asked for, and not before."""
    assert imported_by(f"import {module}") & DRIVERS == set()


def test_only_attrs_is_needed():
    """Beyond the standard library extauth itself needs one package."""
    others = imported_by("import extauth") - set(sys.stdlib_module_names)
    assert {name for name in others if not name.startswith("_")} == {"extauth", "attrs", "attr"}


def test_the_domain_is_pure():
    """The domain imports values and text handling only: no I/O, no event loop, no randomness, no clock."""
    imported = set()
    for module in DOMAIN.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module)
    outside = {name for name in imported if not name.startswith("extauth.domain.")}
    assert outside <= {
        "__future__",
        "attrs",
        "collections.abc",
        "copyreg",
        "datetime",
        "json",
        "typing",
        "zlib",
    }
