"""How values of many parts are written in a text column. Nothing is written as empty text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from extauth.domain.storable import JsonValue
from extauth.domain.token_set import ResourceToken


@lru_cache  # most links of a provider have the same
def scopes_to_text(scopes: frozenset[str]) -> str:
    """Write scopes as a sorted JSON array; the empty set as empty text."""
    names = sorted(scopes)
    return json.dumps(names) if names else ""


@lru_cache  # most links of a provider have the same
def scopes_from_text(text: str) -> frozenset[str]:
    """Read what :func:`scopes_to_text` wrote."""
    return frozenset(json.loads(text)) if text else frozenset()


def extra_to_text(extra: Mapping[str, JsonValue]) -> str:
    """Write a JSON object in ASCII, so that no store sees a character it cannot keep."""
    return json.dumps(dict(extra)) if extra else ""


def extra_from_text(text: str) -> dict[str, JsonValue]:
    """Read what :func:`extra_to_text` wrote."""
    return json.loads(text) if text else {}


def list_to_text(texts: Sequence[str]) -> str:
    """Write texts in their order."""
    return json.dumps(list(texts)) if texts else ""


def list_from_text(text: str) -> tuple[str, ...]:
    """Read what :func:`list_to_text` wrote."""
    return tuple(json.loads(text)) if text else ()


def resource_tokens_to_text(tokens: Mapping[str, ResourceToken]) -> str:
    """Write access tokens for single resources, with their instants in ISO 8601, to the microsecond."""
    if not tokens:
        return ""
    written = {
        resource: {
            "access_token": token.access_token,
            "expires_at": _instant_to_text(token.expires_at),
            "issued_at": _instant_to_text(token.issued_at),
        }
        for resource, token in tokens.items()
    }
    return json.dumps(written)


def resource_tokens_from_text(text: str) -> dict[str, ResourceToken]:
    """Read what :func:`resource_tokens_to_text` wrote."""
    if not text:
        return {}
    return {
        resource: ResourceToken(
            written["access_token"],
            expires_at=_instant_from_text(written["expires_at"]),
            issued_at=_instant_from_text(written["issued_at"]),
        )
        for resource, written in json.loads(text).items()
    }


def _instant_to_text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _instant_from_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
