"""PGlite, Postgres in WebAssembly, behind its socket server."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

INSTALLED = Path(__file__).parents[2] / "build" / "pglite"
"""Where ``make pglite`` puts it."""


@contextmanager
def pglite(*, connections: int) -> Generator[str, None, None]:
    """Run an empty one that serves so many connections at a time, and yield the DSN."""
    node = shutil.which("node")
    assert node is not None, "PGlite needs Node.js"
    assert (INSTALLED / "node_modules").is_dir(), "PGlite is not installed: make pglite"
    with subprocess.Popen(
        [node, "serve.js", str(connections)],
        cwd=INSTALLED,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            where = process.stdout.readline().strip()
            assert where, "PGlite did not start"
            yield f"postgresql://postgres@{where}/postgres?sslmode=disable"
        finally:
            process.kill()
