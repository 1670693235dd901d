"""Waiting that ends when the service is closed."""

from __future__ import annotations

import asyncio

from extauth.domain.ports import Clock


async def wait(clock: Clock, seconds: float, closing: asyncio.Event) -> None:
    """Wait that long, or until ``closing``, whichever comes first."""
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    closed = asyncio.ensure_future(closing.wait())
    try:
        await asyncio.wait({sleeping, closed}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleeping.cancel()
        closed.cancel()
