"""Keeps OAuth2 tokens for an application's users and hands out an access token that works."""

from __future__ import annotations

from extauth.domain.errors import (
    ConfigurationError,
    ExtAuthError,
    LinkNotFound,
    NotAuthorized,
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthorizationRequired,
    RefreshInProgress,
    StoreUnavailable,
    TemporarilyUnavailable,
    UnknownProvider,
)
from extauth.domain.link import (
    GrantOrigin,
    Link,
    LinkKey,
    PendingExchange,
    RefreshFailure,
    TokenSet,
)
from extauth.domain.policy import Backoff, ProviderTraits, RefreshPolicy
from extauth.domain.ports import Clock, LinkStore, OAuthProvider, Observer
from extauth.opening import open_store
from extauth.services.single_flight import SingleFlight
from extauth.services.tokens import TokenService

__all__ = [
    "Backoff",
    "Clock",
    "ConfigurationError",
    "ExtAuthError",
    "GrantOrigin",
    "Link",
    "LinkKey",
    "LinkNotFound",
    "LinkStore",
    "NotAuthorized",
    "OAuthProvider",
    "Observer",
    "PendingExchange",
    "ProviderMisconfigured",
    "ProviderTraits",
    "ProviderUnavailable",
    "ReauthorizationRequired",
    "RefreshFailure",
    "RefreshInProgress",
    "RefreshPolicy",
    "SingleFlight",
    "StoreUnavailable",
    "TemporarilyUnavailable",
    "TokenService",
    "TokenSet",
    "UnknownProvider",
    "open_store",
]
