"""Running mutmut on a copy of the project, and reading what it found.

mutmut writes all mutants of a function into one file and forks a process for each, so that an import is
paid for once. It mutates the bodies of functions, except decorated ones; never SQL text.
"""

from __future__ import annotations

import ast
import difflib
import fnmatch
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import final

import attrs

from tests.mutants.guards import Guard

HERE = Path(__file__).parent
ROOT = Path(__file__).parents[2]
PACKAGE = Path("src", "extauth")
WORK = ROOT / ".mutants"

_NOT_MUTATED = [
    # Wording is for people: no test should hold it still.
    r"^\s*msg = ",
    r"\(msg\)",
    r'^\s*f?"[^"]*"$',  # a line of text that goes on in the next one, or ends what did
    r"^\s*(_log|logger)\.",
    # The types or the database see to it that nothing comes here.
    r"assert_never\(",
    r"raise AssertionError\(",
    r"^\s*assert ",
]
"""Lines, as regular expressions."""
_RUNNER = HERE / "runner.py"
_PRELOADED = "preloaded.txt"
_MODULES = "modules.txt"
_IMPORTED_ONCE = (
    "_pytest.assertion.rewrite",
    "aiohttp.web",
    "aiosqlite",
    "asyncpg",
    "attrs",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "hypothesis.stateful",
    "hypothesis.strategies",
    "jwt",
    "pytest_asyncio.plugin",
)
"""Modules that take long to import and import nothing of ours."""
_TESTS_IMPORTED_ONCE = "collect"
"""A warm-up that makes a mutant cost a tenth, and lets live who breaks only what tests make as they are
imported."""
_TESTS_IMPORTED_BY_EACH = "import"
_PASSED = 0
_RAN_NONE = 255
_SURVIVED = {_PASSED, 5, 33}
"""mutmut's exit codes for: all tests passed; no test ran; no test reaches the function."""
_TIME_UP = {36, 24, -24, 152}
_KILLED = {1, 3, *_TIME_UP, _RAN_NONE}
"""Those for: a test failed; pytest had an internal error; the time was up; pytest did not come to run any."""
_REFUSED = 37
"""That for: the type checker has an error about it."""


class Fate(Enum):
    """What became of a mutant."""

    KILLED = auto()
    SURVIVED = auto()
    REFUSED = auto()
    """By mypy, and shown to no test."""


@final
@attrs.frozen(order=True)
class Mutant:
    """One change to one function. Two changes that read the same are the same mutant to the list."""

    module: str
    """Its path below ``src/extauth``."""
    function: str
    """With its class, if it is a method."""
    before: str
    after: str
    """The lines that differ."""


def mutate(
    guard: Guard, modules: Sequence[str], *, jobs: int, resume: bool = False
) -> list[tuple[Mutant, Fate]]:
    """Run the guard's tests against every mutant of the modules; say of each what became of it.

    Those that survive tests imported beforehand, or come to run none, are tried again with tests that they
    import themselves. With ``resume`` what an earlier run of the same modules has killed stays so, and
    the others see the tests that there are now, unless the code has changed since.
    """
    folder = WORK / guard.name
    mutated = folder / "mutants"
    metas = [mutated / PACKAGE / f"{module}.meta" for module in modules]
    if resume and _is_about(folder, modules):
        shutil.rmtree(folder / "tests")
        shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        _forget_survivors(metas)
    else:
        _copy_project(folder, modules)
    environment = {**os.environ, "PYTHONPATH": str(mutated / "src")}

    def run(warmup: str, *mutants: str) -> None:
        settings = _configuration(guard, modules, warmup)
        (folder / "setup.cfg").write_text(settings, encoding="utf-8")
        command = [sys.executable, str(_RUNNER), "run", "--max-children", str(jobs), *mutants]
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=sys.stderr)

    run(_TESTS_IMPORTED_ONCE)
    codes = [pair for meta in metas for pair in _exit_codes(meta).items()]
    if untold := [key for key, code in codes if code in {_PASSED, _RAN_NONE}]:
        run(_TESTS_IMPORTED_BY_EACH, *untold)
    _check_names_of_tests(mutated, environment)
    return [found for module in modules for found in _results(module, mutated / PACKAGE / module)]


