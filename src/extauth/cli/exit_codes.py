"""What the exit code of a command says."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Final

OK: Final = 0
FOUND: Final = 1
"""Something was found that somebody should see to, or the provider or the user's grant refused."""
USAGE: Final = 2
NOT_FOUND: Final = 3
TEMPORARY: Final = 4
"""Try again later."""
CONFIGURATION: Final = 5
INTERNAL: Final = 70
"""A mistake in extauth (EX_SOFTWARE of sysexits.h)."""
CANNOT_RUN: Final = 126
NO_PROGRAM: Final = 127
"""What a shell reports for a program that is not executable, and for one that is not there."""
INTERRUPTED: Final = 128 + signal.SIGINT
TERMINATED: Final = 128 + signal.SIGTERM
"""What a shell reports for a command that such a signal ended."""
PIPE_CLOSED: Final = 128 + 13
"""What a shell reports for SIGPIPE, which not every system has."""

MEANINGS: Final[Mapping[int, str]] = {
    OK: "done",
    FOUND: "something was found that needs somebody, or was refused",
    USAGE: "the command line is wrong",
    NOT_FOUND: "there is no such link or user",
    TEMPORARY: "the store or the provider is not available now; try again later",
    CONFIGURATION: "the deployment must be mended: address, keys, schema, rights, providers, client",
    INTERNAL: "a mistake in extauth; please report it",
    CANNOT_RUN: "of `run`: the program cannot be run",
    NO_PROGRAM: "of `run`: there is no such program",
    INTERRUPTED: "interrupted by Ctrl-C; what was done is said, and the same command goes on",
    PIPE_CLOSED: "whoever read the output has ended",
    TERMINATED: "ended by SIGTERM, likewise",
}
