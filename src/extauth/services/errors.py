"""The errors of a refresh, worded in one place."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from extauth.domain.errors import (
    LinkNotFound,
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthorizationRequired,
    RefreshInProgress,
)
from extauth.domain.freshness import CoolDown, Decision, Reauthorize
from extauth.domain.link import LinkKey

UNRESOLVED: Final = "an earlier refresh is unresolved"
"""Why a refresh token is left alone that may be used up, as long as some access token works."""


def refuse(key: LinkKey, decision: Decision, now: datetime) -> None:
    """Raise what a decision says against a refresh, if it does.

    :raises ReauthorizationRequired: if the user must authorize again.
    :raises ProviderUnavailable: if it is too early.
    """
    match decision:
        case Reauthorize(reason):
            raise reauthorization_required(key, reason)
        case CoolDown(retry_at, reason):
            raise provider_unavailable(key, reason, retry_at - now)
        case _:
            pass


def link_not_found(key: LinkKey) -> LinkNotFound:
    """Say that the user must connect."""
    return LinkNotFound(f"{key.user_id!r} has not connected {key.provider_id}")


def reauthorization_required(key: LinkKey, reason: str) -> ReauthorizationRequired:
    """Say that the user must connect again."""
    return ReauthorizationRequired(
        f"{key.user_id!r} must connect {key.provider_id} again ({reason})", reason=reason
    )


def provider_unavailable(key: LinkKey, reason: str, retry_after: timedelta | None) -> ProviderUnavailable:
    """Say that a refresh failed for now."""
    return ProviderUnavailable(
        f"{key.provider_id} did not refresh the token of {key.user_id!r} ({reason}); try again later",
        retry_after=retry_after,
    )


def refresh_in_progress(key: LinkKey, retry_after: timedelta) -> RefreshInProgress:
    """Say that another replica is at it."""
    return RefreshInProgress(
        f"another replica is refreshing {key.provider_id} for {key.user_id!r}", retry_after=retry_after
    )


def unknown_resource(provider_id: str) -> ProviderMisconfigured:
    """Say that the code which asks must be mended."""
    return ProviderMisconfigured(
        f"{provider_id} gives no access tokens for the resource that was asked for", reason="invalid_target"
    )