def _copy_project(folder: Path, modules: Sequence[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "pyproject.toml", folder)
    (folder / _PRELOADED).write_text("\n".join(_IMPORTED_ONCE), encoding="utf-8")
    (folder / _MODULES).write_text("\n".join(modules), encoding="utf-8")
    # For tests that start processes, which would import what is installed. Made here already, because an
    # interpreter forgets a path that is not there when it starts.
    (folder / "mutants" / "src").mkdir(parents=True)


def _is_about(folder: Path, modules: Sequence[str]) -> bool:
    """Say whether an earlier run was about the same modules of the same code."""
    about = folder / _MODULES
    return (
        about.exists()
        and about.read_text(encoding="utf-8") == "\n".join(modules)
        and _code(ROOT / "src") == _code(folder / "src")
    )


def _code(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.py")}


def _forget_survivors(metas: Sequence[Path]) -> None:
    for meta in filter(Path.exists, metas):
        known = json.loads(meta.read_text(encoding="utf-8"))
        codes = known["exit_code_by_key"]
        known["exit_code_by_key"] = {
            key: None if code in _SURVIVED | _TIME_UP | {_RAN_NONE} else code for key, code in codes.items()
        }
        meta.write_text(json.dumps(known), encoding="utf-8")


def modules_of(guard: Guard, wanted: Sequence[str]) -> list[str]:
    """Return the guard's modules, or those of them that match one of the wanted globs."""
    base = ROOT / PACKAGE
    modules = sorted(str(path.relative_to(base)) for glob in guard.modules for path in base.glob(glob))
    return [name for name in modules if not wanted or any(fnmatch.fnmatch(name, glob) for glob in wanted)]


def ends_what_hangs(seconds: int) -> list[str]:
    """Return what has pytest end a test that waits for ever, which takes none of the time that mutmut counts.

    The alarm may ring while a task runs, which it then ends instead of the test: then the process ends.
    """
    return [
        f"--timeout={seconds}",
        *("-o", f"faulthandler_timeout={4 * seconds}", "-o", "faulthandler_exit_on_timeout=true"),
    ]


def _configuration(guard: Guard, modules: Sequence[str], warmup: str) -> str:
    lists = {
        "source_paths": ["src"],
        "only_mutate": [str(PACKAGE / module) for module in modules],
        "do_not_mutate_patterns": _NOT_MUTATED,
        "pytest_add_cli_args": [
            *("-p", "no:cacheprovider", "--hypothesis-profile=mutants"),
            *ends_what_hangs(15),
            *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of plugins that are imported already
            *(() if guard.named is None else ("-k", guard.named)),
            # A file that mutmut's copy of the project has no imports for must not even be collected.
            *(f"--{'deselect' if '::' in test else 'ignore'}={test}" for test in guard.but_not),
        ],
        "pytest_add_cli_args_test_selection": guard.tests,
        "type_check_command": ["mypy"],
    }
    return "".join(
        [
            "[mutmut]\n",
            # Each run of the tests in another process: Hypothesis refuses to run a test twice in one.
            "process_isolation = forkserver\n",
            "track_dependencies = false\n",
            f"forkserver_warmup = {warmup}\n",
            f"preload_modules_file = {_PRELOADED}\n",
            # Seconds on top of what the tests take without a mutant, and how many times all that.
            "timeout_constant = 2.0\n",
            "timeout_multiplier = 5.0\n",
            *(
                f"{name} =\n" + "".join(f"  {item}\n" for item in items)
                for name, items in lists.items()
                if items
            ),
        ]
    )


def _check_names_of_tests(mutated: Path, environment: Mapping[str, str]) -> None:
    """Make sure that pytest finds without a mutant each test by the name that mutmut calls it by.

    mutmut takes a test that isn't found for one that fails.
    """
    stats = json.loads((mutated / "mutmut-stats.json").read_text(encoding="utf-8"))
    names = {name for names in stats["tests_by_mangled_function_name"].values() for name in names}
    command = [sys.executable, "-m", "pytest", "--rootdir=.", "--collect-only", "-qqq", *sorted(names)]
    clean = {**environment, "MUTANT_UNDER_TEST": ""}
    subprocess.run(command, cwd=mutated, env=clean, check=True, stdout=sys.stderr)


def _exit_codes(meta: Path) -> Mapping[str, int | None]:
    if not meta.exists():
        return {}
    exit_codes: Mapping[str, int | None] = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return exit_codes


def _results(module: str, mutated: Path) -> Iterator[tuple[Mutant, Fate]]:
    exit_codes = _exit_codes(mutated.with_name(mutated.name + ".meta"))
    if not exit_codes:
        return
    bodies = _function_bodies(mutated.read_text(encoding="utf-8"))
    if exit_codes and set(exit_codes.values()) == {_RAN_NONE}:
        msg = f"pytest runs with no mutant of {module}: something else is wrong"
        raise RuntimeError(msg)
    for key, exit_code in exit_codes.items():
        if exit_code not in _SURVIVED | _KILLED | {_REFUSED}:
            msg = f"mutmut did not test {key}: {exit_code}"
            raise RuntimeError(msg)
        name = key.rpartition(".")[2]
        mangled = name.rpartition("__mutmut_")[0]
        before, after = _difference(bodies[f"{mangled}__mutmut_orig"], bodies[name])
        if before.lower() == after.lower():
            continue  # text in another case: SQL doesn't mind, and other text gets other mutants too
        function = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        fate = (
            Fate.REFUSED
            if exit_code == _REFUSED
            else Fate.SURVIVED
            if exit_code in _SURVIVED
            else Fate.KILLED
        )
        yield Mutant(module, function, before, after), fate


def _function_bodies(source: str) -> dict[str, list[str]]:
    """Return the lines of every function after its name, by name."""
    lines = [line.strip() for line in source.splitlines()]
    return {
        node.name: [lines[node.lineno - 1].replace(node.name, ""), *lines[node.lineno : node.end_lineno]]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _difference(before: Sequence[str], after: Sequence[str]) -> tuple[str, str]:
    changes = list(difflib.ndiff(before, after))
    return (
        " ".join(line[2:] for line in changes if line.startswith("- ")),
        " ".join(line[2:] for line in changes if line.startswith("+ ")),
    )
