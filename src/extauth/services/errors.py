"""The errors of refreshing and of linking, worded in one place."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta
from typing import Final, assert_never

from extauth.domain.errors import (
    AuthorizationRejected,
    CannotDecrypt,
    ExtAuthError,
    LinkDoubtful,
    LinkFenced,
    LinkNotFound,
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthorizationRequired,
    RefreshInProgress,
)
from extauth.domain.events import ProviderRejectedClient
from extauth.domain.fence import DOUBTFUL, FENCED
from extauth.domain.freshness import CoolDown, Decision, Reauthorize
from extauth.domain.link import GrantOrigin, Link, LinkKey
from extauth.domain.linking_outcomes import IdTokenRejected
from extauth.domain.outcomes import (
    ADDRESS_NOT_ALLOWED,
    REDIRECTED,
    ClientRejected,
    Deferred,
    GrantRejected,
    NotSent,
    Unknown,
)
from extauth.domain.probably_dead import PROBABLY_DEAD
from extauth.domain.provider_trouble import UNKNOWN_RESOURCE, speaks_of_client
from extauth.services.events import EventEmitter

UNRESOLVED: Final = "an earlier refresh is unresolved"
"""Why a refresh token is left alone that may be used up, as long as some access token works."""

GRANT_OF_ANOTHER_CLIENT: Final = "grant_of_another_client"
"""Why a token is neither sent nor handed out: it belongs to another client, token endpoint or resource."""


def refuse(key: LinkKey, decision: Decision | None, now: datetime) -> None:
    """Raise what a decision says against a refresh, if it does.

    :raises ReauthorizationRequired: if the user must authorize again, or probably must.
    :raises ProviderUnavailable: if it is too early.
    """
    match decision:
        case Reauthorize(reason):
            raise reauthorization_required(key, reason)
        case CoolDown(retry_at, reason):
            raise refresh_failed(key, reason, retry_at - now)
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
    what_to_do = "try again later"
    if not speaks_of_client(reason):
        what_to_do += (
            "; if other users' are refused too, look at the provider's settings, else let this one reconnect"
        )
    return ProviderUnavailable(
        f"{key.provider_id} did not refresh the token of {key.user_id!r} ({reason}): {what_to_do}",
        retry_after=retry_after,
    )


def refresh_failed(key: LinkKey, reason: str, retry_after: timedelta | None) -> ExtAuthError:
    """Say that a refresh failed for now, and if the link is probably dead that the user may connect again."""
    if reason == PROBABLY_DEAD:
        return ReauthorizationRequired(
            f"{key.provider_id} has refused {key.user_id!r} for long while it served others, so the grant is"
            f" probably over: {key.user_id!r} should connect again ({reason})",
            reason=reason,
        )
    if reason == FENCED:
        return link_fenced(key)
    if reason == DOUBTFUL:
        return link_doubtful(key)
    return provider_unavailable(key, reason, retry_after)


def link_fenced(key: LinkKey) -> LinkFenced:
    """Say that somebody else may be refreshing the grant, and who can end that."""
    return LinkFenced(
        f"the link of {key.user_id!r} to {key.provider_id} is fenced: it was moved here or away, and the"
        " other side may still refresh it. Once that side has stopped for good, lift the fence: extauth"
        f" retry {shlex.quote(key.provider_id)} --reason {FENCED} --yes, or in Python"
        f" extauth.transfer.lift_fence(store, {key.provider_id!r})"
    )


def link_doubtful(key: LinkKey) -> LinkDoubtful:
    """Say that the refresh token may be spent, and who can have it tried all the same."""
    provider, user = shlex.quote(key.provider_id), shlex.quote(key.user_id)
    return LinkDoubtful(
        f"the link of {key.user_id!r} to {key.provider_id} is from a database that was restored or copied:"
        " its refresh token may have been used up since, and is not presented. Let the user connect again; or"
        " look for a newer database, and if there is none, have it tried: extauth restored --agree"
        f" {provider} --user {user} --yes, or in Python"
        f" store.lift_failure({key.provider_id!r}, user_id={key.user_id!r}, reason={DOUBTFUL!r})"
    )


def refresh_in_progress(key: LinkKey, retry_after: timedelta) -> RefreshInProgress:
    """Say that another replica is at it."""
    return RefreshInProgress(
        f"another replica is refreshing {key.provider_id} for {key.user_id!r}", retry_after=retry_after
    )


def resource_refused(key: LinkKey, code: str, pause: timedelta) -> ExtAuthError:
    """Say that a token for one resource cannot be had, and if it is certain, that the code which asks must be
    mended."""
    if code in UNKNOWN_RESOURCE:
        return ProviderMisconfigured(
            f"{key.provider_id} gives no access tokens for the resource that was asked for", reason=code
        )
    return ProviderUnavailable(
        f"{key.provider_id} gave {key.user_id!r} no token for the resource that was asked for ({code}):"
        " if it gives one without a resource, this one may not be known there, or not be this client's to"
        " ask for",
        retry_after=pause,
    )


def client_rejected(provider_id: str, code: str, suspicion: str | None = None) -> ProviderMisconfigured:
    """Say that the deployment must be mended, and what the cause may be."""
    if code == ADDRESS_NOT_ALLOWED:
        return ProviderMisconfigured(
            f"{provider_id} is at an address that is not public, and was not asked: if it is meant to be,"
            ' make its provider, and its session if it has one, with reach="any" or, for this machine,'
            ' reach="loopback"',
            reason=code,
        )
    if code == REDIRECTED:
        return ProviderMisconfigured(
            f"{provider_id} does not answer at the configured address: {suspicion or 'it redirects'}; correct"
            " the URL of the endpoint (token_url, refresh_url or device_url)",
            reason=code,
        )
    return ProviderMisconfigured(
        f"{provider_id} rejects this application ({code}): check its client id, secret and settings"
        f"{f'; {suspicion}' if suspicion else ''}",
        reason=code,
    )


def grant_of_another_client(link: Link, configured: GrantOrigin | None) -> ProviderMisconfigured:
    """Say that the link's tokens belong elsewhere, and what to write if it is the same server all the same.

    Not what the origins are: a token endpoint's query may hold a secret.
    """
    names = {"client_id": "client id", "token_endpoint": "token endpoint", "resource": "resource"}
    differing = [
        name for field, name in names.items() if getattr(link.origin, field) != getattr(configured, field)
    ]
    msg = (
        f"the link of {link.key.user_id!r} to {link.key.provider_id} was made with another"
        f" {' and '.join(differing)} than the provider is configured with, so its tokens stay where they are:"
        " let the user connect again; or, if the server has only moved, give the provider"
        " formerly=[GrantOrigin(client_id, token_endpoint, resource)] with what was configured before"
    )
    return ProviderMisconfigured(msg, reason=GRANT_OF_ANOTHER_CLIENT)


def still_encrypted(link: Link, key_id: str) -> CannotDecrypt:
    """Say that the application has been started without the keys that others encrypt with."""
    msg = (
        f"the link of {link.key.user_id!r} to {link.key.provider_id} is encrypted with the key {key_id!r},"
        " and no keys were given here: write extauth.open(..., keys=...), as the other replicas do"
    )
    return CannotDecrypt(msg, reason="missing_key", key_id=key_id, key=link.key)


def refusal(
    provider_id: str,
    outcome: GrantRejected | IdTokenRejected | ClientRejected | Deferred | NotSent | Unknown,
    emitter: EventEmitter,
) -> ExtAuthError:
    """Return what to raise for an answer that connects nobody; tells what an operator must look at."""
    code = outcome.code
    match outcome:
        case ClientRejected():
            emitter.emit(ProviderRejectedClient(provider_id, code))
            return client_rejected(provider_id, code, outcome.suspicion)
        case GrantRejected():
            msg = f"{provider_id} does not accept the code that it gave ({code})"
            return AuthorizationRejected(msg, reason=code)
        case IdTokenRejected():
            msg = f"the ID token of {provider_id} is not for this authorization ({code})"
            return AuthorizationRejected(msg, reason=code)
        case Deferred() | Unknown() | NotSent():
            retry_after = None if isinstance(outcome, NotSent) else outcome.retry_after
            msg = f"{provider_id} did not complete the authorization ({code}); let the user begin again"
            return ProviderUnavailable(msg, retry_after=retry_after)
        case _:
            assert_never(outcome)
