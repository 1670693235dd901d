"""Chaos with real processes: ``python -m chaos``, on Postgres and then on one SQLite file.

Replicas are killed with SIGKILL, connections cut and Postgres restarted while they refresh tokens at a strict
authorization server. Afterwards the server's own database is the judge. Exit status 1 if a link was lost,
or a refresh token presented twice, with no excuse.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from chaos.broken import BROKEN
from chaos.oracle import judge
from chaos.plan import Plan
from chaos.report import report
from chaos.storm import Restart, storm
from tests.servers.postgres_server import own_postgres


def main(arguments: list[str]) -> int:
    """Run what the options ask for and return the exit status."""
    options = _parser().parse_args(arguments)
    logging.getLogger("extauth").addHandler(logging.NullHandler())  # the report says it all
    # Else processes and folders would be left behind. A shell's background jobs begin with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    plan = Plan(
        seed=options.seed,
        replicas=options.replicas,
        links=options.links,
        kills=options.kills,
        rotations=options.rotations,
        limit=timedelta(seconds=options.limit),
        broken=options.broken,
    )
    good = True
    try:
        with _folder(options.keep) as folder:
            if options.store in {"postgres", "both"}:
                with own_postgres() as server:
                    good &= _run("Postgres", plan, server.dsn, folder / "postgres", server.restart)
            if options.store in {"sqlite", "both"}:
                place = folder / "sqlite"
                good &= _run("one SQLite file", plan, f"sqlite:///{place / 'links.db'}", place, None)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0 if good else 1


def _run(what: str, plan: Plan, url: str, folder: Path, restart: Restart | None) -> bool:
    folder.mkdir()
    began = time.monotonic()
    evidence = asyncio.run(storm(plan, url, folder, restart))
    verdict = judge(evidence)
    seconds = time.monotonic() - began
    print(report(what, plan, evidence, verdict, seconds=seconds), flush=True)
    return not verdict.faults


@contextmanager
def _folder(keep: str | None) -> Generator[Path, None, None]:
    if keep is not None:
        folder = Path(keep).resolve()
        folder.mkdir(parents=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="extauth-chaos-") as name:
        yield Path(name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=["postgres", "sqlite", "both"], default="both")
    parser.add_argument("--replicas", type=int, default=4)
    parser.add_argument("--links", type=int, default=40)
    parser.add_argument("--kills", type=int, default=100, help="for each store")
    parser.add_argument("--rotations", type=int, default=2000, help="at least, for each store")
    parser.add_argument("--limit", type=float, default=270, help="seconds for each store")
    parser.add_argument("--broken", choices=BROKEN, help="break the store, to see that it is noticed")
    parser.add_argument("--keep", metavar="FOLDER", help="a new folder to leave the evidence in")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
