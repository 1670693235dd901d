"""Reading files that hold secrets: only those that are nobody else's to read or to change."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from extauth.domain.errors import ConfigurationError
from extauth.domain.hidden import Hidden

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_MORE_THAN_A_GROUP_READS: Final = stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO
_ROOT: Final = 0


def in_home(path: str) -> Path:
    """Return the path, whose ``~`` at the beginning is the home folder.

    :raises ConfigurationError: if none is known: a container's user need not have a name.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        msg = f"{path} is in a home folder, and none is known here; write the whole path, or set HOME"
        raise ConfigurationError(msg) from None


def read_private(path: str | os.PathLike[str], what: str, *, advice: str = "") -> Hidden[str]:
    """Return the text of a file that is its owner's alone. It is read once, without yielding to the loop.

    One of root's may be read by a group as well, if this process is another user's: so platforms of
    containers mount secrets, and there is no other way to let it read them (libpq takes a client's key so).

    What is looked at is the file that was opened, so that nobody can put another in its place meanwhile.
    ``what`` it is begins the messages, and ``advice`` ends that of a file that cannot be read.

    :raises ConfigurationError: if it is not there, belongs to somebody else, is open to others or is no text;
        the message says what to do, and quotes nothing of it.
    """
    named = f"{what} {Path(path)}"
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            if (why := _why_not_private(os.fstat(file.fileno()))) is not None:
                msg = f"{named} {why}"
                raise ConfigurationError(msg)
            return Hidden(file.read())
    except (OSError, UnicodeDecodeError) as error:
        # The latter quotes what it could not decode.
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        msg = f"{named} cannot be read: {reason}{advice and f'; {advice}'}"
        raise ConfigurationError(msg) from None


def _why_not_private(status: os.stat_result) -> str | None:
    if not stat.S_ISREG(status.st_mode):
        return "is no file"
    if os.name != "posix":
        return None  # modes say nothing there
    if status.st_uid not in {os.geteuid(), _ROOT}:
        return "belongs to another user, who can change it: chown it to the user of this process"
    mounted = status.st_uid == _ROOT != os.geteuid()
    if not status.st_mode & (_MORE_THAN_A_GROUP_READS if mounted else _OTHERS):
        return None
    mode = stat.S_IMODE(status.st_mode)
    cure = "have it mounted with mode 0440 and the group of this process" if mounted else "chmod 600 it"
    return f"is open to others (mode {mode:04o}): {cure}, and if they may have read it, rotate"
