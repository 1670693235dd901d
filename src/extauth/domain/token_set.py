"""The tokens of one grant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, final

import attrs

from extauth.domain.partly_read import PartlyRead, Unread
from extauth.domain.storable import (
    JsonValue,
    empty_is_none,
    json_object,
    masked,
    names_only,
    optional_instant,
    optional_text,
    scope_names,
    storable_text,
    text,
)


def _access_token(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not storable_text(value, attribute.name):
        msg = "access_token must not be empty"
        raise ValueError(msg)


@final
@attrs.frozen
class ResourceToken:
    """An access token for one resource (RFC 8707), got with the refresh token of a grant for several.

    Its ``repr`` shows no secret. Stored, it is encrypted with the same key as the grant's access token.

    :raises ValueError: for an empty access token or a naive datetime.
    """

    access_token: str = attrs.field(validator=_access_token, repr=masked)
    expires_at: datetime | None = attrs.field(default=None, converter=optional_instant)
    """As :attr:`TokenSet.expires_at`."""
    issued_at: datetime | None = attrs.field(default=None, converter=optional_instant)
    """As :attr:`TokenSet.issued_at`."""


def _resource_tokens(value: Mapping[str, ResourceToken]) -> Mapping[str, ResourceToken]:
    return {storable_text(resource, "resource_tokens"): token for resource, token in value.items()}


@final
@attrs.frozen
class TokenSet(PartlyRead):
    """One answer of a token endpoint (RFC 6749 section 5.1), as it is kept.

    Its ``repr`` shows no secret.

    :raises ValueError: for an empty access token, a naive datetime, text that is not valid Unicode
        or holds NUL, or an ``extra`` that JSON would not give back the same.
    """

    access_token: str = attrs.field(validator=_access_token, repr=masked)
    refresh_token: str | None = attrs.field(
        default=None, converter=empty_is_none, validator=optional_text, repr=masked
    )
    """``None`` or ``''`` when the provider gave none."""
    expires_at: datetime | None = attrs.field(default=None, converter=optional_instant)
    """When the access token stops working, in UTC; ``None`` when the provider did not say."""
    scopes: frozenset[str] = attrs.field(default=frozenset(), converter=scope_names)
    """Granted scopes, where the provider named them (RFC 6749 section 3.3)."""
    token_type: str = attrs.field(default="Bearer", validator=text)
    extra: Mapping[str, JsonValue] = attrs.field(
        factory=dict[str, JsonValue], converter=json_object, repr=names_only, hash=False
    )
    """Other members of the provider's answer that are worth keeping."""
    access_token_key_id: str | None = attrs.field(default=None, validator=optional_text)
    """Names the key that the stored access token is encrypted with; ``None`` for plain text."""
    refresh_token_key_id: str | None = attrs.field(default=None, validator=optional_text)
    issued_at: datetime | None = attrs.field(default=None, converter=optional_instant)
    """When the access token was asked for, in UTC; gives its lifetime together with ``expires_at``."""
    refresh_token_expires_at: datetime | None = attrs.field(default=None, converter=optional_instant)
    """When the provider said that the refresh token stops working, in UTC. For people and upkeep only: a
    link is dead when the provider says so, never because a date has passed."""
    resource_tokens: Mapping[str, ResourceToken] = attrs.field(
        factory=dict[str, ResourceToken], converter=_resource_tokens, hash=False
    )
    """Access tokens for single resources under the same grant, by resource indicator (RFC 8707)."""

    def _parts(self, unread: Unread) -> Mapping[str, Any]:
        return unread.token_parts()

    def succeeding(self, previous: TokenSet) -> TokenSet:
        """Return these tokens as the successor of ``previous`` within one grant.

        A refresh answer may omit what did not change: the refresh token (RFC 6749 section 6), the
        scopes (section 5.1) and provider-specific members. Those are carried forward, as are the tokens
        of resources that the answer is not about. Never use it across two authorizations: the new one
        may belong to another account.
        """
        resource_tokens = {**previous.resource_tokens, **self.resource_tokens}
        return attrs.evolve(self, **carried_forward(self, previous), resource_tokens=resource_tokens)

    def resealed(self, sealed: TokenSet) -> TokenSet:
        """Return these tokens with the texts and key ids of ``sealed``, another encryption of them.

        All else stays, also of the tokens for single resources. One that ``sealed`` leaves out is dropped:
        under the new key nothing could read it. A member of ``extra`` that it leaves out stays as it is.
        """
        return attrs.evolve(
            self,
            access_token=sealed.access_token,
            refresh_token=sealed.refresh_token,
            access_token_key_id=sealed.access_token_key_id,
            refresh_token_key_id=sealed.refresh_token_key_id,
            resource_tokens={
                resource: attrs.evolve(token, access_token=sealed.resource_tokens[resource].access_token)
                for resource, token in self.resource_tokens.items()
                if resource in sealed.resource_tokens
            },
            extra={name: sealed.extra.get(name, value) for name, value in self.extra.items()},
        )


def carried_forward(answer: TokenSet, previous: TokenSet) -> dict[str, Any]:
    """Return what a refresh answer may omit, as it is afterwards: see :meth:`TokenSet.succeeding`."""
    new_refresh_token = answer.refresh_token is not None
    return {
        "refresh_token": answer.refresh_token if new_refresh_token else previous.refresh_token,
        "refresh_token_key_id": (
            answer.refresh_token_key_id if new_refresh_token else previous.refresh_token_key_id
        ),
        "scopes": answer.scopes or previous.scopes,
        "extra": {**previous.extra, **answer.extra},
        "refresh_token_expires_at": (
            answer.refresh_token_expires_at
            if new_refresh_token
            else answer.refresh_token_expires_at or previous.refresh_token_expires_at
        ),
    }
