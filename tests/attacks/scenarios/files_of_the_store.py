"""Whoever else is on the machine, or gets a copy of the file, reads tokens in it (CWE-276, CWE-212)."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from extauth import LinkKey, TokenSet, open_store
from extauth.adapters.sqlite import files, schema
from tests.attacks.attack import Attack
from tests.attacks.fence import Fence

KEY = LinkKey("p", "alice")
ACCESS, REFRESH = "access-of-alice-" * 4, "refresh-of-alice-" * 4
_ANYBODY = 0o044


@contextmanager
def _open_folder() -> Generator[Path]:
    """A folder that everybody may look into, in a process that takes no right away from what it makes."""
    before = os.umask(0)
    try:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o777)
            yield Path(folder)
    finally:
        os.umask(before)


def _read_by_another_user(path: Path) -> bytes:
    """Read a file as another user of the machine; who may not become one asks its mode who could."""
    if os.geteuid() != 0:
        return path.read_bytes() if path.stat().st_mode & _ANYBODY else b""
    command = ["/bin/cat", str(path)]
    return subprocess.run(command, user="nobody", capture_output=True, check=False).stdout


def _read_as_another_user(suffix: str) -> Attack:
    async def attempt(_: Fence) -> object:
        with _open_folder() as folder:
            async with open_store(folder / "links.db") as store:
                await store.put(KEY, TokenSet(ACCESS, REFRESH))
                if suffix:
                    return REFRESH.encode() in _read_by_another_user(folder / f"links.db{suffix}")
            return REFRESH.encode() in _read_by_another_user(folder / "links.db")

    return Attack(
        name=f"another user of the machine reads the {'write-ahead log' if suffix else 'SQLite file'}",
        source="CWE-276, CWE-732",
        attempt=attempt,
        honest=_used_by_its_owner,
        without_guard=_with_sqlites_mode,
    )


async def _used_by_its_owner(_: Fence) -> None:
    with _open_folder() as folder:
        async with open_store(folder / "links.db") as one, open_store(folder / "links.db") as other:
            await one.put(KEY, TokenSet(ACCESS, REFRESH))
            link = await other.get(KEY)
    assert link is not None
    assert link.tokens.refresh_token == REFRESH


def _with_sqlites_mode(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(files, "_make_private", lambda _: True)


async def _copy_after_unlinking(_: Fence) -> object:
    with _open_folder() as folder:
        path = folder / "links.db"
        async with open_store(path) as store:
            await store.put(KEY, TokenSet(ACCESS, REFRESH))
            await store.delete(KEY)
        return REFRESH.encode() in path.read_bytes()


async def _copy_of_a_link(_: Fence) -> None:
    with _open_folder() as folder:
        path = folder / "links.db"
        async with open_store(path) as store:
            await store.put(KEY, TokenSet(ACCESS, REFRESH))
        assert REFRESH.encode() in path.read_bytes()  # it is a backup, after all


def _with_sqlites_default(patch: pytest.MonkeyPatch) -> None:
    # Not by leaving the statement out: some distributions build SQLite with another default.
    patch.setattr(schema, "_OVERWRITE", "PRAGMA secure_delete = OFF")


ATTACKS = [
    _read_as_another_user(""),
    _read_as_another_user("-wal"),
    Attack(
        name="a copy of the SQLite file holds tokens of a user who has disconnected",
        source="CWE-212, CWE-226",
        attempt=_copy_after_unlinking,
        honest=_copy_of_a_link,
        without_guard=_with_sqlites_default,
    ),
]
