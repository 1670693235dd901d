"""Services that were made and not closed, so that whoever closes a store can close them first."""

from __future__ import annotations

import weakref
from contextlib import AsyncExitStack
from typing import Protocol

from extauth.domain.ports import LinkStore


class _Service(Protocol):
    def uses(self, store: LinkStore) -> bool: ...

    async def aclose(self) -> None: ...


_open: weakref.WeakSet[_Service] = weakref.WeakSet()
"""What is under way in a service keeps it alive."""


def note_open(service: _Service) -> None:
    """Take note of a service that was made."""
    _open.add(service)


async def close_services_on(store: LinkStore) -> None:
    """Close every service that is still open on ``store``, before the store itself is closed.

    All of them, also if one cannot be or the caller is cancelled meanwhile; that is raised at the end.
    """
    async with AsyncExitStack() as closing:
        for service in [service for service in _open if service.uses(store)]:
            closing.push_async_callback(service.aclose)
