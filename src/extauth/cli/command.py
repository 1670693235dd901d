"""What a command is, and what it answers."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, final

import attrs

from extauth.cli.exit_codes import OK

if TYPE_CHECKING:
    from extauth.cli.session import Session


@final
@attrs.frozen
class Table:
    """Rows of text under headings."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


Shown: TypeAlias = str | Table
"""A line, or a table."""


@final
@attrs.frozen
class Answer:
    """What a command found or did, for programs and for people."""

    data: Mapping[str, object]
    """Members of the JSON object that ``--json`` prints, beside ``command`` and ``ok``."""
    shown: Sequence[Shown]
    """What is printed without it."""
    code: int = OK
    then: Callable[[], int] | None = None
    """Called last, when all is closed and printed; returns the exit code in the place of ``code``."""


@final
@attrs.frozen
class Command:
    """One command: what it is called, takes and does.

    A module of ``extauth.cli.commands`` has one as ``COMMAND``; ``extauth.cli.commands`` lists them.
    """

    name: str
    help: str
    """One line, for the list of commands."""
    description: str
    run: Callable[[Session], Awaitable[Answer]]
    members: Mapping[str, str]
    """What each member of its JSON answer is, beside ``command`` and ``ok``."""
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None  # noqa: ARG005
    uses_store: bool = True
    """Whether it takes ``--store``, ``--keys-file`` and ``--app``."""
    own_output: bool = False
    """Whether stdout is a program's or a protocol's: then ``--json`` is for failures alone."""
