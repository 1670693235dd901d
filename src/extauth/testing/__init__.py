"""The public test kit.

Each name is imported when it is first used, so that the authorization server needs aiohttp only, the
contract pytest only, the races Hypothesis only, and the rest nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.testing.contract import (
        ImportStoreContract,
        InventoryContract,
        LinkingStoreContract,
        LinkStoreContract,
        SealedRowsContract,
    )
    from extauth.testing.contract.auditing import AuditContract
    from extauth.testing.contract.outbox.contract import OutboxContract
    from extauth.testing.movable_clock import MovableClock
    from extauth.testing.plugin.linking import Linker
    from extauth.testing.provider_model.faults import Fault, Faults
    from extauth.testing.schedules.explorer import Bounds, explore
    from extauth.testing.schedules.interleaver import (
        Interleaver,
        PromiseBroken,
        Setting,
        Step,
        VirtualClock,
        replay,
    )
    from extauth.testing.schedules.races import refresh_races
    from extauth.testing.scripted.linking import ScriptedLinkingProvider
    from extauth.testing.scripted.provider import ScriptedProvider
    from extauth.testing.server.authorization_server import AuthorizationServer
    from extauth.testing.server.browser import Callback, VisitRefused
    from extauth.testing.server.consent import Consent
    from extauth.testing.server.quirks import ServerQuirks
    from extauth.testing.server.refusals import Refusal

__all__ = [
    "AuditContract",
    "AuthorizationServer",
    "Bounds",
    "Callback",
    "Consent",
    "Fault",
    "Faults",
    "ImportStoreContract",
    "Interleaver",
    "InventoryContract",
    "LinkStoreContract",
    "Linker",
    "LinkingStoreContract",
    "MovableClock",
    "OutboxContract",
    "PromiseBroken",
    "Refusal",
    "ScriptedLinkingProvider",
    "ScriptedProvider",
    "SealedRowsContract",
    "ServerQuirks",
    "Setting",
    "Step",
    "VirtualClock",
    "VisitRefused",
    "explore",
    "refresh_races",
    "replay",
]

_MODULES = {
    "AuditContract": "extauth.testing.contract.auditing",
    "AuthorizationServer": "extauth.testing.server.authorization_server",
    "Bounds": "extauth.testing.schedules.explorer",
    "Callback": "extauth.testing.server.browser",
    "Consent": "extauth.testing.server.consent",
    "Fault": "extauth.testing.provider_model.faults",
    "Faults": "extauth.testing.provider_model.faults",
    "ImportStoreContract": "extauth.testing.contract",
    "Interleaver": "extauth.testing.schedules.interleaver",
    "InventoryContract": "extauth.testing.contract",
    "LinkStoreContract": "extauth.testing.contract",
    "LinkingStoreContract": "extauth.testing.contract",
    "Linker": "extauth.testing.plugin.linking",
    "MovableClock": "extauth.testing.movable_clock",
    "OutboxContract": "extauth.testing.contract.outbox.contract",
    "PromiseBroken": "extauth.testing.schedules.interleaver",
    "Refusal": "extauth.testing.server.refusals",
    "ScriptedLinkingProvider": "extauth.testing.scripted.linking",
    "ScriptedProvider": "extauth.testing.scripted.provider",
    "SealedRowsContract": "extauth.testing.contract",
    "ServerQuirks": "extauth.testing.server.quirks",
    "Setting": "extauth.testing.schedules.interleaver",
    "Step": "extauth.testing.schedules.interleaver",
    "VirtualClock": "extauth.testing.schedules.interleaver",
    "VisitRefused": "extauth.testing.server.browser",
    "explore": "extauth.testing.schedules.explorer",
    "refresh_races": "extauth.testing.schedules.races",
    "replay": "extauth.testing.schedules.interleaver",
}


_EXTRAS = {"aiohttp": "aiohttp", "hypothesis": "testing", "pytest": "testing"}
"""The extra that brings a package."""


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    try:
        module = import_module(_MODULES[name])
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        msg = f'{name} needs {error.name}; run: pip install "extauth[{_EXTRAS[error.name]}]"'
        raise ModuleNotFoundError(msg, name=error.name) from error
    return getattr(module, name)
