"""The public test kit.

Each name is imported when it is first used, so that the authorization server needs aiohttp only, the
contract pytest only, the races Hypothesis only, and the rest nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.testing.authorization_server import AuthorizationServer
    from extauth.testing.contract import LinkingStoreContract, LinkStoreContract
    from extauth.testing.explorer import Bounds, explore
    from extauth.testing.faults import Fault, Faults
    from extauth.testing.interleaver import Interleaver, PromiseBroken, Setting, Step, VirtualClock, replay
    from extauth.testing.races import refresh_races
    from extauth.testing.scripted_linking import ScriptedLinkingProvider
    from extauth.testing.scripted_provider import ScriptedProvider
    from extauth.testing.server.browser import Callback, VisitRefused
    from extauth.testing.server.consent import Consent
    from extauth.testing.server.quirks import ServerQuirks
    from extauth.testing.server.refusals import Refusal

__all__ = [
    "AuthorizationServer",
    "Bounds",
    "Callback",
    "Consent",
    "Fault",
    "Faults",
    "Interleaver",
    "LinkStoreContract",
    "LinkingStoreContract",
    "PromiseBroken",
    "Refusal",
    "ScriptedLinkingProvider",
    "ScriptedProvider",
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
    "AuthorizationServer": "extauth.testing.authorization_server",
    "Bounds": "extauth.testing.explorer",
    "Callback": "extauth.testing.server.browser",
    "Consent": "extauth.testing.server.consent",
    "Fault": "extauth.testing.faults",
    "Faults": "extauth.testing.faults",
    "Interleaver": "extauth.testing.interleaver",
    "LinkStoreContract": "extauth.testing.contract",
    "LinkingStoreContract": "extauth.testing.contract",
    "PromiseBroken": "extauth.testing.interleaver",
    "Refusal": "extauth.testing.server.refusals",
    "ScriptedLinkingProvider": "extauth.testing.scripted_linking",
    "ScriptedProvider": "extauth.testing.scripted_provider",
    "ServerQuirks": "extauth.testing.server.quirks",
    "Setting": "extauth.testing.interleaver",
    "Step": "extauth.testing.interleaver",
    "VirtualClock": "extauth.testing.interleaver",
    "VisitRefused": "extauth.testing.server.browser",
    "explore": "extauth.testing.explorer",
    "refresh_races": "extauth.testing.races",
    "replay": "extauth.testing.interleaver",
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
