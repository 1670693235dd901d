"""What a store tells of the writes that go through it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from extauth import LinkKey
from extauth.domain.own_writes import OwnWrites, own_writes_of, tells_of_writes

KEY = LinkKey("github", "alice")


class Heard:
    """Somebody who remembers links."""

    def __init__(self) -> None:
        self.writes: list[tuple[LinkKey | None, bool]] = []

    def written(self, key: LinkKey | None, *, ended: bool) -> None:
        self.writes.append((key, ended))


class Untold:
    """Some methods of a store, each of which fails if it is told to."""

    def __init__(self) -> None:
        self.own_writes = OwnWrites()

    async def get(self, key: LinkKey) -> str:
        """Read."""
        return f"read {key.user_id}"

    async def save(self, key: LinkKey, version: int, *, fails: BaseException | None = None) -> str:
        """Write one link."""
        if fails is not None:
            raise fails
        return f"saved {key.user_id} {version}"

    async def lift_failure(self, provider_id: str) -> int:
        """Write any number."""
        return len(provider_id)

    def release(self, key: LinkKey) -> str:
        """Not what a store has under this name: nothing is awaited."""
        return f"released {key.user_id}"


def telling() -> Untold:
    """A store that tells; its class is decorated anew, since mutants are at work in tests alone."""
    untold: Any = type("Store", (), dict(vars(Untold)))
    store: Untold = tells_of_writes(untold)()
    return store


def heard_of(store: Untold) -> Heard:
    """Somebody whom the store tells."""
    heard = Heard()
    store.own_writes.hear(heard)
    return heard


async def test_a_write_is_told_with_its_link():
    """However the key is given; what the method returns goes to its caller. A read is not told."""
    store = telling()
    heard = heard_of(store)
    assert await store.save(KEY, 2) == "saved alice 2"
    assert await store.save(key=KEY, version=3) == "saved alice 3"
    assert await store.get(KEY) == "read alice"
    assert store.release(KEY) == "released alice"
    assert heard.writes == [(KEY, True), (KEY, True)]


async def test_a_write_of_many_is_told_as_one_of_any():
    """Whose links it is about only the store knows."""
    store = telling()
    heard = heard_of(store)
    assert await store.lift_failure("github") == 6
    assert heard.writes == [(None, True)]


@pytest.mark.parametrize("fails", [ValueError("no"), asyncio.CancelledError()], ids=repr)
async def test_a_write_that_fails_may_yet_be_carried_out(fails: BaseException):
    """Its error goes on to its caller."""
    store = telling()
    heard = heard_of(store)
    with pytest.raises(type(fails)):
        await store.save(KEY, 2, fails=fails)
    assert heard.writes == [(KEY, False)]


async def test_everybody_is_told_and_nobody_kept():
    """Of several services on one store each remembers for itself, as long as it is there."""
    store = telling()
    heard, another = heard_of(store), heard_of(store)
    del another
    await store.save(KEY, 2)
    assert heard.writes == [(KEY, True)]
    assert len(store.own_writes._hearers) == 1


def test_what_a_store_tells_with_is_found():
    """None where it tells nothing, or has something else of that name."""
    store = telling()
    assert own_writes_of(store) is store.own_writes
    assert own_writes_of(object()) is None
    other: Any = telling()
    other.own_writes = "none of ours"
    assert own_writes_of(other) is None
