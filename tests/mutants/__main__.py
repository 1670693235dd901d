"""Break the code, one small change at a time, and see whether the tests notice: ``python -m tests.mutants``.

Exits 1 if too few of a module's mutants are killed, or if those that survive are not the ones listed in
``SURVIVORS.md`` with a reason.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence

from tests.mutants.guards import FLOORS, GUARDS
from tests.mutants.mutation import Fate, Mutant, modules_of, mutate
from tests.mutants.survivors import LIST, as_entry, read_survivors
from tests.servers.postgres_server import some_postgres


def main(arguments: Sequence[str]) -> int:
    """Mutate what is asked for, print the figures, and say whether all is well."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", help="globs below src/extauth; all that are guarded if none")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time")
    parser.add_argument(
        "--resume", action="store_true", help="show new tests to what an earlier run left alive"
    )
    options = parser.parse_args(arguments)
    runs = [(guard, modules) for guard in GUARDS if (modules := modules_of(guard, options.modules))]
    if not runs:
        parser.error(f"no guarded module matches {' '.join(options.modules)}")
    listed = read_survivors(LIST.read_text(encoding="utf-8"))
    with some_postgres() as server:
        os.environ["EXTAUTH_TEST_POSTGRES"] = server.dsn
        results = [
            result
            for guard, modules in runs
            for result in mutate(guard, modules, jobs=options.jobs, resume=options.resume)
        ]
    faults = [
        *_scores(results),
        *_compare(results, listed, {module for _, names in runs for module in names}),
    ]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def _scores(results: Sequence[tuple[Mutant, Fate]]) -> list[str]:
    """Print a table and return the modules below their floors. What mypy refuses counts for no score."""
    mutants = Counter(mutant.module for mutant, _ in results)
    of = Counter((mutant.module, fate) for mutant, fate in results)
    faults = []
    print(f"{'module':36}{'mutants':>8}{'refused':>8}{'killed':>8}{'survived':>10}{'score':>8}{'floor':>7}")
    for module, count in mutants.items():
        killed, survived = of[module, Fate.KILLED], of[module, Fate.SURVIVED]
        score = 100 * killed / (killed + survived) if killed + survived else 100.0
        floor = FLOORS.get(module)
        print(
            f"{module:36}{count:8}{of[module, Fate.REFUSED]:8}{killed:8}{survived:10}{score:7.1f}%"
            f"{'' if floor is None else f'{floor}%':>7}"
        )
        if floor is not None and score < floor:
            faults.append(f"{module}: {score:.1f} % of the mutants are killed, not {floor} %")
    return faults


def _compare(
    results: Sequence[tuple[Mutant, Fate]], listed: dict[Mutant, str], modules: set[str]
) -> list[str]:
    """Return what is wrong with the list of survivors."""
    survivors = {mutant for mutant, fate in results if fate is Fate.SURVIVED}
    gone = {mutant for mutant in listed.keys() - survivors if mutant.module in modules}
    return [
        *(
            f"{one.module}: not listed, but survives:\n{as_entry(one)}"
            for one in sorted(survivors - listed.keys())
        ),
        *(f"{one.module}: listed, but does not survive:\n{as_entry(one)}" for one in sorted(gone)),
    ]


sys.exit(main(sys.argv[1:]))
