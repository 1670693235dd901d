"""What sending writes together can get wrong in Postgres, each with the test that was made for it."""

from __future__ import annotations

from extauth.adapters.postgres import grouped_writes
from tests.adapters.postgres import test_postgres_grouped_writes as tests
from tests.proof.broken_groups import Bug

_IN = grouped_writes
_OF = grouped_writes._Kind

BUGS = [
    Bug(
        "a locked row holds the others up",
        _IN,
        "together",
        "SKIP LOCKED",
        "",
        tests.test_a_row_that_another_replica_has_locked,
    ),
    Bug(
        "the driver looks types up",
        _IN,
        "together",
        'f"${number}::text[]"',
        'f"${number}::{types[number - 1]}[]"',
        tests.test_the_driver_asks_nothing_and_sets_nothing,
    ),
    Bug(
        "a row that nobody can read spoils the others",
        _IN,
        "together",
        "WHERE {_READABLE}",
        "",
        tests.test_a_row_that_cannot_be_read,
    ),
    Bug(
        "entries are left out",
        _IN,
        "together",
        'if audited else ""}',
        'if not types else ""}',
        tests.test_entries_are_each_with_their_write,
    ),
    Bug(
        "one time for all",
        _IN,
        "together",
        "sql.rpartition(",
        'sql.replace("clock_timestamp()", "now()").rpartition(',
        tests.test_a_lease_has_its_own_time,
    ),
    Bug(
        "one row that is refused fails all",
        _IN,
        "_undone",
        "return isinstance(cause, asyncpg.PostgresError) and",
        "return False and",
        tests.test_a_row_that_cannot_be_written,
        (False,),
    ),
    Bug(
        "what may have been done is done again",
        _IN,
        "_undone",
        "return isinstance(cause, asyncpg.PostgresError) and",
        "return True or",
        tests.test_a_reply_that_is_lost,
    ),
    Bug(
        "one error for many",
        _OF,
        "_carry_out",
        "set_exception(_another(error))",
        "set_exception(error)",
        tests.test_a_reply_that_is_lost,
    ),
    Bug(
        "answers are mixed up",
        _OF,
        "_carry_out",
        "calls[number - 1]",
        "calls[-number]",
        tests.test_one_statement,
        (None,),
    ),
    Bug(
        "a link twice in one statement",
        _OF,
        "_take",
        "call.values.first(2)",
        "(id(call),)",
        tests.test_the_same_link_twice,
    ),
    Bug(
        "who is gone is not taken out",
        _OF,
        "_take",
        "if call.answered.done():",
        "if False:",
        tests.test_a_call_that_is_cancelled_while_it_waits,
    ),
    Bug(
        "one that takes long is waited for",
        _OF,
        "_overdue",
        "self._batch = None",
        "return",
        tests.test_a_batch_that_takes_long,
    ),
    Bug(
        "the first one's lock is waited for",
        _OF,
        "_send_next",
        "if self._batch is None",
        "if not self.alone and self._batch is None",
        tests.test_a_lock_that_the_first_one_waits_for,
    ),
    Bug(
        "a batch ends with asyncio.run",
        _OF,
        "_send_next",
        "Context().run(start_protected, ",
        "asyncio.ensure_future(",
        tests.test_all_that_can_be_seen_is_cancelled,
    ),
]
