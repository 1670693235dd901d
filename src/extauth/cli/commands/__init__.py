"""The commands of ``extauth``, each a module with its ``COMMAND``.

A new one is a module here and a line in :data:`COMMANDS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from extauth.cli.command import Command
from extauth.cli.commands import (
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

COMMANDS: Final[Sequence[Command]] = (
    connect.COMMAND,
    token_.COMMAND,
    run.COMMAND,
    git_credential.COMMAND,
    serve.COMMAND,
    links.COMMAND,
    show.COMMAND,
    refresh.COMMAND,
    retry.COMMAND,
    unlink.COMMAND,
    forget_user.COMMAND,
    upkeep.COMMAND,
    outbox.COMMAND,
    keys.COMMAND,
    rotate.COMMAND,
    import_.COMMAND,
    export.COMMAND,
    audit.COMMAND,
    migrate.COMMAND,
    schema.COMMAND,
    doctor.COMMAND,
)
"""In the order in which ``extauth --help`` lists them."""
