"""``make check``: what a reader of the guides copies as a whole passes mypy, as strict as it gets.

That is each block which begins with the name of its file, but for tests, and each that runs by itself.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WRITTEN = ROOT / "build" / "typed"
STRICT = (
    "--config-file=",
    "--strict",
    "--ignore-missing-imports",  # of frameworks that have no types, or are not installed here
    "--allow-untyped-decorators",  # theirs
    "--allow-subclassing-any",
)

_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_WHOLE = re.compile(
    r"\A# (?!test_)\w+\.py\b|^import asyncio$.*^asyncio\.run\(main\(\)\)$", re.MULTILINE | re.DOTALL
)


def whole_files() -> dict[str, str]:
    """Return them by names of their own."""
    pages = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    return {
        f"{re.sub(r'[^a-z]', '_', page.stem.lower())}_{number}.py": block
        for page in pages
        for number, block in enumerate(_BLOCK.findall(page.read_text()))
        if _WHOLE.search(block)
    }


def main() -> int:
    """Write them to build/typed, and return mypy's exit code."""
    shutil.rmtree(WRITTEN, ignore_errors=True)
    WRITTEN.mkdir(parents=True)
    files = whole_files()
    for name, text in files.items():
        (WRITTEN / name).write_text(text)
    asked = [sys.executable, "-m", "mypy", *STRICT, *files]
    return subprocess.run(asked, cwd=WRITTEN, check=False).returncode  # noqa: S603 - our own pages


if __name__ == "__main__":
    sys.exit(main())
