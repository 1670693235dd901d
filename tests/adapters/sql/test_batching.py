"""Reads that share round trips."""

from __future__ import annotations

import asyncio

import pytest

from extauth import StoreUnavailable
from extauth.adapters.sql.batching import MAX_BATCH, BatchedReads


class Database:
    """Finds every key but "missing"; each query waits for the gate if there is one."""

    def __init__(self):
        self.queries = []
        self.senders = []
        self.running = 0
        self.most_running = 0
        self.gate = None
        self.error = None

    async def fetch(self, keys):
        self.queries.append(list(keys))
        self.senders.append(asyncio.current_task())
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        try:
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(0)
            if self.error is not None:
                raise self.error
            return {key: f"{key}!" for key in keys if key != "missing"}
        finally:
            self.running -= 1


@pytest.fixture
def database():
    """A database without a gate."""
    return Database()


@pytest.fixture
def reads(database):
    """Batched reads of it."""
    return BatchedReads(database.fetch)


async def held_read(reads, database, key="first"):
    """Start a read whose query is on its way until the gate opens."""
    database.gate = asyncio.Event()
    read = asyncio.create_task(reads.get(key))
    await asyncio.sleep(0)
    assert database.queries[-1] == [key]
    return read


async def test_a_lone_read_runs_in_its_callers_task(reads, database):
    """Nothing is started for a read that has the database to itself."""
    before = asyncio.all_tasks()
    database.gate = asyncio.Event()
    asyncio.get_running_loop().call_soon(lambda: seen.append(asyncio.all_tasks()))
    asyncio.get_running_loop().call_soon(database.gate.set)
    seen = []
    assert await reads.get("a") == "a!"
    assert seen == [before]


async def test_whoever_is_left_alone_reads_alone(reads, database):
    """A reader that goes on when the others are done is served by no task in between."""
    first = await held_read(reads, database)

    async def read_on():
        return [await reads.get(key) for key in ("a", "b", "c")]

    reader = asyncio.create_task(read_on())
    await asyncio.sleep(0)
    database.gate.set()
    assert [await first, *await reader] == ["first!", "a!", "b!", "c!"]
    assert database.queries == [["first"], ["a"], ["b"], ["c"]]
    assert [sender is reader for sender in database.senders] == [False, False, True, True]


async def test_reads_during_a_query_share_the_next(reads, database):
    """Whoever asks while a query is on its way goes into the next one, each key once."""
    first = await held_read(reads, database)
    others = [asyncio.create_task(reads.get(key)) for key in ("a", "b", "a", "missing")]
    await asyncio.sleep(0)
    database.gate.set()
    assert await asyncio.gather(first, *others) == ["first!", "a!", "b!", "a!", None]
    assert database.queries == [["first"], ["a", "b", "missing"]]
    assert database.most_running == 1


async def test_never_joins_a_query_already_sent(reads, database):
    """Even the same key is asked for again: the query on its way may be older than the caller's write."""
    first = await held_read(reads, database, "a")
    second = asyncio.create_task(reads.get("a"))
    await asyncio.sleep(0)
    database.gate.set()
    await asyncio.gather(first, second)
    assert database.queries == [["a"], ["a"]]


async def test_a_cancelled_leader_leaves_the_others_served(reads, database):
    """Cancelling the read that runs the query serves those who wait with the next one."""
    first = await held_read(reads, database)
    other = asyncio.create_task(reads.get("a"))
    await asyncio.sleep(0)
    first.cancel()
    database.gate.set()
    assert await other == "a!"
    assert await reads.get("b") == "b!"


async def test_a_cancelled_follower_is_left_out(reads, database):
    """Cancelling one who waits touches no other."""
    first = await held_read(reads, database)
    a, b = (asyncio.create_task(reads.get(key)) for key in "ab")
    await asyncio.sleep(0)
    a.cancel()
    database.gate.set()
    assert await asyncio.gather(first, b) == ["first!", "b!"]


async def test_an_error_is_for_those_who_asked(reads, database):
    """A query that fails fails for its own callers; the next one is asked again."""
    first = await held_read(reads, database)
    others = [asyncio.create_task(reads.get(key)) for key in "ab"]
    await asyncio.sleep(0)
    database.error = StoreUnavailable("down")
    database.gate.set()
    results = await asyncio.gather(first, *others, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    database.error = None
    assert await reads.get("a") == "a!"


async def test_a_swept_batch_fails_instead_of_hanging(reads, database):
    """When the task that serves those who wait is cancelled, they are told, and reading goes on."""
    first = await held_read(reads, database)
    database.gate.set()
    waiting = [asyncio.create_task(reads.get(key)) for key in "ab"]
    await asyncio.sleep(0)
    database.gate = asyncio.Event()
    await first
    late = asyncio.create_task(reads.get("c"))
    await asyncio.sleep(0)
    reads._draining.cancel()
    results = await asyncio.gather(*waiting, late, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    database.gate = None
    assert await reads.get("d") == "d!"


async def test_many_keys_at_once(reads, database):
    """A set of keys is one query, and the missing ones are missing."""
    assert await reads.get_many(["a", "missing", "b"]) == {"a": "a!", "b": "b!"}
    assert database.queries == [["a", "missing", "b"]]
    assert await reads.get_many([]) == {}


async def test_many_keys_wait_for_their_turn(reads, database):
    """A set of keys asked for during a query goes with the next one."""
    first = await held_read(reads, database)
    many = asyncio.create_task(reads.get_many("ab"))
    await asyncio.sleep(0)
    database.gate.set()
    await first
    assert await many == {"a": "a!", "b": "b!"}
    assert database.most_running == 1


async def test_a_query_has_a_largest_size(reads, database):
    """More keys than a query may hold are spread over several."""
    keys = [str(number) for number in range(2 * MAX_BATCH + 1)]
    found = await reads.get_many(keys)
    assert found == {key: f"{key}!" for key in keys}
    assert [len(query) for query in database.queries] == [MAX_BATCH, MAX_BATCH, 1]


async def test_those_served_together_who_ask_again_share_the_next_query(reads, database):
    """Whoever is woken first does not run a query alone while the others wait for it."""
    first = await held_read(reads, database)

    async def reader(name):
        await reads.get(f"{name}1")
        await reads.get(f"{name}2")

    readers = [asyncio.create_task(reader(name)) for name in "abc"]
    await asyncio.sleep(0)
    database.gate.set()
    await asyncio.gather(first, *readers)
    assert database.queries == [["first"], ["a1", "b1", "c1"], ["a2", "b2", "c2"]]
