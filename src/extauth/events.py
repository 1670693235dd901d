"""The events that an :class:`~extauth.Observer` is told, for refreshes and for linking.

:data:`Event` is any of them: a type checker then knows which cases a ``match`` leaves out.
"""

from __future__ import annotations

from extauth.domain.events import (
    AccountLookupFailed,
    AccountReplaced,
    Event,
    ExchangeStarted,
    ExchangeUnresolved,
    LinkAdopted,
    LinkConnected,
    LinkProbablyDead,
    LinkReauthorizationRequired,
    LinkRefreshed,
    LinkRemoved,
    ProviderRejectedClient,
    RefreshFailed,
    RefreshTokenMissing,
    SaveAbandoned,
    SaveDelayed,
    SharedGrantEnded,
    StoreRestored,
    StoreWentBack,
    UnlinkedMeanwhile,
    UpkeepSwept,
)

__all__ = [
    "AccountLookupFailed",
    "AccountReplaced",
    "Event",
    "ExchangeStarted",
    "ExchangeUnresolved",
    "LinkAdopted",
    "LinkConnected",
    "LinkProbablyDead",
    "LinkReauthorizationRequired",
    "LinkRefreshed",
    "LinkRemoved",
    "ProviderRejectedClient",
    "RefreshFailed",
    "RefreshTokenMissing",
    "SaveAbandoned",
    "SaveDelayed",
    "SharedGrantEnded",
    "StoreRestored",
    "StoreWentBack",
    "UnlinkedMeanwhile",
    "UpkeepSwept",
]
