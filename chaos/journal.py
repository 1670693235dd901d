"""A replica's diary, one JSON object a line, which survives the replica's SIGKILL.

Each line is one write to the kernel, made before the replica goes on: what was written is there whenever
the process dies. Times are the machine's monotonic clock, which all its processes share.
"""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, final

import attrs

from extauth.domain.events import Event
from extauth.domain.link import LinkKey


@final
class Journal:
    """Appends to one file. It is an :class:`~extauth.Observer` as well."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, what: str, **facts: object) -> None:
        """Note that something happened just now."""
        line = json.dumps({"at": time.monotonic(), "what": what, **facts}) + "\n"
        os.write(self._descriptor, line.encode())

    def notify(self, event: Event) -> None:
        """Note an event of the token service's."""
        facts = {field.name: _plain(getattr(event, field.name)) for field in attrs.fields(type(event))}
        self.write(type(event).__name__, **facts)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _plain(value: object) -> object:
    match value:
        case LinkKey(user_id=user):
            return user
        case timedelta():
            return value.total_seconds()
        case _:
            return value


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Return a journal's lines; none if there is no such file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]
