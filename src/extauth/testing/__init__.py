"""The public test kit.

Each name is imported when it is first used, so that the authorization server needs aiohttp only, the
contract pytest only, the races Hypothesis only, and the rest nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.testing.authorization_server import AuthorizationServer
    from extauth.testing.contract import LinkStoreContract
    from extauth.testing.explorer import Bounds, explore
    from extauth.testing.faults import Fault, Faults
    from extauth.testing.interleaver import Interleaver, PromiseBroken, Setting, Step, VirtualClock, replay
    from extauth.testing.races import refresh_races
    from extauth.testing.scripted_linking import ScriptedLinkingProvider
    from extauth.testing.scripted_provider import ScriptedProvider

__all__ = [
    "AuthorizationServer",
    "Bounds",
    "Fault",
    "Faults",
    "Interleaver",
    "LinkStoreContract",
    "PromiseBroken",
    "ScriptedLinkingProvider",
    "ScriptedProvider",
    "Setting",
    "Step",
    "VirtualClock",
    "explore",
    "refresh_races",
    "replay",
]

_MODULES = {
    "AuthorizationServer": "extauth.testing.authorization_server",
    "Bounds": "extauth.testing.explorer",
    "Fault": "extauth.testing.faults",
    "Faults": "extauth.testing.faults",
    "Interleaver": "extauth.testing.interleaver",
    "LinkStoreContract": "extauth.testing.contract",
    "PromiseBroken": "extauth.testing.interleaver",
    "ScriptedLinkingProvider": "extauth.testing.scripted_linking",
    "ScriptedProvider": "extauth.testing.scripted_provider",
    "Setting": "extauth.testing.interleaver",
    "Step": "extauth.testing.interleaver",
    "VirtualClock": "extauth.testing.interleaver",
    "explore": "extauth.testing.explorer",
    "refresh_races": "extauth.testing.races",
    "replay": "extauth.testing.interleaver",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_MODULES[name]), name)
