"""The files of a database, which nobody but their owner may read."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

from extauth.domain.errors import StoreUnavailable
from extauth.domain.hidden import HiddenText

_log = logging.getLogger(__name__)

_PRIVATE = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SUFFIXES = ("", "-wal", "-shm")
"""Of the database, its write-ahead log and the index of that. All three hold rows, or tell of them."""


_NO_FILES = {"", ":memory:"}
"""SQLite's names for a database that is gone when it is closed."""


async def made_private(file: HiddenText) -> None:
    """Make the file if there is none, readable and writable for its owner alone whatever the umask.

    SQLite gives the other two the mode of the first. A file that is there keeps its mode, which the
    application may mean; if it lets others in, that is logged. Does nothing where files have no such modes.
    What the system refuses is left to SQLite to tell.

    :raises StoreUnavailable: if it can be no path.
    """
    if os.name != "posix" or file in _NO_FILES:
        return
    if not await asyncio.to_thread(_make_private, file):
        raise StoreUnavailable(cannot_open(file))


def _make_private(file: str) -> bool:
    """Do that in a thread; False for what can be no path. An error would quote it in asyncio's debug log."""
    try:
        # SQLite follows symbolic links, also to a file that is yet to be made.
        target = os.path.realpath(file)
    except ValueError:
        return False
    try:
        made = os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, _PRIVATE)
    except FileExistsError:
        _warn_of_wide(target)
    except OSError:
        pass
    else:
        try:
            os.fchmod(made, _PRIVATE)  # a umask may even take the owner's rights away
        finally:
            os.close(made)
    return True


def _warn_of_wide(target: str) -> None:
    for suffix in _SUFFIXES:
        with suppress(OSError):
            mode = stat.S_IMODE(Path(target + suffix).stat().st_mode)
            if mode & _OTHERS:
                _log.warning(
                    "other users of this machine may use the SQLite file of the links (mode %04o), and tokens"
                    " are in it; run chmod 600 on it, and on those with -wal and -shm after its name",
                    mode,
                )
                return


def cannot_open(file: str) -> str:
    """Say so. A path with an @ in it is not repeated: it may be a database's URL, with a password."""
    shown = "" if "@" in file or not file.isprintable() else f" {file}"
    return f"cannot open the SQLite file{shown}; its folder must exist and be writable"
