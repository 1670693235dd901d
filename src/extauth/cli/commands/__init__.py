"""The commands of ``extauth``, each a module with its ``COMMAND``.

A new one is a module here, and a line below and in :data:`NAMES`. Each is imported when it is asked for: it
runs as a process, whose start a person waits for.
"""

# pyright: reportUnusedImport=false

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

from extauth.cli.command import Command

if TYPE_CHECKING:
    # What makes one file of an application (PyInstaller) finds them by this.
    from extauth.cli.commands import (  # noqa: F401
        audit,
        connect,
        doctor,
        export,
        forget_user,
        git_credential,
        import_,
        keys,
        links,
        migrate,
        outbox,
        refresh,
        restored,
        retry,
        rotate,
        run,
        schema,
        serve,
        show,
        token_,
        unlink,
        upkeep,
    )

NAMES: Final = (
    "connect",
    "token",
    "run",
    "git-credential",
    "serve",
    "links",
    "show",
    "refresh",
    "retry",
    "restored",
    "unlink",
    "forget-user",
    "upkeep",
    "outbox",
    "keys",
    "rotate",
    "import",
    "export",
    "audit",
    "migrate",
    "schema",
    "doctor",
)
"""In the order in which ``extauth --help`` lists them."""

_OTHERWISE: Final = {"token": "token_", "import": "import_"}
"""Modules that cannot be, or had better not be, called as the command is."""


def command_of(name: str) -> Command:
    """Return the command of that name, which is one of :data:`NAMES`."""
    module = _OTHERWISE.get(name, name.replace("-", "_"))
    return cast("Command", import_module(f"{__name__}.{module}").COMMAND)


def every_command() -> Sequence[Command]:
    """Return all, in their order."""
    return [command_of(name) for name in NAMES]
