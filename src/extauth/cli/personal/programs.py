"""Becoming another program, with a token in its environment."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence
from typing import Final

from extauth.cli.exit_codes import CANNOT_RUN, NO_PROGRAM
from extauth.cli.output import warn
from extauth.domain.hidden import Hidden
from extauth.domain.linking import ACCOUNT_SEPARATOR

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IGNORED_BY_PYTHON: Final = ("SIGPIPE", "SIGXFSZ", "SIGXFZ")


def variable_for(provider_id: str) -> str:
    """Return the variable that a provider's token goes into if nobody says: ``GITHUB_TOKEN``."""
    name = re.sub(r"[^A-Z0-9]", "_", provider_id.partition(ACCOUNT_SEPARATOR)[0].upper())
    return f"_{name}_TOKEN" if name[:1].isdigit() else f"{name}_TOKEN"


def checked_variable(name: str) -> str:
    """Return the name of an environment variable.

    :raises ValueError: if it cannot be one.
    """
    if not _NAME.fullmatch(name):
        msg = "--env must be the name of a variable: letters, digits and _, not beginning with a digit"
        raise ValueError(msg)
    return name


def become(program: Sequence[str], variable: str, token: Hidden[str]) -> int:
    """Replace this process by the program: it gets each signal and ends with its own exit code.

    Returns only if that cannot be done: with 127 if there is no such program, and 126 if it cannot be run,
    as a shell does.
    """
    environment = {**os.environ, variable: token.value}
    for name in _IGNORED_BY_PYTHON:  # and what is ignored stays so in another program
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execvpe(program[0], list(program), environment)  # noqa: S606 - what the user asks for
    except (FileNotFoundError, NotADirectoryError):
        warn(f"run: there is no program {program[0]}")
        return NO_PROGRAM
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a NUL is in it"
        warn(f"run: {program[0]} cannot be run: {reason}")
        return CANNOT_RUN
