"""The example of a worker for many users, as a program."""

from __future__ import annotations

import re

from tests.examples.programs import output_in, run


def test_a_pass_over_users(tmp_path):
    """All who can be served are; those who cannot are named, and upkeep looks after the others."""
    store = f"sqlite:///{tmp_path}/links.db"
    named = []
    assert run("worker/run.py", "--users", "300", "--store", store, said=named) == output_in("worker")
    assert re.findall(r"the link of '([\w-]+)'", "\n".join(named)) == ["user-0", "user-100", "user-200"]
