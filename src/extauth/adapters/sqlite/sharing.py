"""Whether a database's three files can be written by this process and by their owner.

Whoever opens a database first makes its write-ahead log and the index of that, and they stay if he is killed.
Made by another user they may keep the owner from every write.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import final

import attrs

SUFFIXES = ("", "-wal", "-shm")
"""Of the database, its write-ahead log and the index of that. All three hold rows, or tell of them."""

_ROOT = 0
_ACLS = ("system.posix_acl_access", "system.posix_acl_default")


@final
@attrs.frozen
class File:
    """What is to be known of one file."""

    owner: int
    group: int
    mode: int
    ours: bool
    """Whether this process may write it."""
    by_mode: bool = True
    """Whether its mode says all: it has no access control list."""

    def lets_write(self, other: File) -> bool:
        """Whether the owner of ``other`` may write this one, as its group does."""
        return (
            not self.by_mode
            or self.owner == other.owner
            or bool(self.mode & stat.S_IWOTH)
            or bool(self.mode & stat.S_IWGRP and self.group == other.group)
        )


def problem(files: Mapping[str, File], folder: File, user: int, group: int) -> str | None:
    """Say what is to be done before a process of that user and group opens the database, if anything.

    ``files`` are those that exist, by their suffixes. What is missing is made with the mode of the database:
    by root for the database's owner (as SQLite does), in a setgid folder for its group.
    """
    database = files.get("")
    if database is None:
        return None
    for suffix, file in files.items():
        if not file.ours:
            return (
                f"user {user} may not write the SQLite {_called(suffix)}, which belongs to user {file.owner}"
                f" (mode {file.mode:04o}); {_cure(suffix, database)}"
            )
        if not file.lets_write(database):
            return (
                f"the owner of the SQLite file, user {database.owner}, may not write the {_called(suffix)},"
                f" which belongs to user {file.owner} (mode {file.mode:04o}); {_cure(suffix, database)}"
            )
    if len(files) == len(SUFFIXES):
        return None
    if not folder.ours:
        return (
            f"user {user} may not make files in the folder of the SQLite file; let it, or run as another user"
        )
    made_for = folder.group if folder.mode & stat.S_ISGID else group
    made = File(user, made_for, database.mode, ours=True, by_mode=folder.by_mode)
    if user == _ROOT or made.lets_write(database):
        return None
    return (
        f"user {user} would leave a write-ahead log that the owner of the SQLite file, user {database.owner},"
        " may not write; run as that user, or share the file by a group: chgrp the file and its folder to it,"
        " chmod 660 the file and chmod 2770 the folder"
    )


def _called(suffix: str) -> str:
    return f"file with {suffix} after its name" if suffix else "file"


def _cure(suffix: str, database: File) -> str:
    if not suffix:
        return "run as that user, or let it write the file and its folder"
    return (
        f"end the processes that have the database open, chown it to {database.owner}:{database.group} and"
        f" chmod it {database.mode:04o}, as the database; do not remove it, it may hold tokens"
    )


def sharing_problem(path: str) -> str | None:
    """Look at the files, in a thread, and say what is to be done before they are used, if anything."""
    path = os.path.realpath(path)  # those beside it are beside what a symbolic link leads to
    files: dict[str, File] = {}
    for suffix in SUFFIXES:
        try:
            files[suffix] = _looked_at(path + suffix)
        except OSError:  # it is not there, or not to be seen, which SQLite will tell
            continue
    try:
        folder = _looked_at(str(Path(path).parent))
    except OSError:
        return None
    return problem(files, folder, os.geteuid(), os.getegid())


def _looked_at(path: str) -> File:
    status = Path(path).stat()
    needed = os.W_OK | (os.X_OK if stat.S_ISDIR(status.st_mode) else os.R_OK)
    ours = os.access(path, needed, effective_ids=os.access in os.supports_effective_ids)
    return File(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode), ours, not _has_acl(path))


def _has_acl(path: str) -> bool:
    if not hasattr(os, "listxattr"):
        return False
    try:
        return any(name in _ACLS for name in os.listxattr(path))
    except OSError:
        return False
