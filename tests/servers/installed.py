"""Programs of others that some tests need, and that a machine may not have."""

from __future__ import annotations

import os
import shutil

_PLACES = "/usr/sbin:/usr/local/sbin"


def installed(name: str, called: str, *, package: str | None = None) -> str:
    """Return the program: the one that ``EXTAUTH_TEST_`` and its name in capitals name, or one on the PATH.

    ``package`` is what brings it, if that has another name.

    :raises RuntimeError: if there is none.
    """
    variable = f"EXTAUTH_TEST_{name.upper()}"
    path = os.pathsep.join((os.environ.get("PATH", ""), _PLACES))
    program = os.environ.get(variable) or shutil.which(name, path=path)
    if program is None:
        msg = (
            f"no {called} to test with: install it (Debian and Ubuntu: apt install {package or name};"
            f" Homebrew: brew install {package or name}), or name the program in {variable}"
        )
        raise RuntimeError(msg)
    return program
