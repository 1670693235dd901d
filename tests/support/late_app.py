"""An application whose loop is blocked, or that is stopped, while the answer of its provider comes in.

Called with the store's URL, the token endpoint and the seconds by which its clocks jump while it is blocked;
0 for one that is stopped from outside. Prints the access token that it got, or the name of the error.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import timedelta

from extauth import RefreshPolicy, TokenService, open_store
from extauth.adapters.oauth2 import HttpTimeouts, OAuth2Provider

SHORT = timedelta(seconds=1)


def blocked_for(seconds: float) -> None:
    """Block this thread until told, and let the clocks say that it took so long."""
    print("blocked", flush=True)
    sys.stdin.readline()
    loops, leases = time.monotonic, time.clock_gettime
    time.monotonic = lambda: loops() + seconds  # what loops go by
    time.clock_gettime = lambda clock: leases(clock) + seconds  # and leases


async def main(url: str, token_url: str, seconds: float) -> None:
    """Get a token although the answer is read late."""
    # A stop takes its real time, so that all bounds are short then.
    timeouts = HttpTimeouts() if seconds else HttpTimeouts(read=SHORT, total=SHORT)
    policy = RefreshPolicy() if seconds else RefreshPolicy(exchange_timeout=SHORT)
    provider = OAuth2Provider(
        "app", client_id="client", client_secret="not-one", token_url=token_url, timeouts=timeouts
    )
    async with open_store(url) as store, TokenService(store, [provider], policy=policy) as service:
        call = asyncio.ensure_future(service.access_token("app", "alice"))
        if seconds:
            await asyncio.to_thread(sys.stdin.readline)
            blocked_for(seconds)
        (outcome,) = await asyncio.gather(call, return_exceptions=True)
        print(outcome if isinstance(outcome, str) else type(outcome).__name__, flush=True)


asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
