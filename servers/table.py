"""What was seen, as the table of ``docs/explanation/servers.md``."""

from __future__ import annotations

from typing import Final, final

import attrs

from servers.driving import Driven
from servers.looking import Habits
from servers.mcp import Found
from servers.running import ROOT, Program

PAGE: Final = ROOT / "docs" / "explanation" / "servers.md"
BEGIN: Final = "<!-- made by make servers -->"
END: Final = "<!-- end -->"
HABITS: Final = (
    "server",
    "a refresh gives",
    "a consumed RT again",
    "the same twice at one instant",
    "wrong secret",
    "revoking the RT",
)
MADE: Final = ("server", "rotations", "wrong secret", "fewer scopes", "revoked grant", "unlink")
FOUND: Final = ("server", "client", "first granted", "rotations", "more scopes", "unlink")


@final
@attrs.frozen
class Seen:
    """One server that ran."""

    program: Program
    habits: Habits
    driven: Driven
    found: tuple[Found, ...] = ()
    """By each kind of client that finds the server by its URL."""

    @property
    def broken(self) -> tuple[str, ...]:
        """What should not have been."""
        return self.driven.broken + tuple(
            f"{row.client}: {what}" for row in self.found for what in row.broken
        )


def tables(seen: list[Seen]) -> str:
    """Return the tables: what the servers do, what extauth makes of it, and of those that it finds itself."""
    habits = [[name_of(each.program), *attrs.astuple(each.habits)] for each in seen]
    made = [[name_of(each.program), *attrs.astuple(each.driven)[:-1]] for each in seen]
    parts = [_table(HABITS, habits), "What extauth makes of it:", _table(MADE, made)]
    found = [[name_of(each.program), *attrs.astuple(row)[:-1]] for each in seen for row in each.found]
    if found:
        parts += ["Found by `mcp_provider`, from the URL of an MCP server alone:", _table(FOUND, found)]
    return "\n\n".join(parts)


def closing(seen: list[Seen], chosen: list[Program]) -> list[str]:
    """Return the lines below the tables: what is broken, what did not run and why, and how many of each."""
    broken = [f"{each.program.package}: {what}" for each in seen for what in each.broken]
    idle = [program for program in chosen if program not in [each.program for each in seen]]
    not_run = [f"NOT RUN: {name_of(program)}: needs {program.needs}" for program in idle]
    counted = f"{len(seen)} servers, {len(broken)} promises broken"
    return [*broken, *not_run, f"{counted}, {len(idle)} not run" if idle else counted]


def write(text: str) -> None:
    """Put the tables into the page, in place of those that stand there."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def name_of(program: Program) -> str:
    """Return what the row of a server is called."""
    return f"{program.package} {program.version}, {program.wiring}"


def _table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
