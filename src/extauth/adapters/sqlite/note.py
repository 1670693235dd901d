"""The note beside a SQLite file: which history the file was in last, so that an older state of it is told.

The file itself cannot say: a backup that is put back is right in all that it says of itself. So both keep the
same mark, which is replaced now and then; who finds another one in the file has an older state, or a copy.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final, final

import attrs

SUFFIX: Final = "-history"
"""What the note's name has after the database's."""

_WORDS = 3


@final
@attrs.frozen
class Note:
    """What it says."""

    name: str
    """Of the history."""
    marks: tuple[str, ...]
    """Those that the file may have, the newest first."""

    @classmethod
    def begun(cls, name: str) -> Note:
        """Return the first one of a history."""
        return cls(name, (_mark(),))

    def renewed(self) -> Note:
        """Return it with another mark, beside the one that a power cut may leave the file with."""
        return Note(self.name, (_mark(), *self.marks[:1]))

    @property
    def newest(self) -> str:
        """What the file is to keep."""
        return f"{self.name} {self.marks[0]}"

    def covers(self, kept: str) -> bool:
        """Whether that is what the file of this note may keep."""
        return kept in {f"{self.name} {mark}" for mark in self.marks}


def read_note(file: str) -> Note | None:
    """Return the note of a database, if there is one that can be read as such.

    :raises OSError: if the system refuses.
    """
    try:
        words = _path(file).read_text("ascii").split()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return Note(words[0], tuple(words[1:])) if 1 < len(words) <= _WORDS else None


def name_of(note: Note | None, kept: str | None) -> str:
    """Return the name of the history that a file has which keeps that: the note's, if they belong together.

    Else the same one to everybody who looks at both.
    """
    if note is not None and kept is not None and note.covers(kept):
        return note.name
    told = f"{'' if note is None else note.newest}/{kept or ''}"
    return blake2b(told.encode(), digest_size=8).hexdigest()


def write_note(file: str, note: Note) -> None:
    """Put it in the place of the one before, and on the disk, for whoever may use the database.

    :raises OSError: if the system refuses.
    """
    path = _path(file)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    database = os.stat(file)  # noqa: PTH116 - as SQLite does, whatever the path is
    mode = stat.S_IMODE(database.st_mode)
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0), mode)
    with os.fdopen(descriptor, "w") as opened:
        if hasattr(os, "fchmod"):
            with suppress(OSError):  # whoever is not in its group gives it to their own
                os.fchown(descriptor, -1, database.st_gid)
            os.fchmod(descriptor, mode)  # whatever the umask
        opened.write(" ".join((note.name, *note.marks)) + "\n")
        opened.flush()
        os.fsync(descriptor)
    new.replace(path)
    _sync_folder(path.parent)


def _mark() -> str:
    return secrets.token_hex(8)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _path(file: str) -> Path:
    return Path(os.path.realpath(file) + SUFFIX)
