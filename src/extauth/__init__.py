"""Keeps OAuth2 tokens for an application's users and hands out an access token that works.

Each name is imported when it is first used: all of them take several times as long as importing asyncio, and
who imports extauth for an error or a type, or where it is not used today, does not wait for that.
"""

# pyright: reportUnusedImport=false

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Type checkers, and what makes one file of an application (PyInstaller), find all of it by these.
    from extauth import events, health, inventory, keys, outbox, transfer  # noqa: F401
    from extauth.adapters.audit import AuditTrail
    from extauth.auth import Auth
    from extauth.domain.access import AccessPolicy
    from extauth.domain.acting import acting_as
    from extauth.domain.actors import Action, Operator, Service, User
    from extauth.domain.audit import AuditEntry, AuditKind, AuditSink, AuditStore, audit_of, fingerprint
    from extauth.domain.data_keys import DataKey, KeyProvider
    from extauth.domain.device_authorization import DeviceAuthorization
    from extauth.domain.errors import (
        AccountChanged,
        AlreadyCompleted,
        AuthorizationExpired,
        AuthorizationFailed,
        AuthorizationRejected,
        CannotDecrypt,
        ConfigurationError,
        ConsentDenied,
        ExtAuthError,
        InsufficientScope,
        InvalidCallback,
        IssuerMismatch,
        KeyInUse,
        LinkDoubtful,
        LinkFenced,
        LinkingFailed,
        LinkNotFound,
        LinkUnreadable,
        NotAuthorized,
        ProviderMisconfigured,
        ProviderUnavailable,
        ReauthorizationRequired,
        RefreshInProgress,
        StoreUnavailable,
        TemporarilyUnavailable,
        UnknownProvider,
        UnknownState,
        WrongUser,
    )
    from extauth.domain.link import Account, GrantOrigin, Link, LinkKey, PendingExchange, RefreshFailure
    from extauth.domain.linking import (
        ClientRegistration,
        Installation,
        UnlinkOutcome,
        named_link,
        named_provider_id,
    )
    from extauth.domain.linking_outcomes import TokenInvalid, TokenUnverified, TokenValid
    from extauth.domain.linking_ports import LinkingProvider, LinkingStore, Store
    from extauth.domain.policy import Backoff, ProviderTraits, RefreshPolicy
    from extauth.domain.ports import Clock, LinkStore, OAuthProvider, Observer, RefreshStore
    from extauth.domain.rate_limit import RateLimit
    from extauth.domain.readiness import Readiness
    from extauth.domain.token_set import ResourceToken, TokenSet
    from extauth.domain.upkeep import Upkeep, UpkeepReport
    from extauth.domain.watching import RefreshWatcher
    from extauth.front_door import open as open  # noqa: A004 - not in __all__, see there
    from extauth.opening import open_store
    from extauth.services.linking.service import LinkingService
    from extauth.services.observers import Observers
    from extauth.services.refresh.service import TokenService
    from extauth.services.single_flight import SingleFlight
    from extauth.services.upkeep.service import UpkeepService

    __version__: str

__all__ = [
    "AccessPolicy",
    "Account",
    "AccountChanged",
    "Action",
    "AlreadyCompleted",
    "AuditEntry",
    "AuditKind",
    "AuditSink",
    "AuditStore",
    "AuditTrail",
    "Auth",
    "AuthorizationExpired",
    "AuthorizationFailed",
    "AuthorizationRejected",
    "Backoff",
    "CannotDecrypt",
    "ClientRegistration",
    "Clock",
    "ConfigurationError",
    "ConsentDenied",
    "DataKey",
    "DeviceAuthorization",
    "ExtAuthError",
    "GrantOrigin",
    "Installation",
    "InsufficientScope",
    "InvalidCallback",
    "IssuerMismatch",
    "KeyInUse",
    "KeyProvider",
    "Link",
    "LinkDoubtful",
    "LinkFenced",
    "LinkKey",
    "LinkNotFound",
    "LinkStore",
    "LinkUnreadable",
    "LinkingFailed",
    "LinkingProvider",
    "LinkingService",
    "LinkingStore",
    "NotAuthorized",
    "OAuthProvider",
    "Observer",
    "Observers",
    "Operator",
    "PendingExchange",
    "ProviderMisconfigured",
    "ProviderTraits",
    "ProviderUnavailable",
    "RateLimit",
    "Readiness",
    "ReauthorizationRequired",
    "RefreshFailure",
    "RefreshInProgress",
    "RefreshPolicy",
    "RefreshStore",
    "RefreshWatcher",
    "ResourceToken",
    "Service",
    "SingleFlight",
    "Store",
    "StoreUnavailable",
    "TemporarilyUnavailable",
    "TokenInvalid",
    "TokenService",
    "TokenSet",
    "TokenUnverified",
    "TokenValid",
    "UnknownProvider",
    "UnknownState",
    "UnlinkOutcome",
    "Upkeep",
    "UpkeepReport",
    "UpkeepService",
    "User",
    "WrongUser",
    "acting_as",
    "audit_of",
    "fingerprint",
    "named_link",
    "named_provider_id",
    "open_store",
]

