"""Whether an application can be sent requests: what a readiness probe asks."""

from __future__ import annotations

from typing import Final, Literal, Protocol, TypeAlias, cast, final

import attrs

from extauth.domain.link import LinkKey
from extauth.domain.ports import RefreshStore

NotReady: TypeAlias = Literal["closing", "store_unavailable", "store_misconfigured"]
"""Why not: it is about to end; its store does not answer now; it answers, and somebody must mend it."""

_NOBODYS: Final = LinkKey("-", "-")

STATUS_OK: Final = 200
STATUS_UNAVAILABLE: Final = 503


@final
@attrs.frozen
class Readiness:
    """What a readiness probe is to be answered."""

    reason: NotReady | None = None
    """Why not; None if it is ready."""

    @property
    def ready(self) -> bool:
        """Whether it is."""
        return self.reason is None

    @property
    def status(self) -> int:
        """The HTTP status for the probe: 200 or 503 (RFC 9110 section 15.6.4)."""
        return STATUS_OK if self.ready else STATUS_UNAVAILABLE


class PingableStore(Protocol):
    """A store that can be asked whether it works. All shipped ones can; the others are asked for a link that
    is not there."""

    async def ping(self) -> None:
        """See that links can be read: one round trip, which reads no row and costs the same in a full store.

        It fails too where a table or column is missing, as after a restore. A store that answers may still
        take no write. Can be cancelled at any time; nothing is left behind.

        :raises StoreUnavailable: if links cannot be read now.
        """
        ...


async def ping(store: RefreshStore) -> None:
    """Ask any store whether it works; raises as :meth:`PingableStore.ping`."""
    if hasattr(store, "ping"):
        await cast("PingableStore", store).ping()
    else:
        await store.get(_NOBODYS)
