"""Links as commands show them: for programs every member always, for people one row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from extauth.cli.command import Table
from extauth.cli.times import shown, written
from extauth.domain.fence import DOUBTFUL, FENCED
from extauth.domain.inventory import LinkSummary
from extauth.domain.link import LinkKey, RefreshFailure

LINK_MEMBERS: Mapping[str, str] = {
    "provider": "its id",
    "user": "the application's id of the user",
    "state": "`ok`, `expiring` (within 5 minutes), `expired`, `cooling` (a refresh failed; no other"
    " yet; or it is fenced or held, as `failure` says), `leased` (a replica is refreshing it), `unresolved`"
    " (one began to; nobody knows how that ended), `broken` (the user connects again, or `extauth retry`), or"
    " `unreadable` (the row is damaged)",
    "version": "how often the credentials were written",
    "created_at": "when the user connected first",
    "updated_at": "when the credentials were last written",
    "expires_at": "when the access token ends, or null if that is unknown",
    "refreshable": "whether there is a refresh token",
    "refresh_token_expires_at": "when that ends, or null if that is unknown",
    "scopes": "what the access token is for, sorted",
    "encrypted_with": "the id of the key, or null if the tokens are plain",
    "client_id": "the client that the grant belongs to, or null if that is unknown",
    "failure": '`{"reason", "at", "version", "retry_at", "attempts", "permanent"}` of the mark, or null',
    "pending": '`{"since", "live"}` of an exchange whose end nobody has recorded, or null',
    "account": '`{"id", "login", "display_name"}` at the provider, or null if that is unknown',
}
"""What :func:`summary_json` says. Times are ISO 8601 in UTC."""

_LIFTED = {FENCED: f"extauth retry --reason {FENCED}", DOUBTFUL: "extauth restored --agree"}

HEADINGS = ("provider", "user", "state", "expires", "refresh", "mark", "account")


def key_json(key: LinkKey) -> dict[str, object]:
    """Return which link it is."""
    return {"provider": key.provider_id, "user": key.user_id}


def summary_json(link: LinkSummary) -> dict[str, object]:
    """Return all that is known of a link. Times are ISO 8601 in UTC."""
    account, pending = link.account, link.pending
    return {
        **key_json(link.key),
        "state": link.state,
        "version": link.version,
        "created_at": written(link.created_at),
        "updated_at": written(link.updated_at),
        "expires_at": written(link.expires_at),
        "refreshable": link.refreshable,
        "refresh_token_expires_at": written(link.refresh_token_expires_at),
        "scopes": sorted(link.scopes),
        "encrypted_with": link.encrypted_with,
        "client_id": link.client_id,
        "failure": None if link.failure is None else _failure_json(link.failure),
        "pending": None if pending is None else {"since": written(pending.since), "live": pending.live},
        "account": (
            None
            if account is None
            else {"id": account.id, "login": account.login, "display_name": account.display_name}
        ),
    }


def _failure_json(failure: RefreshFailure) -> dict[str, object]:
    return {
        "reason": failure.reason,
        "at": written(failure.at),
        "version": failure.version,
        "retry_at": written(failure.retry_at),
        "attempts": failure.attempts,
        "permanent": failure.permanent,
    }


def row(link: LinkSummary) -> tuple[str, ...]:
    """Return a row under :data:`HEADINGS`."""
    return (
        link.key.provider_id,
        link.key.user_id,
        link.state,
        shown(link.expires_at) or "unknown",
        "yes" if link.refreshable else "no",
        "" if link.failure is None else link.failure.reason,
        "" if link.account is None else link.account.login or link.account.id,
    )


def details(link: LinkSummary) -> Table:
    """Return everything, a line each; what is not there is left out."""
    found: list[tuple[str, str]] = []
    for name, value in summary_json(link).items():
        if value in (None, []):
            continue
        if name == "failure" and link.failure is not None:
            found.append((name, _failure(link.failure)))
        elif name == "pending" and link.pending is not None:
            live = (
                "a replica is refreshing it" if link.pending.live else "began, and nobody knows how it ended"
            )
            found.append((name, f"{live}, since {shown(link.pending.since)}"))
        elif name == "account" and link.account is not None:
            names = (link.account.id, link.account.login, link.account.display_name)
            found.append((name, ", ".join(each for each in names if each)))
        else:
            attribute = getattr(link, name, value)
            moment = attribute if isinstance(attribute, datetime) else None
            text = " ".join(sorted(link.scopes)) if name == "scopes" else str(value)
            found.append((name.replace("_", " "), text if moment is None else shown(moment)))
    return Table(("", ""), found)


def _failure(failure: RefreshFailure) -> str:
    said = f"{failure.reason} at {shown(failure.at)}"
    if (lifted := _LIFTED.get(failure.reason)) is not None:
        return f"{said}; not refreshed until that is lifted by {lifted}"
    then = "connect again, or lift it by extauth retry"
    if failure.retry_at is not None:
        then = f"tried again from {shown(failure.retry_at)}"
    return f"{said}, {failure.attempts} in a row; {then}"
