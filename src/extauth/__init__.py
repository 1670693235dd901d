"""Keeps OAuth2 tokens for an application's users and hands out an access token that works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.adapters.audit import AuditTrail
from extauth.auth import Auth
from extauth.domain.access import AccessPolicy
from extauth.domain.acting import acting_as
from extauth.domain.actors import Action, Operator, Service, User
from extauth.domain.audit import AuditEntry, AuditKind, AuditSink, fingerprint
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
from extauth.front_door import open as open  # noqa: A004 - not in __all__: a star import shadows nothing
from extauth.opening import open_store
from extauth.services.linking.service import LinkingService
from extauth.services.observers import Observers
from extauth.services.refresh.service import TokenService
from extauth.services.single_flight import SingleFlight
from extauth.services.upkeep.service import UpkeepService

if TYPE_CHECKING:
    __version__: str
else:  # a type checker would take every misspelled name for one that this function knows

    def __getattr__(name: str) -> str:
        """Look the version up when it is asked for: reading metadata imports a parser of mail headers."""
        if name == "__version__":
            from extauth.version import installed_version  # noqa: PLC0415

            return installed_version()
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)


__all__ = [
    "AccessPolicy",
    "Account",
    "AccountChanged",
    "Action",
    "AlreadyCompleted",
    "AuditEntry",
    "AuditKind",
    "AuditSink",
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
    "fingerprint",
    "named_link",
    "named_provider_id",
    "open_store",
]
