"""Noticing that a database's files are no longer those that were opened.

A file that is removed stays with whoever has it open. What is written to it then is gone with the process.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import final

from extauth.adapters.sqlite.sharing import SUFFIXES

REPLACED = (
    "the SQLite file, or one of those with -wal and -shm after its name, was removed or replaced while it was"
    " open, so that nothing more is kept; put it back if it was moved, and restart every process that uses it"
)


@final
class OpenFiles:
    """Some of the files of a database as they were when it was opened, by device and inode.

    ``path`` may be a symbolic link, which may be turned. What SQLite makes is beside the file that it names.
    """

    def __init__(self, path: str, suffixes: Sequence[str] = SUFFIXES) -> None:
        given, real = os.path.abspath(path), os.path.realpath(path)  # noqa: PTH100 - no link is to be followed
        self._paths = [real + suffix if suffix else given for suffix in suffixes]
        self._seen = [*map(_identity, self._paths)]

    def replaced(self) -> bool:
        """Whether one is another file by now, or gone. Takes a system call for each."""
        return [*map(_identity, self._paths)] != self._seen


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - Path is half of the time that this takes
    except OSError:
        return None
    return status.st_dev, status.st_ino
