"""The ``extauth`` command line."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import attrs

from extauth.cli.command import Command
from extauth.cli.commands import NAMES, command_of, every_command
from extauth.cli.exit_codes import INTERRUPTED, PIPE_CLOSED, TERMINATED, USAGE
from extauth.cli.parsed import at_least_one, more_than_zero
from extauth.cli.parsing import EXIT_CODES, Parser, add_command, asks_for_json, parted
from extauth.cli.running import run_command
from extauth.cli.testing import add_testing, run_testing
from extauth.version import installed_version

NEEDED = ("aiohttp", "aiosqlite", "rich")
"""What the demo needs beyond the library's own dependencies."""

DEFAULT_PICTURE = Path("extauth-demo-timeline.svg")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given, program = parted(sys.argv[1:] if arguments is None else arguments)
    Parser.json = asks_for_json(given)
    parser = _parser([command_of(given[0])] if given and given[0] in NAMES else every_command())
    options, unknown = parser.parse_known_args(given)
    if unknown:
        hint = "; the program to run, and what is for it, stands after --" if options.command == "run" else ""
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    if options.command is None:
        parser.print_help()
        return 0
    if options.command == "providers":
        return _providers(options, parser)
    if options.command == "testing":
        return run_testing(options, parser)
    if options.command == "demo":
        return _demo(options, parser)
    options.program = program
    return run_command(command_of(options.command), options)


def _parser(offered: Sequence[Command]) -> Parser:
    parser = Parser(
        prog="extauth",
        description="Tokens that work, kept fresh.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"extauth {installed_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for command in offered:
        add_command(commands, command)
    demo = commands.add_parser(
        "demo",
        help="extauth against the naive loop, on real processes",
        description="Runs the same storm of callers against extauth and against the naive"
        " read-refresh-write loop. Exits with 1 if extauth loses a link, exchanges more than once per"
        " rotation, or lets a caller down.",
    )
    demo.add_argument(
        "--store", metavar="URL", help="sqlite:///... or postgresql://...; default: a SQLite file"
    )
    demo.add_argument("--replicas", type=at_least_one, default=4, help="processes (%(default)s)")
    demo.add_argument("--callers", type=at_least_one, default=50, help="per replica (%(default)s)")
    demo.add_argument("--links", type=at_least_one, default=4, help="users shared (%(default)s)")
    demo.add_argument("--rotations", type=at_least_one, default=24, help="per storm (%(default)s)")
    demo.add_argument(
        "--longest", type=more_than_zero, default=20.0, metavar="SECONDS", help="of a storm (%(default)s)"
    )
    demo.add_argument("--picture", type=Path, default=DEFAULT_PICTURE, help="SVG to write (%(default)s)")
    demo.add_argument("--seed", type=int, default=0, help="of the callers' pauses (%(default)s)")
    providers = commands.add_parser(
        "providers",
        help="the providers that extauth knows",
        description="Lists the presets of the catalogue, or says everything about one.",
    )
    providers.add_argument("preset", nargs="?", metavar="ID", help="of one preset; default: all, as a table")
    form = providers.add_mutually_exclusive_group()
    form.add_argument("--json", dest="form", action="store_const", const="json", help="as JSON")
    form.add_argument(
        "--markdown",
        dest="form",
        action="store_const",
        const="markdown",
        help="the page of the documentation",
    )
    add_testing(commands)
    return parser


def _providers(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if find_spec("aiohttp") is None:
        print('extauth providers needs aiohttp; run: pip install "extauth[aiohttp]"', file=sys.stderr)
        return USAGE

    from extauth.cli.providers import show  # noqa: PLC0415 - installed for certain only now

    if options.form == "markdown" and options.preset is not None:
        parser.error("--markdown is the page about all presets; leave the id out")
    try:
        today = datetime.now(UTC).date()
        print(show(options.preset, form=options.form, today=today), flush=True)
    except ValueError as error:
        parser.error(str(error))
    except BrokenPipeError:
        # Whoever reads has seen enough, as `head` has. What is still buffered would fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return 0


def _demo(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    store: str | None = options.store
    postgres = store is not None and store.startswith(("postgresql://", "postgres://"))
    if store is not None and not postgres and not store.startswith("sqlite:///"):
        # The URL is not repeated: it may hold a password.
        parser.error("--store must begin with sqlite:/// or postgresql://, so that processes can share it")
    needed = (*NEEDED, "asyncpg") if postgres else NEEDED
    if options.links > options.callers:
        parser.error("--links must not be more than --callers: each replica's callers share all links")
    if missing := [name for name in needed if find_spec(name) is None]:
        print(f'extauth demo needs {", ".join(missing)}; run: pip install "extauth[all]"', file=sys.stderr)
        return USAGE

    try:
        return _run(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except asyncio.CancelledError:
        return TERMINATED


def _run(options: argparse.Namespace) -> int:
    from rich.console import Console  # noqa: PLC0415 - installed for certain only now

    from extauth.cli.demo.command import Demo, run_demo  # noqa: PLC0415
    from extauth.cli.demo.progress import Settings  # noqa: PLC0415

    fields = {field.name for field in attrs.fields(Settings)}
    settings = Settings(**{name: value for name, value in vars(options).items() if name in fields})
    demo = Demo(settings=settings, store=options.store, picture=options.picture)

    async def run() -> int:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - this is one
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        return await run_demo(demo, Console())

    return asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main())
