from __future__ import annotations

import pytest

from extauth.cli.demo.messages import (
    Attempt,
    Exchange,
    Finished,
    Go,
    Message,
    Orders,
    Question,
    Ready,
    Recall,
    Recalled,
    Stop,
    Tally,
    decode,
    encode,
)

ORDERS = Orders(
    way="extauth",
    replica=1,
    store="postgresql://user:password@host/db",
    naive_table="naive",
    token_url="http://127.0.0.1:1/token",
    resource_url="http://127.0.0.1:1/resource",
    client_id="client",
    client_secret="secret-1",
    users=["alice", "bob"],
    callers=3,
    pause=0.1,
    check_every=20,
    margin=0.4,
    seed=0,
)


@pytest.mark.parametrize(
    "message",
    [
        ORDERS,
        Ready(),
        Go(),
        Stop(),
        Tally(served=3, checked=2, dead=1, errors={"reconnect": 4}),
        Finished(Tally(served=1), [Exchange("alice", 0, 1.5, 1.25)]),
        Finished(
            Tally(),
            attempts=[
                Attempt(
                    user="alice",
                    replica=1,
                    token="a1",
                    presented=1.5,
                    answered=2.0,
                    written=2.5,
                    refused=True,
                )
            ],
        ),
        Recall("alice", 1.0, 2.0),
        Recalled([Question(0, 1, 1.0, 1.5)]),
    ],
    ids=lambda message: type(message).__name__,
)
def test_messages_survive_the_pipe(message: Message) -> None:
    """Each message is one line and reads back equal."""
    line = encode(message)
    assert line.count(b"\n") == 1
    assert decode(line) == message


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"[]\n", b"{}\n", b'{"kind": "Other"}\n', b'{"kind": "Recall", "secret": "rt-1"}\n']
)
def test_other_lines_are_refused_without_repeating_them(line: bytes) -> None:
    """What is no message is a ValueError that shows nothing of the line."""
    with pytest.raises(ValueError, match="no message of the demo") as caught:
        decode(line)
    assert caught.value.__cause__ is None


def test_orders_hide_their_secrets() -> None:
    """The client secret and the store's password are not in the repr."""
    assert "secret-1" not in repr(ORDERS)
    assert "password" not in repr(ORDERS)


def test_tallies_add_up() -> None:
    """Adding replicas' tallies adds every counter, and errors by their code."""
    total = Tally(served=1, checked=2, dead=3, errors={"a": 1}) + Tally(
        served=10, checked=20, dead=30, errors={"a": 2, "b": 5}
    )
    assert total == Tally(served=11, checked=22, dead=33, errors={"a": 3, "b": 5})
    assert total.failed == 8
