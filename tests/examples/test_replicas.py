"""The example with three replicas, by its own processes on a real Postgres."""

from __future__ import annotations

from tests.examples.programs import output_in, run


def test_three_replicas_make_one_exchange_for_each_user(postgres_dsn):
    """All of them serve all users, and each user's token is exchanged once, however many were refused."""
    assert run("replicas/run.py", "--demo", "--port", "0", postgres_dsn) == output_in("replicas")