_MODULES = {
    "AccessPolicy": "extauth.domain.access",
    "Account": "extauth.domain.link",
    "AccountChanged": "extauth.domain.errors",
    "Action": "extauth.domain.actors",
    "AlreadyCompleted": "extauth.domain.errors",
    "AuditEntry": "extauth.domain.audit",
    "AuditKind": "extauth.domain.audit",
    "AuditSink": "extauth.domain.audit",
    "AuditStore": "extauth.domain.audit",
    "AuditTrail": "extauth.adapters.audit",
    "Auth": "extauth.auth",
    "AuthorizationExpired": "extauth.domain.errors",
    "AuthorizationFailed": "extauth.domain.errors",
    "AuthorizationRejected": "extauth.domain.errors",
    "Backoff": "extauth.domain.policy",
    "CannotDecrypt": "extauth.domain.errors",
    "ClientRegistration": "extauth.domain.linking",
    "Clock": "extauth.domain.ports",
    "ConfigurationError": "extauth.domain.errors",
    "ConsentDenied": "extauth.domain.errors",
    "DataKey": "extauth.domain.data_keys",
    "DeviceAuthorization": "extauth.domain.device_authorization",
    "ExtAuthError": "extauth.domain.errors",
    "GrantOrigin": "extauth.domain.link",
    "InsufficientScope": "extauth.domain.errors",
    "Installation": "extauth.domain.linking",
    "InvalidCallback": "extauth.domain.errors",
    "IssuerMismatch": "extauth.domain.errors",
    "KeyInUse": "extauth.domain.errors",
    "KeyProvider": "extauth.domain.data_keys",
    "Link": "extauth.domain.link",
    "LinkDoubtful": "extauth.domain.errors",
    "LinkFenced": "extauth.domain.errors",
    "LinkKey": "extauth.domain.link",
    "LinkNotFound": "extauth.domain.errors",
    "LinkStore": "extauth.domain.ports",
    "LinkUnreadable": "extauth.domain.errors",
    "LinkingFailed": "extauth.domain.errors",
    "LinkingProvider": "extauth.domain.linking_ports",
    "LinkingService": "extauth.services.linking.service",
    "LinkingStore": "extauth.domain.linking_ports",
    "NotAuthorized": "extauth.domain.errors",
    "OAuthProvider": "extauth.domain.ports",
    "Observer": "extauth.domain.ports",
    "Observers": "extauth.services.observers",
    "Operator": "extauth.domain.actors",
    "PendingExchange": "extauth.domain.link",
    "ProviderMisconfigured": "extauth.domain.errors",
    "ProviderTraits": "extauth.domain.policy",
    "ProviderUnavailable": "extauth.domain.errors",
    "RateLimit": "extauth.domain.rate_limit",
    "Readiness": "extauth.domain.readiness",
    "ReauthorizationRequired": "extauth.domain.errors",
    "RefreshFailure": "extauth.domain.link",
    "RefreshInProgress": "extauth.domain.errors",
    "RefreshPolicy": "extauth.domain.policy",
    "RefreshStore": "extauth.domain.ports",
    "RefreshWatcher": "extauth.domain.watching",
    "ResourceToken": "extauth.domain.token_set",
    "Service": "extauth.domain.actors",
    "SingleFlight": "extauth.services.single_flight",
    "Store": "extauth.domain.linking_ports",
    "StoreUnavailable": "extauth.domain.errors",
    "TemporarilyUnavailable": "extauth.domain.errors",
    "TokenInvalid": "extauth.domain.linking_outcomes",
    "TokenService": "extauth.services.refresh.service",
    "TokenSet": "extauth.domain.token_set",
    "TokenUnverified": "extauth.domain.linking_outcomes",
    "TokenValid": "extauth.domain.linking_outcomes",
    "UnknownProvider": "extauth.domain.errors",
    "UnknownState": "extauth.domain.errors",
    "UnlinkOutcome": "extauth.domain.linking",
    "Upkeep": "extauth.domain.upkeep",
    "UpkeepReport": "extauth.domain.upkeep",
    "UpkeepService": "extauth.services.upkeep.service",
    "User": "extauth.domain.actors",
    "WrongUser": "extauth.domain.errors",
    "acting_as": "extauth.domain.acting",
    "audit_of": "extauth.domain.audit",
    "fingerprint": "extauth.domain.audit",
    "named_link": "extauth.domain.linking",
    "named_provider_id": "extauth.domain.linking",
    "open": "extauth.front_door",
    "open_store": "extauth.opening",
}
"""Where each is, as above; a test compares."""

_SUBMODULES = ("events", "health", "inventory", "keys", "outbox", "transfer")
"""Public modules that are found without an import of their own, as ``extauth.events``."""

if not TYPE_CHECKING:  # a type checker would take every misspelled name for one that this function knows

    def __getattr__(name: str) -> object:
        """Import a public name, or look the version up: reading metadata imports a parser of mail headers."""
        if name == "__version__":
            from extauth.version import installed_version  # noqa: PLC0415

            return installed_version()
        if name in _SUBMODULES:
            return import_module(f"extauth.{name}")
        if name not in _MODULES:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg, name=name, obj=sys.modules[__name__])
        found = getattr(import_module(_MODULES[name]), name)
        globals()[name] = found  # once
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *_MODULES, *_SUBMODULES, "__version__"})
