"""``make compare``: run extauth and other ways through the same mishaps, or some of them by name."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from bench.links import database
from bench.machine import postgres_version
from bench.postgres import postgres
from compare import scenarios
from compare.catalogue import WAYS, Entry
from compare.report import Row, tables, write
from compare.scenarios import SCENARIOS, Scenario

AT_ONCE = 4
"""Ways that run at the same time: most of it is waiting."""


async def measure(server: str, entry: Entry, chosen: list[Scenario], turns: asyncio.Semaphore) -> Row:
    """Run one way through what was chosen, each time on a database of its own."""
    async with turns:
        return await _measure(server, entry, chosen, f"compare_{WAYS.index(entry)}")


async def _measure(server: str, entry: Entry, chosen: list[Scenario], name: str) -> Row:
    began = time.monotonic()
    results = {}
    for scenario in chosen:
        async with database(server, name) as dsn:
            results[scenario.name] = await scenario.run(entry, dsn)
    reads = None
    if entry.comparable:
        async with database(server, name) as dsn:
            reads = await scenarios.reads(entry, dsn)
    print(f"{entry.name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return Row(entry, results, reads)


async def main() -> int:
    """Run all, or those that are named."""
    parser = argparse.ArgumentParser(prog="make compare", description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of the names of the ways to run")
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--scenario", action="append", choices=names, help="these alone")
    parser.add_argument("--write", action="store_true", help="put the tables into the page")
    given = parser.parse_args()
    chosen = [each for each in SCENARIOS if not given.scenario or each.name in given.scenario]
    entries = [each for each in WAYS if not given.only or any(part in each.name for part in given.only)]
    if not entries:
        parser.error(f"no such way; there are {', '.join(each.name for each in WAYS)}")
    async with postgres() as server:
        turns = asyncio.Semaphore(AT_ONCE)
        measured = await asyncio.gather(
            *(measure(server, entry, chosen, turns) for entry in entries), return_exceptions=True
        )
        rows = [row for row in measured if isinstance(row, Row)]
        text = tables(rows, await postgres_version(server))
    print(text)
    for entry, row in zip(entries, measured, strict=True):
        if isinstance(row, BaseException):
            print(f"NOT RUN: {entry.name}: {row!r}", file=sys.stderr)
    if len(rows) < len(entries):
        return 1
    if given.write and (len(entries), len(chosen)) != (len(WAYS), len(SCENARIOS)):
        print("The page is not written, since it has all ways and scenarios", file=sys.stderr)
        return 1
    if given.write:
        write(text)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
