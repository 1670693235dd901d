"""At its most talkative a process shows no secret, whatever store it uses and whatever goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrecy.acts import ACTS, Act, play
from tests.secrecy.breakages import BREAKAGES
from tests.secrecy.canaries import Canaries
from tests.secrecy.places import ENCRYPTED, EVERYWHERE, KEY, ON_DISK, SQLITE, place
from tests.secrecy.watch import Watch
from tests.servers.postgres_server import PostgresServer


def _name_of(act: Act) -> str:
    return act.__name__


def watched(act: Act, kind: str, folder: Path, server: PostgresServer) -> tuple[Watch, Canaries]:
    """Play an act on a store of that kind, under a watch."""
    watch, canaries = Watch(), Canaries()
    if kind.endswith(ENCRYPTED):
        canaries.add("encryption key", KEY.reveal().partition(":")[2])
        canaries.add("encryption key", repr(KEY.secret))

    async def main() -> None:
        async with place(kind, folder, server) as opened:
            await play(act, opened, watch, canaries)

    watch.run(main)
    return watch, canaries


@pytest.mark.parametrize("kind", EVERYWHERE)
@pytest.mark.parametrize("act", ACTS, ids=_name_of)
def test_in_use(act: Act, kind: str, tmp_path, postgres_server):
    """Neither logs, warnings, errors nor reprs show a token, code, state, salt, verifier or client secret."""
    watch, canaries = watched(act, kind, tmp_path, postgres_server)
    assert watch.leaks(canaries.found_in) == {}
    talked = {where for where, _ in watch.seen}
    assert {"log of asyncio", *(["log of aiosqlite"] if kind in SQLITE else [])} <= talked


@pytest.mark.parametrize("kind", ON_DISK)
@pytest.mark.parametrize("act", BREAKAGES, ids=_name_of)
def test_when_the_database_fails(act: Act, kind: str, tmp_path, postgres_server):
    """Nor does what the store, its driver and the database itself say of a failure."""
    watch, canaries = watched(act, kind, tmp_path, postgres_server)
    assert watch.leaks(canaries.found_in) == {}


def test_every_kind_of_secret_is_looked_for(tmp_path, postgres_server):
    """The acts make some of each."""
    kinds: set[str] = set()
    for act in ACTS:
        _, canaries = watched(act, "memory", tmp_path, postgres_server)
        kinds |= canaries.kinds()
    assert kinds == {
        "access token",
        "client secret",
        "code",
        "device code",
        "id token",
        "initial access token",
        "nonce",
        "refresh token",
        "registration token",
        "state or salt",
        "user code",
        "verifier",
    }
