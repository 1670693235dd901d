"""SQLite files of several users: opening one leaves nothing that its owner cannot write."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from extauth import ConfigurationError
from extauth.adapters.sqlite import SqliteLinkStore
from extauth.adapters.sqlite.sharing import File, problem

OTHER_USER = Path(__file__).parents[2] / "support" / "other_user.py"
OWNER, OTHER, SHARED = 4001, 4002, 4100

DATABASE = File(OWNER, OWNER, 0o600, ours=True)
FOLDER = File(OWNER, OWNER, 0o700, ours=True)


@pytest.mark.parametrize(
    ("files", "folder", "user", "group", "said"),
    [
        ({}, FOLDER, OTHER, OTHER, None),
        ({"": DATABASE}, FOLDER, OWNER, OWNER, None),
        ({"": DATABASE}, FOLDER, 0, 0, None),
        ({"": attrs.evolve(DATABASE, ours=False)}, FOLDER, OTHER, OTHER, "run as that user"),
        ({"": DATABASE}, attrs.evolve(FOLDER, ours=False), OWNER, OWNER, "the folder"),
        ({"": DATABASE}, FOLDER, OTHER, OTHER, "would leave a write-ahead log"),
        ({"": attrs.evolve(DATABASE, mode=0o666)}, FOLDER, OTHER, OTHER, None),
        ({"": attrs.evolve(DATABASE, mode=0o660)}, FOLDER, OTHER, OTHER, "chmod 2770 the folder"),
        ({"": attrs.evolve(DATABASE, mode=0o660)}, FOLDER, OTHER, OWNER, None),
        (
            {"": File(OWNER, SHARED, 0o660, ours=True)},
            File(OWNER, SHARED, 0o2770, ours=True),
            OTHER,
            OTHER,
            None,
        ),
        (
            {"": File(OWNER, SHARED, 0o640, ours=True)},
            File(OWNER, SHARED, 0o2770, ours=True),
            OTHER,
            OTHER,
            "would leave",
        ),
        ({"": DATABASE}, attrs.evolve(FOLDER, by_mode=False), OTHER, OTHER, None),
        ({"": DATABASE, "-wal": DATABASE, "-shm": DATABASE}, FOLDER, OTHER, OTHER, None),
        (
            {"": DATABASE, "-wal": File(OTHER, OTHER, 0o644, ours=False)},
            FOLDER,
            OWNER,
            OWNER,
            "with -wal after its name, which belongs to user 4002 .mode 0644.; .* chown it to 4001:4001",
        ),
        (
            {"": DATABASE, "-wal": DATABASE, "-shm": File(OTHER, OTHER, 0o600, ours=True)},
            FOLDER,
            0,
            0,
            "the owner of the SQLite file, user 4001, may not write the file with -shm",
        ),
        (
            {"": DATABASE, "-wal": File(OTHER, OTHER, 0o600, ours=True, by_mode=False), "-shm": DATABASE},
            FOLDER,
            0,
            0,
            None,
        ),
    ],
)
def test_what_is_said_of_files(files, folder, user, group, said):
    """By owner, group and mode; a list of access rights, which a mode doesn't show, is left to the system."""
    found = problem(files, folder, user, group)
    assert (found is None, re.search(said or "$", found or "") is not None) == (said is None, True)


@contextmanager
def process_of(user: int, path: Path, *groups: int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Open the store as that user; yield what it says and the process."""
    command = [sys.executable, str(OTHER_USER), str(user), str(user), ",".join(map(str, groups)), str(path)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.stdin.close()


def put(process: subprocess.Popen[str]) -> str:
    """Let it put a link; return what came of it."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


@contextmanager
def folder_of_owner(mode: int, group: int = OWNER) -> Iterator[Path]:
    """A folder with a database of the owner's, which nobody has open."""
    with tempfile.TemporaryDirectory() as outer:
        Path(outer).chmod(0o755)
        folder = Path(outer) / "data"
        folder.mkdir()
        os.chown(folder, OWNER, group)
        folder.chmod(mode)
        with process_of(OWNER, folder / "links.db", group) as (said, process):
            assert (said, put(process)) == ("open", "put")
        yield folder


def others(folder: Path) -> list[str]:
    """Return the files that are not the owner's."""
    return sorted(path.name for path in folder.iterdir() if path.stat().st_uid != OWNER)


@pytest.mark.root
@pytest.mark.parametrize(
    ("folder_mode", "mode", "group"),
    [(0o777, 0o644, OWNER), (0o2770, 0o640, SHARED), (0o770, 0o660, SHARED)],
    ids=["world", "setgid group that reads", "group without setgid"],
)
def test_who_merely_opens_it_does_not_stop_its_owner(folder_mode, mode, group):
    """He is refused before he leaves a log of his own, and told what to do."""
    with folder_of_owner(folder_mode, group) as folder:
        path = folder / "links.db"
        os.chown(path, OWNER, group)
        path.chmod(mode)
        with process_of(OTHER, path, group) as (said, _):
            assert said.startswith("configuration_error")
            assert "run as that user" in said
            with process_of(OWNER, path, group) as (owners, process):
                assert (owners, put(process)) == ("open", "put")
                assert others(folder) == []


@pytest.mark.root
def test_a_folder_and_file_that_a_group_shares():
    """Set up as the error says, both users write, also while the other has it open."""
    with folder_of_owner(0o2770, SHARED) as folder:
        path = folder / "links.db"
        path.chmod(0o660)
        with process_of(OTHER, path, SHARED) as (said, other):
            assert (said, put(other)) == ("open", "put")
            with process_of(OWNER, path, SHARED) as (owners, owner):
                assert (owners, put(owner), put(other)) == ("open", "put", "put")


@pytest.mark.root
@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_log_that_another_user_has_left(suffix):
    """Opening says whose it is and what to do; root is told, too, for the owner. Doing it works."""
    with folder_of_owner(0o777) as folder:
        path = folder / "links.db"
        with process_of(OWNER, path) as (_, killed):
            killed.kill()
        left = path.with_name(f"links.db{suffix}")
        os.chown(left, OTHER, OTHER)
        left.chmod(0o644)
        for user in (OWNER, 0):
            with process_of(user, path) as (said, _):
                assert said.startswith("configuration_error")
                assert f"{suffix} after its name" in said
                assert f"chown it to {OWNER}:{OWNER} and chmod it 0600" in said
        os.chown(left, OWNER, OWNER)
        left.chmod(0o600)
        with process_of(OWNER, path) as (said, process):
            assert (said, put(process)) == ("open", "put")


@pytest.mark.root
def test_root_leaves_what_the_owner_can_write():
    """As a cron job or a command of an administrator's: SQLite gives the owner what root makes."""
    with folder_of_owner(0o700) as folder:
        path = folder / "links.db"
        with process_of(0, path) as (said, root):
            assert (said, put(root)) == ("open", "put")
            with process_of(OWNER, path) as (owners, owner):
                assert (owners, put(owner), others(folder)) == ("open", "put", [])


async def test_a_folder_in_which_nothing_may_be_made(tmp_path, monkeypatch):
    """That is said before SQLite fails for want of a log."""
    async with SqliteLinkStore.open(tmp_path / "links.db"):
        pass
    access = os.access

    def unwritable(path, mode, **options):
        return access(path, mode, **options) and Path(path) != tmp_path

    monkeypatch.setattr(os, "access", unwritable)
    with pytest.raises(ConfigurationError, match="the folder of the SQLite file"):
        async with SqliteLinkStore.open(tmp_path / "links.db"):
            raise AssertionError
