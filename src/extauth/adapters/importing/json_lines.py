"""A file with a JSON object on each line, in plain text."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Final

from extauth.adapters.importing.values import mapping_of
from extauth.domain.hidden import NamesOnly
from extauth.domain.imports import RowRefused

_AT_ONCE: Final = 200
"""Lines that are read before others have their turn."""


async def json_lines(
    path: str | os.PathLike[str],
) -> AsyncGenerator[Mapping[str, object] | RowRefused, None]:
    """Yield the rows of a file, in UTF-8; a line that holds no object is a row that is refused.

    Empty lines count and are refused, too, so that the numbers of rows are those of the lines.

    :raises OSError: if the file cannot be read.
    """
    with await asyncio.to_thread(Path(path).open, "rb") as file:
        async for row in json_lines_in(file):
            yield row


async def json_lines_in(file: IO[bytes]) -> AsyncGenerator[Mapping[str, object] | RowRefused, None]:
    """Yield those of a file that is open, such as stdin; it stays open."""
    while rows := await asyncio.to_thread(_read, file):
        for row in rows:
            yield row


def _read(file: IO[bytes]) -> list[Mapping[str, object] | RowRefused]:
    return [_row(line) for line in islice(file, _AT_ONCE)]


def _row(line: bytes) -> Mapping[str, object] | RowRefused:
    try:
        row: object = json.loads(line)
    except ValueError:  # quotes what it could not decode
        row = None
    named = mapping_of(row)
    return RowRefused("the line is no JSON object") if named is None else NamesOnly(named)
