"""The command line as argparse reads it: what all commands take, and errors that quote no address."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Sequence
from typing import Final, NoReturn

from extauth.cli.application import WHAT_IT_IS
from extauth.cli.command import Command
from extauth.cli.exit_codes import MEANINGS
from extauth.cli.output import print_json
from extauth.cli.personal.config import CONFIG
from extauth.cli.session import APP, KEYS, KEYS_FILE, STORE

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/{2,4}[^\s/,'\"][^'\"]*")
"""What may hold a password, and all after it: a space may be a part of that."""

EXIT_CODES: Final = "exit codes:\n" + "\n".join(f"  {code:<4} {said}" for code, said in MEANINGS.items())


class Parser(argparse.ArgumentParser):
    """Says what is wrong without repeating an address; in JSON, too, if that was asked for."""

    json = False
    """Whether ``--json`` is on the command line."""

    def error(self, message: str) -> NoReturn:
        """Print usage and message to stderr, with ``--json`` also an object to stdout, and exit with 2."""
        message = _ADDRESS.sub("<address>", message)
        if Parser.json:
            command = self.prog.partition(" ")[2] or None
            error = {"code": "usage", "message": message}
            print_json({"command": command, "ok": False, "error": error, "done": {}})
        super().error(message)


def add_command(
    commands: argparse._SubParsersAction[Parser],  # pyright: ignore[reportPrivateUsage] - it has no other name
    command: Command,
) -> None:
    """Add a command of ours."""
    parser = commands.add_parser(
        command.name,
        help=command.help,
        description=textwrap.fill(command.description, 88),
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    if command.uses_store:
        add_store_arguments(parser)


def add_store_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where the links are, what opens them, and who refreshes and revokes them."""
    group = parser.add_argument_group("where")
    group.add_argument("--store", metavar="URL", help=f"sqlite:///... or postgresql://...; default: {STORE}")
    group.add_argument(
        "--keys-file",
        metavar="PATH",
        help=f"keys to open what is encrypted; default: {KEYS_FILE}, or the keys in {KEYS}",
    )
    group.add_argument("--app", metavar="NAME", help=f"{WHAT_IT_IS}; default: {APP}")
    group.add_argument(
        "--mine",
        action="store_true",
        help="your own links, as `extauth connect` keeps them, and the providers of your configuration",
    )
    group.add_argument(
        "--config",
        metavar="PATH",
        help=f"of that configuration; default: {CONFIG}, or extauth/config.toml in XDG_CONFIG_HOME"
        " or ~/.config",
    )


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether ``--json`` is there, also where the rest cannot be read."""
    return "--json" in arguments


def parted(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Part what is for extauth from the program that ``extauth run`` runs, which stands after ``--``.

    Versions of argparse differ in what they make of options beside ``--``.
    """
    if not arguments or arguments[0] != "run" or "--" not in arguments:
        return arguments, ()
    at = list(arguments).index("--")
    return arguments[:at], arguments[at + 1 :]
