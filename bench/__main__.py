"""Measure, side by side: ``python -m bench``, or some parts only, by name.

A run of everything writes ``bench/RESULTS.md``; a run of some parts prints them.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench import (
    broker,
    clients,
    due,
    encryption,
    imports,
    limit,
    moving,
    reads,
    remember,
    rotations,
    scale,
    single_flight,
    size,
    slow_disk,
    storm,
)
from bench.machine import machine
from bench.postgres import postgres
from bench.report import Part, markdown

PARTS: dict[str, Callable[[str], Awaitable[Part]]] = {
    "reads": reads.measure,
    "remember": remember.measure,
    "encryption": encryption.measure,
    "single_flight": single_flight.measure,
    "storm": storm.measure,
    "rotations": rotations.measure,
    "slow_disk": slow_disk.measure,
    "moving": moving.measure,
    "size": size.measure,
    "due": due.measure,
    "scale": scale.measure,
    "limit": limit.measure,
    "imports": imports.measure,
    "clients": clients.measure,
    "broker": broker.measure,
}
ASKED_FOR = frozenset({"scale", "slow_disk"})
"""What takes too long, or too much room, for a run of everything, or needs a C compiler."""
RESULTS = Path(__file__).parent / "RESULTS.md"


async def main(names: list[str]) -> int:
    unknown = set(names) - PARTS.keys()
    if unknown:
        print(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    parts = []
    async with postgres() as server:
        for name in names or (part for part in PARTS if part not in ASKED_FOR):
            began = time.monotonic()
            parts.append(await PARTS[name](server))
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
        text = markdown(await machine(server), parts)
    print(text)
    if not names:
        RESULTS.write_text(text, encoding="utf-8")
        print(f"wrote {RESULTS.relative_to(Path.cwd())}", file=sys.stderr)
    return 0


sys.exit(asyncio.run(main(sys.argv[1:])))
