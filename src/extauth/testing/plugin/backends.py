"""On which stores a test runs: its mark, the command line or the configuration says so; none is left out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

MEMORY: Final = "memory"
SQLITE: Final = "sqlite"
POSTGRES: Final = "postgres"
BACKENDS: Final = (MEMORY, SQLITE, POSTGRES)

MARK: Final = "extauth_stores"
STORES: Final = "extauth_stores"
"""Of the configuration, and with dashes of the command line."""
DSN: Final = "extauth_postgres"
"""Likewise."""
DSN_VARIABLE: Final = "EXTAUTH_TEST_POSTGRES"

NO_DSN: Final = (
    "this test is to run on Postgres, and nothing says where that is: give --extauth-postgres=postgresql://...,"
    f" {DSN} in pytest's configuration, or {DSN_VARIABLE} in the environment. Each test gets a schema of its"
    " own there, which is dropped afterwards"
)


def checked(names: Iterable[str]) -> Sequence[str]:
    """Return the backends, each once.

    :raises ValueError: if there are none, or one that there is not.
    """
    chosen = list(dict.fromkeys(names))
    unknown = [name for name in chosen if name not in BACKENDS]
    if unknown or not chosen:
        found = ", ".join(map(repr, unknown)) or "none"
        msg = f"extauth_stores are some of {', '.join(BACKENDS)}, not {found}"
        raise ValueError(msg)
    return chosen


def asked_for(config: pytest.Config) -> Sequence[str]:
    """Return the backends that the command line names, or else the configuration; see :func:`checked`."""
    given: str | None = config.getoption(STORES)
    if given is not None:
        return checked(name.strip() for name in given.split(","))
    configured: list[str] = config.getini(STORES)
    return checked(configured)


def backends_of(config: pytest.Config, mark: pytest.Mark | None) -> Sequence[str]:
    """Return the backends of a test with such a mark, or none; see :func:`checked`."""
    return asked_for(config) if mark is None else checked(mark.args)


def postgres_dsn(config: pytest.Config) -> str | None:
    """Return where Postgres is: by command line, configuration or environment, in this order."""
    given: str | None = config.getoption(DSN) or config.getini(DSN) or os.environ.get(DSN_VARIABLE)
    return given or None
