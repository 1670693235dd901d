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

__all__ = [
    "Backoff",
    "ConfigurationError",
    "ExtAuthError",
    "GrantOrigin",
    "Link",
    "LinkKey",
    "LinkNotFound",
    "NotAuthorized",
    "PendingExchange",
    "ProviderMisconfigured",
    "ProviderTraits",
    "ProviderUnavailable",
    "ReauthorizationRequired",
    "RefreshFailure",
    "RefreshInProgress",
    "RefreshPolicy",
    "StoreUnavailable",
    "TemporarilyUnavailable",
    "TokenSet",
    "UnknownProvider",
]
