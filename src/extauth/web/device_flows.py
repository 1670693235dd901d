"""Where device flows under way are kept: on the server, under the user who began them."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from typing import Final, Protocol, final

from extauth.domain.hidden import Hidden
from extauth.domain.link import LinkKey

MOST_KEPT: Final = 10_000
"""Device flows of one process; the oldest gives way."""


class DeviceFlowStorage(Protocol):
    """Keeps the text of :meth:`extauth.DeviceAuthorization.to_json`, which is a secret, for a user.

    An application with several replicas gives one that all of them see, encrypted as a token would be.
    """

    async def keep(self, key: LinkKey, text: str, until: datetime) -> None:
        """Keep it until then, in place of an earlier one of that key."""
        ...

    async def find(self, key: LinkKey) -> str | None:
        """Return what is kept, or None."""
        ...

    async def forget(self, key: LinkKey) -> None:
        """Keep it no longer, if it is kept."""
        ...


@final
class InThisProcess:
    """Keeps them in memory: for one replica, or for several if a user always meets the same one."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[LinkKey, Hidden[str]] = OrderedDict()

    async def keep(self, key: LinkKey, text: str, until: datetime) -> None:  # noqa: ARG002 - the bound suffices
        """See :meth:`DeviceFlowStorage.keep`."""
        self._kept.pop(key, None)
        self._kept[key] = Hidden(text)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    async def find(self, key: LinkKey) -> str | None:
        """See :meth:`DeviceFlowStorage.find`."""
        found = self._kept.get(key)
        return None if found is None else found.value

    async def forget(self, key: LinkKey) -> None:
        """See :meth:`DeviceFlowStorage.forget`."""
        self._kept.pop(key, None)
