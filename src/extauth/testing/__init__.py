"""The public test kit.

Each name is imported when it is first used, so that the authorization server needs aiohttp only, the
contract pytest only, and the scripted provider and the faults nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.testing.authorization_server import AuthorizationServer
    from extauth.testing.contract import LinkStoreContract
    from extauth.testing.faults import Fault, Faults
    from extauth.testing.scripted_provider import ScriptedProvider

__all__ = ["AuthorizationServer", "Fault", "Faults", "LinkStoreContract", "ScriptedProvider"]

_MODULES = {
    "AuthorizationServer": "extauth.testing.authorization_server",
    "Fault": "extauth.testing.faults",
    "Faults": "extauth.testing.faults",
    "LinkStoreContract": "extauth.testing.contract",
    "ScriptedProvider": "extauth.testing.scripted_provider",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_MODULES[name]), name)
