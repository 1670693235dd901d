"""``make servers``: run each server, ask it by plain HTTP what it does, and drive extauth against it."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from servers.driving import drive
from servers.looking import look
from servers.mcp import find
from servers.programs import PROGRAMS
from servers.running import Program, running
from servers.table import Seen, closing, tables, write
from servers.visiting import Visitor


async def see(program: Program) -> Seen:
    """Run one server, with a store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        async with running(program) as site, Visitor(site) as visitor:
            habits, driven = await look(visitor), await drive(visitor, Path(folder))
            return Seen(program, habits, driven, tuple(await find(visitor, Path(folder))))


async def main() -> int:
    """Run those that are named, or all; 1 if something is not as promised."""
    parser = argparse.ArgumentParser(prog="make servers", description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of the names of the servers to run")
    parser.add_argument("--write", action="store_true", help="put the tables into the page about servers")
    given = parser.parse_args()
    chosen = [each for each in PROGRAMS if not given.only or any(part in each.package for part in given.only)]
    seen = [await see(program) for program in chosen if program.runs_here]
    print(tables(seen))
    print("\n", *closing(seen, chosen), sep="\n")
    if not seen or any(each.broken for each in seen):
        return 1
    if given.write and len(seen) < len(PROGRAMS):
        print("The page is not written, since it has rows of all servers")
        return 1
    if given.write:
        write(tables(seen))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
