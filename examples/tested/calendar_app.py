"""A part of an application: who has a free evening, and what to say when the calendar cannot be asked.

It takes an ``Auth`` and never opens one: in production that is on Postgres, in tests in memory.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AbstractAsyncContextManager

import extauth
from extauth import Auth, LinkNotFound, ReauthorizationRequired, TemporarilyUnavailable
from extauth.adapters.encryption import keys_from_environment
from extauth.adapters.providers import google

PROVIDER = "google"


async def calendar_status(auth: Auth, user: str) -> str:
    """Say to a user how their calendar is doing."""
    try:
        await auth.access_token(PROVIDER, user)
    except LinkNotFound:
        return "Connect your calendar."
    except ReauthorizationRequired as error:
        return f"Connect your calendar again. {error.explanation}"
    except TemporarilyUnavailable:
        return "Your calendar does not answer. Look again later."
    return "Your calendar is connected."


def in_production() -> AbstractAsyncContextManager[Auth]:
    """Open extauth as the deployment's environment says."""
    return extauth.open(
        os.environ["DATABASE_URL"],
        [google(client_id=os.environ["GOOGLE_ID"], client_secret=os.environ["GOOGLE_SECRET"])],
        keys=keys_from_environment(),
    )


async def main() -> None:
    """Say how alice's calendar is doing."""
    async with in_production() as auth:
        print(await calendar_status(auth, "alice"))


if __name__ == "__main__":
    asyncio.run(main())
