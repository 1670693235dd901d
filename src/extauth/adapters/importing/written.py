"""A whole link as a JSON object, and back. Pure; no error repeats a value."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from extauth.domain.hidden import plain
from extauth.domain.imports import ImportedLink, RowRefused
from extauth.domain.link import Account, GrantOrigin, LinkKey, RefreshFailure
from extauth.domain.storable import JsonValue
from extauth.domain.token_set import ResourceToken, TokenSet


def to_json(link: ImportedLink) -> dict[str, JsonValue]:
    """Write a link. Key ids are left out: what is written here is plain."""
    tokens, origin, account, failure = link.tokens, link.origin, link.account, link.failure
    return {
        "provider_id": link.key.provider_id,
        "user_id": link.key.user_id,
        "tokens": {
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "expires_at": _written(tokens.expires_at),
            "scopes": list[JsonValue](sorted(tokens.scopes)),
            "token_type": tokens.token_type,
            "extra": dict(tokens.extra),
            "issued_at": _written(tokens.issued_at),
            "refresh_token_expires_at": _written(tokens.refresh_token_expires_at),
            "resource_tokens": {
                resource: {
                    "access_token": token.access_token,
                    "expires_at": _written(token.expires_at),
                    "issued_at": _written(token.issued_at),
                }
                for resource, token in tokens.resource_tokens.items()
            },
        },
        "origin": None
        if origin is None
        else {
            "client_id": origin.client_id,
            "token_endpoint": origin.token_endpoint,
            "resource": origin.resource,
        },
        "account": None
        if account is None
        else {
            "id": account.id,
            "login": account.login,
            "display_name": account.display_name,
            "avatar_url": account.avatar_url,
        },
        "failure": None
        if failure is None
        else {
            "reason": failure.reason,
            "at": _written(failure.at),
            "retry_at": _written(failure.retry_at),
            "attempts": failure.attempts,
        },
        "unresolved_since": _written(link.unresolved_since),
        "created_at": _written(link.created_at),
        "updated_at": _written(link.updated_at),
    }


def from_json(written: Mapping[str, Any]) -> ImportedLink:
    """Read what :func:`to_json` wrote.

    :raises RowRefused: for anything else.
    """
    with suppress(AttributeError, KeyError, TypeError, ValueError):  # which may quote a token
        return _read(written)
    msg = "it is no link as extauth exports them"
    raise RowRefused(msg)


def _read(written: Mapping[str, Any]) -> ImportedLink:
    tokens = {**written["tokens"]}
    for name in ("scopes", "token_type", "extra"):
        tokens[name] = plain(tokens[name])
    for name in ("expires_at", "issued_at", "refresh_token_expires_at"):
        tokens[name] = _instant(tokens[name])
    tokens["resource_tokens"] = {
        resource: ResourceToken(
            token["access_token"], _instant(token["expires_at"]), _instant(token["issued_at"])
        )
        for resource, token in tokens["resource_tokens"].items()
    }
    origin, account, failure = (plain(written[name]) for name in ("origin", "account", "failure"))
    return ImportedLink(
        LinkKey(plain(written["provider_id"]), plain(written["user_id"])),
        TokenSet(**tokens),
        origin=None if origin is None else GrantOrigin(**origin),
        account=None if account is None else Account(**account),
        failure=None if failure is None else _failure(failure),
        unresolved_since=_instant(written["unresolved_since"]),
        created_at=_instant(written["created_at"]),
        updated_at=_instant(written["updated_at"]),
    )


def _failure(written: Mapping[str, Any]) -> RefreshFailure:
    at = datetime.fromisoformat(written["at"])
    retry_at = _instant(written["retry_at"])
    return RefreshFailure(written["reason"], at, 1, retry_at=retry_at, attempts=written["attempts"])


def _written(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
