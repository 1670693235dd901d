"""The storm of key rotation in its short form: the code of ``make rotation``, with some hundreds of links."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.rotation import report, storm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LINKS = 300


async def _survived(url: str, folder: Path) -> None:
    outcome = await storm(url, folder, links=LINKS, replicas=2, seed=7)
    said = report("short form", outcome)
    print(said)
    assert outcome.good, said
    assert outcome.refreshed > 0, said
    assert all(written < LINKS for written in outcome.written), said


async def test_keys_are_rotated_in_a_storm_on_postgres(postgres_dsn, tmp_path):
    """Two processes refresh and one is killed, as is the rotation; every link opens under the new key."""
    await _survived(postgres_dsn, tmp_path)


@pytest.mark.proof
async def test_keys_are_rotated_in_a_storm_on_a_sqlite_file(tmp_path):
    """The same on one file, with its one writer at a time."""
    await _survived(f"sqlite:///{tmp_path}/links.db", tmp_path)
