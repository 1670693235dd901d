"""The whole demo, small, with real processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree as ET

import asyncpg
import pytest

from extauth.cli.exit_codes import INTERRUPTED, TERMINATED
from extauth.cli.main import main

SMALL = [
    "demo",
    *("--replicas", "2", "--callers", "4", "--links", "2", "--rotations", "3", "--longest", "60"),
]
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def _temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the demo keep its temporary files where the test can look."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)


@pytest.mark.slow
def test_demo_passes_on_a_sqlite_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what happened, draws the picture, passes, and leaves nothing behind."""
    picture = tmp_path / "timeline.svg"

    code = main([*SMALL, "--picture", str(picture)])

    output = capsys.readouterr().out
    assert code == 0, output
    assert "PASSED" in output
    assert re.search(
        r"^extauth: 1 presentation, .*^naive: \d+ presentation", output, re.MULTILINE | re.DOTALL
    )
    assert "links that work at the end" in output
    drawing = ET.parse(picture).getroot()  # noqa: S314 - our own document
    ours, naive = ("\n".join(section.itertext()) for section in drawing.findall("{*}g"))
    assert "1 exchange\n" in ours
    assert "Replica 2" in ours
    assert "The naive loop: " in naive
    assert re.search(r"\d saved, \d cleared", naive)
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.slow
async def test_demo_passes_on_postgres_and_cleans_up(tmp_path: Path, postgres_dsn: str) -> None:
    """In a database that is not its own it removes its links and its table."""
    with demo(SMALL, "--store", postgres_dsn, "--picture", str(tmp_path / "timeline.svg")) as process:
        output, complaints = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0, (output, complaints)
    assert complaints == ""
    connection = await asyncpg.connect(postgres_dsn)
    try:
        assert await connection.fetchval("SELECT count(*) FROM external_auth_links") == 0
        tables = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'extauth_demo%'"
        assert await connection.fetchval(tables) == 0
    finally:
        await connection.close()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)])
def test_interrupted_demo_ends_at_once_and_clean(tmp_path: Path, number: int, code: int) -> None:
    """Ctrl-C (or SIGTERM) ends it with the shell's code, no traceback, no orphan and no file."""
    with demo(SMALL, "--rotations", "1000") as process:
        replicas = until_storm(process)
        os.killpg(process.pid, number)  # a terminal's Ctrl-C reaches the whole group
        _, complaints = process.communicate(timeout=PATIENCE)

    assert process.returncode == code
    assert complaints == ""
    assert alive(replicas) == []
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.slow
def test_replicas_end_when_the_demo_is_killed() -> None:
    """Nobody tells the replicas, but their input ends, and so do they."""
    with demo(SMALL, "--rotations", "1000") as process:
        replicas = until_storm(process)
        process.kill()
        process.communicate(timeout=PATIENCE)

        deadline = time.monotonic() + PATIENCE
        while alive(replicas) and time.monotonic() < deadline:
            time.sleep(0.02)
    assert alive(replicas) == []


@pytest.mark.slow
def test_broken_replica_fails_the_demo(tmp_path: Path) -> None:
    """If a replica dies the demo says so and exits with 1, and ends the others."""
    with demo(SMALL, "--rotations", "1000") as process:
        replicas = until_storm(process)
        os.kill(replicas[0], signal.SIGKILL)
        output, complaints = process.communicate(timeout=PATIENCE)

    assert process.returncode == 1
    assert "The demo broke down: replica" in output
    assert complaints == ""
    assert alive(replicas) == []
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "store", ["sqlite:////missing-folder/links.db", "postgresql://user:hidden@127.0.0.1:1/db"]
)
def test_store_that_cannot_be_opened_fails_the_demo(store: str) -> None:
    """An unusable store is one line and exit code 1, without the URL's password."""
    with demo(SMALL, "--store", store) as process:
        output, complaints = process.communicate(timeout=PATIENCE)

    assert process.returncode == 1
    assert "The demo broke down" in output
    assert "hidden" not in output
    assert complaints == ""


# A shell starts what runs in its background with SIGINT ignored, and that is inherited.
INTERRUPTIBLE = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("extauth.cli.main", run_name="__main__", alter_sys=True)
"""


@contextmanager
def demo(*arguments: str | Sequence[str]) -> Generator[subprocess.Popen[str], None, None]:
    """Run the command as a process of its own, without a terminal."""
    flat = [word for each in arguments for word in ([each] if isinstance(each, str) else each)]
    with subprocess.Popen(
        [sys.executable, "-u", "-c", INTERRUPTIBLE, *flat],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until_storm(process: subprocess.Popen[str]) -> list[int]:
    """Wait until callers are at work and return the replicas' process ids."""
    assert process.stdout is not None
    while " storm " not in process.stdout.readline():
        assert process.poll() is None
    replicas = [pid for pid, parent, _ in processes() if parent == process.pid]
    assert len(replicas) == 2
    return replicas


def alive(pids: Sequence[int]) -> list[int]:
    """Return those that still run; one that only waits to be reaped does not."""
    return [pid for pid, _, state in processes() if pid in pids and not state.startswith("Z")]


def processes() -> list[tuple[int, int, str]]:
    """Return id, parent and state of every process."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,state="],  # noqa: S607 - POSIX has it
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    rows = (line.split() for line in listing.splitlines())
    return [(int(pid), int(parent), state) for pid, parent, state in rows]
