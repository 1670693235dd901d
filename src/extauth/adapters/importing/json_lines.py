"""A file with a JSON object on each line, in plain text."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Final, TypeAlias

from extauth.adapters.importing.values import mapping_of
from extauth.domain.hidden import NamesOnly
from extauth.domain.imports import RowRefused

_Row: TypeAlias = Mapping[str, object] | RowRefused

_AT_ONCE: Final = 200
"""Lines that are read before others have their turn."""


async def json_lines(
    path: str | os.PathLike[str],
) -> AsyncGenerator[_Row, None]:
    """Yield the rows of a file, in UTF-8; a line that holds no object is a row that is refused.

    Empty lines count and are refused, too, so that the numbers of rows are those of the lines.

    :raises OSError: if the file cannot be read.
    """
    with await asyncio.to_thread(Path(path).open, "rb") as file:
        async for row in json_lines_in(file):
            yield row


async def json_lines_in(file: IO[bytes]) -> AsyncGenerator[_Row, None]:
    """Yield those of a file that is open, such as a pipe; it stays open.

    Cancelled, it ends at once, though a read may go on in a thread that nobody waits for: give it a file that
    nobody else reads, and no ``sys.stdin``, which a thread must not hold when the interpreter ends.
    """
    while rows := await _unwaited(partial(_read, file)):
        for row in rows:
            yield row


async def _unwaited(read: Callable[[], list[_Row]]) -> list[_Row]:
    """Return what is read in a thread. A pipe may be silent for ever: neither a cancellation nor the end of
    the event loop or of the process waits for it, as they would for a thread of the loop's own."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[_Row]] = loop.create_future()

    def settle(rows: list[_Row] | None, error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(rows or [])

    def work() -> None:
        rows: list[_Row] | None = None
        failure: Exception | None = None
        try:
            rows = read()
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            failure = error
        with suppress(RuntimeError):  # the loop is closed, and nobody asks any more
            loop.call_soon_threadsafe(settle, rows, failure)

    threading.Thread(target=work, name="extauth reads rows", daemon=True).start()
    return await done


def _read(file: IO[bytes]) -> list[_Row]:
    return [_row(line) for line in islice(file, _AT_ONCE)]


def _row(line: bytes) -> _Row:
    try:
        row: object = json.loads(line)
    except (ValueError, RecursionError):  # which quotes what it could not decode
        row = None
    named = mapping_of(row)
    return RowRefused("the line is no JSON object") if named is None else NamesOnly(named)
