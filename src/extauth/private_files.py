"""Reading files that hold secrets: only those that are nobody else's to read or to change."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from extauth.domain.errors import ConfigurationError
from extauth.domain.hidden import Hidden

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def read_private(path: str | os.PathLike[str], what: str, *, advice: str = "") -> Hidden[str]:
    """Return the text of a file that is its owner's alone. It is read once, without yielding to the loop.

    What is looked at is the file that was opened, so that nobody can put another in its place meanwhile.
    ``what`` it is begins the messages, and ``advice`` ends that of a file that cannot be read.

    :raises ConfigurationError: if it is not there, belongs to somebody else, is open to others or is no text;
        the message says what to do, and quotes nothing of it.
    """
    named = f"{what} {Path(path)}"
    try:
        with Path(path).open(encoding="utf-8") as file:
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
    if status.st_uid not in {os.geteuid(), 0}:
        return "belongs to another user, who can change it: chown it to the user of this process"
    if status.st_mode & _OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        return f"is open to others (mode {mode:04o}): chmod 600 it, and if they may have read it, rotate"
    return None
