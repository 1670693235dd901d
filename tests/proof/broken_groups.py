"""What sharing a transaction can get wrong in SQLite, each with the test that was made for it."""

from __future__ import annotations

import asyncio
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from extauth.adapters.sqlite import grouped_writes, transactions
from extauth.adapters.sqlite.grouped_writes import GroupedWrites
from tests.adapters.sqlite import test_sqlite_grouped_writes as tests


@attrs.frozen
class Bug:
    """One change of the source, and who notices."""

    name: str
    owner: Any
    function: str
    old: str
    new: str
    check: Callable[..., Any]
    arguments: tuple[Any, ...] = ()

    def make(self, monkeypatch: Any) -> None:
        """Change it."""
        source = textwrap.dedent(inspect.getsource(getattr(self.owner, self.function)))
        assert self.old in source
        module = inspect.getmodule(getattr(self.owner, self.function))
        assert module is not None
        names: dict[str, Any] = {}
        exec(source.replace(self.old, self.new), vars(module), names)  # noqa: S102 - our own source
        monkeypatch.setattr(self.owner, self.function, names[self.function])

    def look(self, folder: Path) -> None:
        """Run the test."""
        found = self.check(folder / "links.db", *self.arguments)
        if inspect.iscoroutine(found):
            asyncio.run(found)


_IN = transactions
_OF = GroupedWrites

BUGS = [
    Bug(
        "each in a transaction of its own",
        grouped_writes,
        "carried_out",
        "len(writes) > 1",
        "not writes",
        tests.test_one_transaction,
    ),
    Bug(
        "one that fails takes all along",
        _IN,
        "_among_others",
        "return _shown(error)",
        "raise",
        tests.test_what_cannot_be_bound,
    ),
    Bug(
        "a write without its entry",
        _IN,
        "_among_others",
        '"ROLLBACK TO extauth_write"',
        '"SELECT 1"',
        tests.test_entries_are_each_with_their_write,
    ),
    Bug(
        "a transaction that a trigger ended goes on",
        _IN,
        "_together",
        "if not database.in_transaction:",
        "if False:",
        tests.test_a_row_that_cannot_be_written,
        ("ROLLBACK",),
    ),
    Bug(
        "a late constraint fails all",
        _IN,
        "_together",
        "if primary_code(error) == sqlite3.SQLITE_CONSTRAINT:",
        "if False:",
        tests.test_what_is_refused_when_all_is_committed,
    ),
    Bug(
        "a commit that fails is not told",
        _IN,
        "_together",
        "return [each if isinstance(each, Exception) else copied(error) for each in outcomes]",
        "return outcomes",
        tests.test_a_commit_that_fails,
    ),
    Bug(
        "one error for many",
        _IN,
        "_together",
        "else copied(error) for each",
        "else error for each",
        tests.test_a_commit_that_fails,
    ),
    Bug(
        "one error for many who could not begin",
        _IN,
        "_together",
        "return [copied(error) for _ in writes]",
        "return [error for _ in writes]",
        tests.test_a_writer_elsewhere_that_never_ends,
    ),
    Bug(
        "a failed commit leaves the transaction open",
        _IN,
        "_roll_back",
        "if cursor.connection.in_transaction:",
        "if False:",
        tests.test_a_commit_that_fails,
    ),
    Bug(
        "answered before the commit",
        _IN,
        "_together",
        'cursor.execute("COMMIT")',
        "pass",
        tests.test_nobody_is_answered_before_the_commit,
    ),
    Bug("the last comes first", _OF, "take", "popleft", "pop", tests.test_the_same_link_twice),
    Bug(
        "answers are mixed up",
        _OF,
        "carry_out",
        "zip(calls, outcomes, strict=True)",
        "zip(calls, [*outcomes][::-1], strict=True)",
        tests.test_one_transaction,
    ),
    Bug(
        "who sends the batch and is gone is not taken out",
        _OF,
        "_withdraw",
        "self._waiting.remove(call)",
        "self._waiting.remove(call) if call.answered else None",
        tests.test_a_call_that_is_cancelled_while_it_waits,
        (0,),
    ),
    Bug(
        "the next batch ends with asyncio.run",
        _OF,
        "_ended",
        "start_protected(self._send(batch))",
        "asyncio.ensure_future(self._send(batch))",
        tests.test_all_that_can_be_seen_is_cancelled_between_two_batches,
    ),
    Bug(
        "a replaced file is written",
        _OF,
        "carry_out",
        "self._connection.replaced()",
        "False",
        tests.test_a_file_that_was_replaced,
    ),
    Bug(
        "writes behind one that waits go first",
        grouped_writes._Batch,
        "fetchall",
        "self._group.take()",
        "[*self._group.take()][::-1]",
        tests.test_the_same_link_twice,
    ),
]
