"""The files of a database, which nobody but their owner may read."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from extauth.adapters.sqlite.identity import OpenFiles
from extauth.adapters.sqlite.sharing import SUFFIXES, sharing_problem
from extauth.adapters.sqlite.unseen import Unseen
from extauth.domain.errors import ConfigurationError, StoreUnavailable
from extauth.domain.hidden import HiddenText

_log = logging.getLogger(__name__)

_PRIVATE = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

_NO_FILES = {"", ":memory:"}
"""SQLite's names for a database that is gone when it is closed."""


_ADDRESS = re.compile(r"(sqlite|file):|.*\?[^/?]*=", re.DOTALL)
"""How an address begins, or what stands in one: as a path it would name another file, which is made."""


def path_text(path: str | os.PathLike[str]) -> HiddenText:
    """Return a path as text; its ``repr`` is hidden: whoever puts a URL into a path has a password in it.

    :raises ValueError: for text that is an address.
    """
    if isinstance(path, str) and _ADDRESS.match(path):
        msg = (
            "SqliteLinkStore.open takes the path of a file and no options in it; give sqlite:///links.db to"
            " open_store, options by keyword, and the path of a file that has such a name as a pathlib.Path"
        )
        raise ValueError(msg)
    return HiddenText(os.fspath(path))


async def checked_files(file: str) -> None:
    """Refuse files that this process, or their owner, could not write; before SQLite makes those missing.

    :raises ConfigurationError: it says what is to be done.
    """
    if os.name != "posix" or file in _NO_FILES:
        return
    if (problem := await asyncio.to_thread(sharing_problem, file)) is not None:
        raise ConfigurationError(problem)


def watch_files(file: str, writer: Unseen, reader: Unseen) -> None:
    """Have both run nothing more once the file is another; ``writer`` also looks at those beside it.

    Not where there are no files, or where one that is open cannot be removed.
    """
    if os.name == "posix" and file not in _NO_FILES:
        reader.watch(OpenFiles(file, ("",)))
        writer.watch(OpenFiles(file))


async def made_private(file: HiddenText) -> None:
    """Make the file if there is none, readable and writable for its owner alone whatever the umask.

    SQLite gives the other two the mode of the first. A file that is there keeps its mode, which the
    application may mean; if it lets others in, that is logged. Does nothing where files have no such modes.
    What the system refuses is left to SQLite to tell. Whether it can be shared is looked at before SQLite is
    asked anything: 3.37 makes the other two for a mere question.

    :raises StoreUnavailable: if it can be no path.
    :raises ConfigurationError: as :func:`checked_files`.
    """
    if os.name != "posix" or file in _NO_FILES:
        return
    if not await asyncio.to_thread(_make_private, file):
        raise StoreUnavailable(cannot_open(file))
    await checked_files(file)


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
    for suffix in SUFFIXES:
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
    hint = ", and ~ is not expanded" if file.startswith("~") else ""
    return f"cannot open the SQLite file{shown}; its folder must exist and be writable{hint}"
