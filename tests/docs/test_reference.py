"""The API reference says all that the docstrings of a port say, wherever they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from extauth import LinkingStore, LinkStore, RefreshStore, Store

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
SHOW = "import generate, extauth, sys; kind = getattr(extauth, sys.argv[1]); {}print(*vars(kind))"


def own_names(port: type, first: str) -> set[str]:
    """Return what the generator finds in that port, in a process of its own: it changes the class."""
    code = [sys.executable, "-c", SHOW.format(first), port.__name__]
    names = subprocess.run(code, cwd=FOLDER, capture_output=True, text=True, check=True).stdout.split()
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize(
    ("port", "count"), [(RefreshStore, 7), (LinkStore, 13), (LinkingStore, 19), (Store, 21)]
)
def test_a_port_shows_the_methods_of_its_parts(port, count):
    """Most of these parts are no public names, so that their docstrings would be nowhere else."""
    methods = {name for name in dir(port) if not name.startswith("_")}
    assert len(methods) == count
    assert methods - own_names(port, "")
    assert methods == own_names(port, "generate.show_all_methods(kind); ")
