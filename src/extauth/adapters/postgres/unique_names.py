"""Connections whose prepared statements have names that no other connection's have."""

from __future__ import annotations

import itertools
import math
import random
import secrets
import time
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

if TYPE_CHECKING:
    _Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection  # generic in the stubs only

MOST_AGE = 300.0
"""Seconds. A connection that answers says nothing about what its server has become in the meantime."""
GOODBYE = 1.0
"""Seconds that a server has for hanging up."""


class UniqueNamesConnection(_Connection):
    """An asyncpg connection that draws at random what the names of its prepared statements begin with.

    asyncpg counts them, and each process counts from one: behind a pooler that gives a transaction any of
    its server connections, a name of one process is another statement of the next, which is then executed.
    A name of this class's can only be missing there (SQLSTATE 26000), and then nothing is executed.

    A store uses it for five minutes at most, so that none stays with a server that another one has replaced.
    Closing it, unless told otherwise, takes a second at most, also where the server does not hang up.

    The pool that :meth:`PostgresLinkStore.open` makes has it. On a pool that is given to a store it saves a
    round trip for each statement: ``asyncpg.create_pool(dsn, connection_class=UniqueNamesConnection)``.
    """

    __slots__ = ("_extauth_count", "extauth_prefix", "extauth_until")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.extauth_prefix = f"extauth_{secrets.token_hex(16)}_"
        self._extauth_count = itertools.count(1)
        # Not all at the same moment.
        self.extauth_until = time.monotonic() + MOST_AGE * random.uniform(0.8, 1)  # noqa: S311

    def _get_unique_id(self, prefix: str) -> str:
        del prefix  # one count for statements, portals and savepoints
        return f"{self.extauth_prefix}{next(self._extauth_count)}"

    async def close(self, *, timeout: float | None = None) -> None:
        try:
            await super().close(timeout=GOODBYE if timeout is None else timeout)
        except TimeoutError:
            if timeout is not None:
                raise


def is_aged(connection: object) -> bool:
    """Whether a connection, or its proxy in a pool, has been in use for long enough."""
    return is_over(in_use_until(connection))


def in_use_until(connection: object) -> float:
    """Return when it will have been, on the monotonic clock. Asked of a proxy that takes a microsecond."""
    until: float = getattr(connection, "extauth_until", math.inf)
    return until


def is_over(until: float) -> bool:
    """Whether that is past."""
    return time.monotonic() >= until


def prefix_of(connection: object) -> str | None:
    """Return what the names begin with on a connection, or its proxy in a pool; None if they are asyncpg's.

    ``isinstance`` would not tell: asyncpg takes any of its connections for one of each subclass.
    """
    return getattr(connection, "extauth_prefix", None)
