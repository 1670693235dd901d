"""An application that writes audited links until it is killed: ``URL POINT``.

At the point in SQLite, within the fifth write, it says ``here`` and waits for its end; without one it writes
on and on, and says each version once it is there.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import attrs

from extauth import AuditTrail, LinkKey, TokenSet, open_store
from extauth.adapters.audit import AuditedStore
from extauth.adapters.sqlite import transactions

ALICE = LinkKey("app", "alice")
POINTS = ("before the entry", "before the commit", "after the commit")
BEFORE_THE_END = 4


def say(line: str) -> None:
    """Say it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def stop_here() -> None:
    """Say where it is, and wait for the end."""
    say("here")
    time.sleep(3600)


def stop_at(point: str) -> None:
    """Stop within the fifth write, in the thread that writes."""
    real: Any = transactions._alone
    written = 0

    def stopping(database: Any, write: Any) -> Any:
        nonlocal written
        written += write.beside is not None
        if written <= BEFORE_THE_END:
            return real(database, write)

        def with_stops(cursor: Any, rows: Any) -> None:
            if point == POINTS[0]:
                stop_here()
            write.beside(cursor, rows)
            if point == POINTS[1]:
                stop_here()

        outcome = real(database, attrs.evolve(write, beside=with_stops))
        stop_here()
        return outcome

    transactions._alone = stopping


async def main(url: str, point: str) -> None:
    """Connect alice and refresh her link for ever."""
    if point:
        stop_at(point)
    async with open_store(url, keys="plain") as store:
        audited = AuditedStore(store, AuditTrail.in_store())
        link = await audited.put(ALICE, TokenSet("at-1", "rt-1"))
        for version in range(link.version, sys.maxsize):
            say(str(version))
            await audited.save(ALICE, version, TokenSet(f"at-{version + 1}", "rt"))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
