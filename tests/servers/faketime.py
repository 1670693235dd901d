"""A Postgres server whose clock a test sets, by libfaketime."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from tests.servers.postgres_server import OwnPostgresServer, own_postgres

_NAME = "faketime/libfaketime.so.1"


def find_faketime() -> str:
    """Return the library: the one that ``EXTAUTH_TEST_FAKETIME`` names, or one that is installed.

    :raises RuntimeError: if there is none.
    """
    given = os.environ.get("EXTAUTH_TEST_FAKETIME")
    found = [given] if given else [str(path) for path in Path("/usr").glob(f"lib*/**/{_NAME}")]
    if not found:
        msg = (
            "no libfaketime to test with: install it (Debian, Ubuntu: apt install libfaketime), or name the"
            " library in EXTAUTH_TEST_FAKETIME"
        )
        raise RuntimeError(msg)
    return found[0]


@contextmanager
def postgres_of_its_own_time() -> Generator[tuple[OwnPostgresServer, Callable[[int], None]], None, None]:
    """Run a server, and yield it with what sets its wall clock ahead of ours by so many seconds."""
    with tempfile.NamedTemporaryFile("w", prefix="extauth-faketime-") as offset:
        path = Path(offset.name)
        path.chmod(0o644)

        def set_ahead(seconds: int) -> None:
            path.write_text(f"{seconds:+d}\n")

        set_ahead(0)
        environment = {
            "LD_PRELOAD": find_faketime(),
            "FAKETIME_TIMESTAMP_FILE": offset.name,
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        with patch.dict(os.environ, environment):
            running = own_postgres()
            server = running.__enter__()
        try:
            yield server, set_ahead
        finally:
            running.__exit__(None, None, None)


if __name__ == "__main__":
    try:
        find_faketime()
    except RuntimeError as error:
        sys.exit(str(error))
