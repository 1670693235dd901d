"""The page of the documentation about the commands, made of what they take and answer."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from extauth.cli.command import Command
from extauth.cli.commands import every_command
from extauth.cli.exit_codes import MEANINGS
from extauth.cli.parsing import add_store_arguments
from extauth.cli.summaries import LINK_MEMBERS

DOCUMENT: Final = Path("docs/reference/commands.md")
"""Where the generated page is kept."""
REGENERATE: Final = f"python -m extauth.cli.reference > {DOCUMENT}"

_INTRODUCTION: Final = """\
For whoever runs an application with extauth: `pip install "extauth[all]"`, or the extras of your database
and `cli`, without which tables are plain text. `extauth providers`, `extauth demo` and `extauth testing`
are not in here; each command has `--help`.

No command prints a token, but `token`, `git-credential` and `show --reveal`. No command repeats a store's
address, which may hold a password. No command but `migrate` creates or migrates tables where the address
is given by `--store`; an application given by `--app` that opens its own store does what it does whenever
it starts. Your own links, which `connect` makes, are kept in a store that is made when it is first needed."""

_APP: Final = """\
`--app module:attribute` is imported from the current folder or the Python path. The attribute is what
`extauth.open(...)` returns, not entered: then its store and its keys are used, and no `--store` is
needed, but by `doctor` and `migrate`, which open no store of an application. Or it is your providers, in a
list. Or it is a function without arguments, async or not, that returns one of these, or an async context
manager of one, which is left at the end:

```python
import os

import extauth
from extauth.adapters.encryption import keys_from_environment
from extauth.adapters.providers import github_app


def auth():
    providers = [github_app(client_id=os.environ["GITHUB_ID"], client_secret=os.environ["GITHUB_SECRET"])]
    return extauth.open(os.environ["DATABASE_URL"], providers, keys=keys_from_environment())
```

What it prints goes to stderr. What it raises is told by type, file and line; the text is left out, since
errors about settings quote them."""

_JSON: Final = """\
With `--json` a command prints one object on one line of stdout, whatever happens; `run` and
`git-credential` only if they fail. It has `command`, `ok`
(the exit code is 0), and the members told below. If the command fails it has instead `error`, `{"code",
"message"}`, with `reason` and `retry_after` (seconds) where they are known, and `done`, what had been
done until then. `code` is stable: an error's [own code](../../src/extauth/domain/errors.py), or `usage`,
`not_installed`, `application_failed`, `interrupted`, `terminated` or `internal`. Members may be added;
none is removed or given another meaning before a major version. Times are ISO 8601 in UTC."""

_OWN_OUTPUT: Final = "With `--json` a failure is told as JSON; else stdout is not this command's to write to."

_EXIT_CODES: Final = (
    "For scripts: 1 says that somebody should look, 4 that it is worth trying again, 5 that it is not."
)


def markdown() -> str:
    """Return the page."""
    lines = [
        "# Commands",
        "",
        "<!-- Generated from the commands. Do not edit; run:",
        f"     {REGENERATE} -->",
        "",
        _INTRODUCTION,
        "",
        *_table(
            ("command", "what it does"), {f"`extauth {each.name}`": each.help for each in every_command()}
        ),
        "",
        "## Where the links are",
        "",
        *_arguments(_store_parser()),
        "",
        _APP,
        "",
        "## JSON",
        "",
        _JSON,
        "",
        "A link is",
        "",
        *_table(("member", ""), {f"`{name}`": said for name, said in LINK_MEMBERS.items()}),
        "",
        "## Exit codes",
        "",
        *_table(("code", ""), {str(code): said for code, said in MEANINGS.items()}),
        "",
        _EXIT_CODES,
    ]
    for command in every_command():
        lines += ["", *_section(command)]
    return "\n".join(lines) + "\n"


def _section(command: Command) -> list[str]:
    parser = argparse.ArgumentParser(add_help=False)
    command.add_arguments(parser)
    arguments = _arguments(parser)
    return [
        f"## `extauth {command.name}`",
        "",
        command.description,
        *(["", *arguments] if arguments else []),
        "",
        *(
            [_OWN_OUTPUT]
            if command.own_output
            else _table(("JSON", ""), {f"`{name}`": said for name, said in command.members.items()})
        ),
    ]


def _store_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    add_store_arguments(parser)
    return parser


def _arguments(parser: argparse.ArgumentParser) -> list[str]:
    """Return a table of what a parser takes; what argparse prints depends on the version of Python."""
    rows: dict[str, str] = {}
    for action in parser._actions:  # noqa: SLF001 - there is no other way
        names = action.option_strings or [_value(action)]
        value = f" {_value(action)}" if action.option_strings and action.nargs != 0 else ""
        rows[f"`{', '.join(names)}{value}`"] = (action.help or "").replace("%(default)s", str(action.default))
    return _table(("argument", ""), rows) if rows else []


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    if action.metavar is None and action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.metavar or action.dest


def _table(headings: tuple[str, str], rows: Mapping[str, str]) -> list[str]:
    return [
        f"| {headings[0]} | {headings[1]} |",
        "| --- | --- |",
        *(f"| {name} | {said} |" for name, said in rows.items()),
    ]


if __name__ == "__main__":
    print(markdown(), end="")
