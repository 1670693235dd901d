"""Modules that are imported by name are found by programs that make one file of an application."""

from __future__ import annotations

from modulefinder import ModuleFinder
from pathlib import Path

import pytest

import extauth
from extauth.cli.commands import NAMES

SOURCE = Path(extauth.__file__).parents[1]


def found_from(module: str) -> set[str]:
    """Return what is imported from there on, as PyInstaller and cx_Freeze see it: from the bytecode alone."""
    finder = ModuleFinder(path=[str(SOURCE)])  # of extauth alone
    finder.import_hook(module)
    return set(finder.modules)


@pytest.mark.parametrize("name", ["events", "health", "inventory", "keys", "outbox", "transfer"])
def test_the_public_modules(name):
    """``extauth.events`` needs no import of its own, in a frozen application neither."""
    assert getattr(extauth, name).__name__ in found_from("extauth")


def test_the_commands():
    """Each is imported when it is asked for."""
    found = {name for name in found_from("extauth.cli.main") if name.startswith("extauth.cli.commands.")}
    assert len(found) == len(NAMES)
