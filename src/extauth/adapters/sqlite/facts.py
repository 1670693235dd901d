"""What a SQLite file and what it lies on are like, for whoever asks whether that is safe. Only looks."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import stat
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, final

import attrs

from extauth.adapters.sqlite.failures import refused
from extauth.adapters.sqlite.files import cannot_open
from extauth.adapters.sqlite.sharing import SUFFIXES
from extauth.domain.errors import StoreUnavailable
from extauth.domain.hidden import HiddenText

_MOUNTS: Final = Path("/proc/self/mountinfo")
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
_TYPE_AFTER: Final = " - "
_PATIENCE: Final = 5.0
"""Seconds, for another process' write."""

_MOUNT_POINT: Final = 4
"""Fields of a line of that file (proc_pid_mountinfo(5))."""


@final
@attrs.frozen
class SqliteFacts:
    """What there is to know."""

    journal_mode: str
    modes: Mapping[str, int]
    """Of those of the three files that exist, by what stands after the database's name."""
    folder_mode: int
    owner: int
    process_user: int
    names: int
    """How many names the file has: more than one, and there are hard links to it."""
    file_system: str | None
    """The kind of file system, such as ``ext4`` or ``nfs4``; None where that cannot be told."""


async def sqlite_facts(file: HiddenText) -> SqliteFacts:
    """Look at a file that is there.

    :raises StoreUnavailable: if it cannot be read, or is no database.
    """
    try:
        return await asyncio.to_thread(_facts, file)
    except OSError:
        problem: Exception = StoreUnavailable(f"{cannot_open(file)}, and be a database")
    except sqlite3.Error as error:
        problem = refused(error, f"{cannot_open(file)}, and be a database")
    raise problem


def _facts(file: str) -> SqliteFacts:
    path = Path(file).resolve()
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=_PATIENCE)) as database:
        [journal_mode] = database.execute("PRAGMA journal_mode").fetchone()
    modes: dict[str, int] = {}
    for suffix in SUFFIXES:
        with suppress(FileNotFoundError):
            modes[suffix] = stat.S_IMODE(Path(f"{path}{suffix}").stat().st_mode)
    status = path.stat()
    return SqliteFacts(
        journal_mode=str(journal_mode),
        modes=modes,
        folder_mode=stat.S_IMODE(path.parent.stat().st_mode),
        owner=status.st_uid,
        process_user=os.geteuid() if os.name == "posix" else status.st_uid,
        names=status.st_nlink,
        file_system=file_system_of(path, _MOUNTS.read_text("utf-8", "replace") if _MOUNTS.exists() else ""),
    )


def file_system_of(path: Path, mounts: str) -> str | None:
    """Return the kind of file system that a path is on, of what Linux says of its mounts. Pure."""
    found: str | None = None
    longest = -1
    for line in mounts.splitlines():
        fields, _, after = line.partition(_TYPE_AFTER)
        parts, kinds = fields.split(), after.split()
        if len(parts) <= _MOUNT_POINT or not kinds:
            continue
        point = Path(_OCTAL.sub(lambda octal: chr(int(octal[1], 8)), parts[_MOUNT_POINT]))
        # Of several on one place the last is seen.
        if path.is_relative_to(point) and len(point.parts) >= longest:
            found, longest = kinds[0], len(point.parts)
    return found
