"""What importing extauth brings along."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import extauth
from extauth.domain import link

DRIVERS = {"aiosqlite", "asyncpg", "aiohttp", "rich", "pytest", "hypothesis", "cryptography", "httpx"}
INIT = Path(extauth.__file__)
DOMAIN = Path(link.__file__).parent


def run(script: str) -> subprocess.CompletedProcess[str]:
    """Run the script in a fresh interpreter that finds what this one finds."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )


def modules_after(statement: str) -> set[str]:
    """Return the modules that the statement imports in a fresh interpreter."""
    told = run(f"import sys; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)")
    assert told.returncode == 0, told.stderr
    return set(told.stdout.split())


def imported_by(statement: str) -> set[str]:
    """Return the top-level ones of them."""
    return {name.partition(".")[0] for name in modules_after(statement)}


@pytest.mark.parametrize(
    "module", ["extauth", "extauth.adapters.memory", "extauth.testing.scripted.provider"]
)
def test_no_driver_is_imported(module):
    """A driver is imported when its store or client is asked for, and not before."""
    assert imported_by(f"import {module}") & DRIVERS == set()


EVERYTHING = "from extauth import *; from extauth import open"


def test_only_attrs_is_needed():
    """Beyond the standard library extauth itself needs one package."""
    others = imported_by(EVERYTHING) - set(sys.stdlib_module_names)
    assert {name for name in others if not name.startswith("_")} == {"extauth", "attrs", "attr"}


def test_importing_extauth_imports_nothing():
    """It waits for nothing but itself: no asyncio, no attrs, and no module of its own."""
    imported = modules_after("import extauth")
    heavy = {"asyncio", "attr", "attrs", "dataclasses", "datetime", "hashlib", "inspect", "json", "logging"}
    assert {name for name in imported if name.startswith("extauth")} == {"extauth"}
    assert {name.partition(".")[0] for name in imported} & (heavy | HEAVY | DRIVERS) == set()


HEAVY = {
    "argparse",
    "ctypes",
    "decimal",
    "email",
    "http",
    "importlib.metadata",
    "multiprocessing",
    "sqlite3",
    "statistics",
    "tempfile",
    "unittest",
    "urllib.request",
    "uuid",
    "xml",
    "zoneinfo",
}
"""Of the standard library; asyncio imports none of them."""


def test_all_that_is_public_imports_nothing_heavy():
    """Whatever of extauth's own names is used, no driver and nothing heavy comes along."""
    imported = modules_after(EVERYTHING)
    assert "extauth.front_door" in imported
    assert imported & (HEAVY | DRIVERS) == set()


def test_what_imports_extauth_where_asyncio_is_not():
    """The heavy modules above are those that asyncio and attrs do not import anyway."""
    assert modules_after("import asyncio, attrs") & HEAVY == set()


def test_the_names_are_where_the_type_checker_believes():
    """What a name is at run time is what it is imported from for type checkers, and nothing is left out."""
    block = next(node for node in ast.parse(INIT.read_text()).body if isinstance(node, ast.If))
    told = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    modules = {name for name, module in told.items() if module == "extauth"}
    assert modules == set(extauth._SUBMODULES)
    told = {name: module for name, module in told.items() if name not in modules}
    assert told == extauth._MODULES
    assert sorted(told) == sorted([*extauth.__all__, "open"])
    for name, module in told.items():
        assert getattr(extauth, name) is getattr(import_module(module), name)


def test_a_name_that_there_is_not():
    """It is an ``AttributeError`` with the name, which Python mends by what is alike."""
    with pytest.raises(AttributeError, match="'extauth' has no attribute 'Aut'") as caught:
        _ = extauth.Aut
    assert (caught.value.name, caught.value.obj) == ("Aut", extauth)
    assert not hasattr(extauth, "__wrapped__")


def test_what_is_imported_late_is_listed():
    """``dir`` and so a shell's completion know every public name before it is used."""
    told = run("import extauth; print(set(extauth.__all__) | {'open', '__version__'} <= set(dir(extauth)))")
    assert told.stdout == "True\n", told.stderr


def test_public_modules_are_found_without_an_import_of_their_own():
    """Applications that say extauth.events after import extauth alone go on working."""
    told = run("import extauth; print(extauth.events.__name__, 'keys' in dir(extauth))")
    assert told.stdout == "extauth.events True\n", told.stderr


def test_a_class_pickles_by_its_own_place():
    """Who unpickles needs no ``import extauth`` to have gone before."""
    told = run(
        "import pickle, extauth; pickled = pickle.dumps((extauth.LinkKey('p', 'u'), extauth.open));"
        " print(pickle.loads(pickled) == (extauth.LinkKey('p', 'u'), extauth.open))"
    )
    assert told.stdout == "True\n", told.stderr


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
        "collections",
        "collections.abc",
        "contextlib",
        "contextvars",
        "re",  # in whose name code runs: nothing else takes it through code that is not ours
        "copyreg",
        "datetime",
        "enum",
        "functools",
        "hashlib",  # a token as a log may name it
        "inspect",  # which keywords a store or provider knows
        "json",
        "types",
        "typing",
        "weakref",  # whoever hears of writes is kept alive by nobody
        "zlib",
    }
