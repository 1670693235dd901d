"""What is secret in each row, sealed and opened. Pure.

Sealed: access tokens, refresh tokens, tokens for resources, each member of ``extra``, the salt of an
authorization, a registered client's secret and registration token. All else is plain: ids, times, scopes,
versions, marks (whose reasons are codes, never a provider's text), accounts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeAlias, TypeVar, final

import attrs

from extauth.adapters.encryption.sealing import (
    Context,
    KeyName,
    SealingKey,
    Trouble,
    named_key,
    seal,
    unseal,
)
from extauth.domain.link import Link, LinkKey
from extauth.domain.linking import ClientRegistration, PendingAuthorization
from extauth.domain.sealed import is_sealed
from extauth.domain.storable import JsonValue
from extauth.domain.token_set import TokenSet

T = TypeVar("T")


@final
class Wanted(Exception):
    """A key is needed that is not at hand."""

    def __init__(self, name: KeyName) -> None:
        super().__init__(name.key_id)
        self.name = name


@final
class Shut(Exception):
    """A text does not open."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.reason)
        self.trouble = trouble


KeyOf: TypeAlias = Callable[[KeyName], SealingKey]
"""Returns the key of that name, or raises :class:`Wanted`."""


@final
@attrs.frozen
class Opener:
    """Opens texts, with the keys that ``key_of`` has."""

    key_of: KeyOf
    refuses_plain: bool

    def text(self, stored: str, context: Context) -> str:
        """Return the text of that place.

        :raises Shut: if it does not open, or is plain and must not be.
        :raises Wanted: if ``key_of`` has not the key.
        """
        trouble: Trouble | str
        if not is_sealed(stored):
            if not self.refuses_plain:
                return stored
            trouble = Trouble("plain_text")
        else:
            name = named_key(stored)
            trouble = name if isinstance(name, Trouble) else unseal(self.key_of(name), stored, context)
        if isinstance(trouble, Trouble):
            raise Shut(trouble)
        return trouble

    def json(self, stored: JsonValue, context: Context) -> JsonValue:
        """Return the value of that place; raises as :meth:`text`."""
        if isinstance(stored, str) and is_sealed(stored):
            opened: JsonValue = json.loads(self.text(stored, context))
            return opened
        if self.refuses_plain:
            raise Shut(Trouble("plain_text"))
        return stored


def link_context(key: LinkKey, column: str, member: str) -> Context:
    """Return the place of a text in a link's row, at whatever version."""
    return ("links", key.provider_id, key.user_id, column, member)


def sealed_tokens(sealing: SealingKey, key: LinkKey, tokens: TokenSet) -> TokenSet:
    """Return the tokens as they are stored: every text under this key, whatever key they came from."""
    key_id, refresh_token = sealing.name.key_id, tokens.refresh_token

    def sealed(text: str, column: str, member: str = "") -> str:
        return seal(sealing, text, link_context(key, column, member))

    return attrs.evolve(
        tokens,
        access_token=sealed(tokens.access_token, "access_token"),
        access_token_key_id=key_id,
        refresh_token=None if refresh_token is None else sealed(refresh_token, "refresh_token"),
        refresh_token_key_id=None if refresh_token is None else key_id,
        extra={name: sealed(json.dumps(value), "extra", name) for name, value in tokens.extra.items()},
        resource_tokens={
            resource: attrs.evolve(token, access_token=sealed(token.access_token, "resource_token", resource))
            for resource, token in tokens.resource_tokens.items()
        },
    )


def opened_tokens(opener: Opener, key: LinkKey, stored: TokenSet) -> TokenSet:
    """Return the tokens that were stored, without key ids: no key has anything to do with them now.

    So a text that is carried forward into other tokens never takes the name of a key along.

    :raises Shut: as :meth:`Opener.text`.
    :raises Wanted: likewise.
    """

    def opened(text: str, column: str, member: str = "") -> str:
        return opener.text(text, link_context(key, column, member))

    refresh_token = stored.refresh_token
    return attrs.evolve(
        stored,
        access_token=opened(stored.access_token, "access_token"),
        access_token_key_id=None,
        refresh_token=None if refresh_token is None else opened(refresh_token, "refresh_token"),
        refresh_token_key_id=None,
        extra={
            name: opener.json(value, link_context(key, "extra", name)) for name, value in stored.extra.items()
        },
        resource_tokens={
            resource: attrs.evolve(token, access_token=opened(token.access_token, "resource_token", resource))
            for resource, token in stored.resource_tokens.items()
        },
    )


def opened_link(opener: Opener, stored: Link) -> Link:
    """Return the link that was stored; raises as :func:`opened_tokens`."""
    return attrs.evolve(stored, tokens=opened_tokens(opener, stored.key, stored.tokens))


def sealed_pending(sealing: SealingKey, pending: PendingAuthorization) -> PendingAuthorization:
    """Return the authorization as it is stored."""
    return attrs.evolve(pending, salt=seal(sealing, pending.salt, _pending_context(pending)))


def opened_pending(opener: Opener, stored: PendingAuthorization) -> PendingAuthorization:
    """Return the authorization that was stored; raises as :meth:`Opener.text`."""
    return attrs.evolve(stored, salt=opener.text(stored.salt, _pending_context(stored)))


def _pending_context(pending: PendingAuthorization) -> Context:
    # With whose link it will be, which nobody who can write rows is to change.
    key = pending.key
    return ("authorizations", pending.state_hash, key.provider_id, key.user_id, "salt")


def sealed_registration(
    sealing: SealingKey, name: str, registration: ClientRegistration
) -> ClientRegistration:
    """Return the registered client as it is stored."""
    return _with_secrets(
        registration, lambda text, column: seal(sealing, text, _client_context(name, registration, column))
    )


def opened_registration(opener: Opener, name: str, stored: ClientRegistration) -> ClientRegistration:
    """Return the registered client that was stored; raises as :meth:`Opener.text`."""
    return _with_secrets(
        stored, lambda text, column: opener.text(text, _client_context(name, stored, column))
    )


def _client_context(name: str, registration: ClientRegistration, column: str) -> Context:
    # With whose secret it is, which is sent to nobody else.
    return ("registrations", name, registration.issuer, registration.client_id, column)


def _with_secrets(registration: ClientRegistration, change: Callable[[str, str], str]) -> ClientRegistration:
    secret, token = registration.client_secret, registration.registration_token
    return attrs.evolve(
        registration,
        client_secret=None if secret is None else change(secret, "client_secret"),
        registration_token=None if token is None else change(token, "registration_token"),
    )
