"""``make prove``: walk every schedule of every configuration on the real code, and say what was walked."""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from extauth.testing.schedules.explorer import Report
from proof.configurations import CONFIGURATIONS, FORGETFUL, WITH_MEMORY, WITH_UPKEEP
from proof.walking import walk


def main() -> int:
    """Walk them all, as many at a time as there are processors; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(prog="make prove", description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of the names of the configurations to walk")
    only = parser.parse_args().only
    everything = [*CONFIGURATIONS, *WITH_UPKEEP, *WITH_MEMORY, *FORGETFUL]
    names = [name for name in everything if not only or any(part in name for part in only)]
    began = time.monotonic()
    reports: list[Report] = []
    print(f"{'configuration':<60}{'states':>10}{'schedules':>11}{'endings':>9}{'broken':>8}{'cpu':>8}")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for walked in as_completed([pool.submit(walk, name) for name in names]):
            name, report, seconds = walked.result()
            reports.append(report)
            print(
                f"{name:<60}{report.states:>10,}{report.schedules:>11,}{report.endings:>9,}"
                f"{len(report.violations):>8}{seconds:>6.0f} s",
                flush=True,
            )
            for violation in report.violations:
                print(f"\n{report.bounds}\n{violation}\n", flush=True)
    violations = sum(len(report.violations) for report in reports)
    print(
        f"\n{sum(report.states for report in reports):,} states,"
        f" {sum(report.schedules for report in reports):,} schedules, {violations} violations,"
        f" in {time.monotonic() - began:.0f} s"
    )
    return 1 if violations or not reports else 0


if __name__ == "__main__":
    sys.exit(main())
