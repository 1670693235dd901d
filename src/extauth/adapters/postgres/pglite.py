"""PGlite: Postgres in WebAssembly, which has one session, and lets as many clients share it as it is told to.

Whoever comes beyond that is hung up on, which looks like a server that goes away now and then.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

from extauth.adapters.postgres.failures import DRIVER_ERRORS
from extauth.adapters.postgres.pools import Pool, give_back
from extauth.domain.errors import ConfigurationError


async def check_clients(pool: Pool, version: str) -> None:
    """If the server is PGlite, by what it says that it is, see that it serves as many connections as the
    pool may make, of which one is in use.

    :raises ConfigurationError: it says how many it serves.
    """
    if "PGlite" not in version:
        return
    served, wanted = 1, pool.get_max_size()
    async with AsyncExitStack() as closing:
        while served < wanted:
            try:
                other = await pool.acquire()
            except DRIVER_ERRORS:
                break
            closing.push_async_callback(give_back, pool, other)
            served += 1
    if served < wanted:
        many = "one connection only" if served == 1 else f"{served} connections only"
        msg = (
            f"this PGlite serves {many}, and the store may make {wanted}: open it with max_size={served}, or"
            " start PGlite's socket server with more (--max-connections)"
        )
        raise ConfigurationError(msg)
