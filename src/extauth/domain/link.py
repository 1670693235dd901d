"""What is kept for one user at one provider: the key, the tokens, and the marks beside them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, final

import attrs

from extauth.domain.partly_read import PartlyRead, Unread
from extauth.domain.storable import (
    MAX_ID_LENGTH,
    aware_utc,
    identifier,
    key_part,
    optional_instant,
    optional_text,
    text,
    version_number,
)
from extauth.domain.token_set import TokenSet


@final
@attrs.frozen(order=True)
class LinkKey:
    """Whose tokens: one user of the application at one provider.

    Flights, leases and rows are keyed by this and never by a token. Both parts are non-empty valid
    Unicode of at most :data:`MAX_ID_LENGTH` characters, without NUL or lone surrogates.

    :raises ValueError: when a part is not.
    :raises TypeError: when a part is no ``str``: an application whose ids are numbers says ``str(user.id)``.
    """

    provider_id: str = attrs.field(validator=key_part)
    user_id: str = attrs.field(validator=key_part)

    def __init__(self, provider_id: str, user_id: str) -> None:
        _set_provider_id(self, provider_id)
        _set_user_id(self, user_id)
        # Each call makes one: the validators look at what is out of the ordinary.
        if not (
            type(provider_id) is type(user_id) is str
            and 0 < len(provider_id) <= MAX_ID_LENGTH
            and 0 < len(user_id) <= MAX_ID_LENGTH
            and (both := provider_id + user_id).isascii()
            and "\0" not in both
        ):
            attrs.validate(self)


_set_provider_id = vars(LinkKey)["provider_id"].__set__
_set_user_id = vars(LinkKey)["user_id"].__set__


@final
@attrs.frozen
class Account:
    """Whose account at the provider a link is for.

    :raises ValueError: for an id that no store can keep.
    """

    id: str = attrs.field(validator=identifier)
    """The provider's own stable id of the account (``sub`` in OpenID Connect); never an e-mail address."""
    login: str | None = attrs.field(default=None, validator=optional_text)
    """The name the account signs in with, where there is one."""
    display_name: str | None = attrs.field(default=None, validator=optional_text)
    avatar_url: str | None = attrs.field(default=None, validator=optional_text)


@final
@attrs.frozen
class GrantOrigin:
    """The client, the token endpoint and the resource that a grant belongs to.

    A refresh token is bound to the client it was issued to (RFC 6749 section 10.4), and an access token is
    for its resource alone: neither is sent or handed out to another one's.
    """

    client_id: str = attrs.field(validator=text)
    token_endpoint: str = attrs.field(validator=text)
    resource: str | None = attrs.field(default=None, validator=optional_text)
    """The one resource that all the grant's tokens are for (RFC 8707), such as an MCP server."""

    def owns(self, granted: GrantOrigin | None) -> bool:
        """Whether a provider with this origin may have the tokens of a grant from that one.

        A link that was stored without an origin belongs to whoever serves it. So does one without a resource
        if client and endpoint are the same: before extauth 0.2 no resource was kept.
        """
        return granted is None or granted == self or self._owns_unsaid(granted)

    def _owns_unsaid(self, granted: GrantOrigin) -> bool:
        return granted.resource is None and granted == attrs.evolve(self, resource=None)


@final
@attrs.frozen
class RefreshFailure:
    """A mark beside the tokens: the last refresh of ``version`` failed. It erases nothing.

    With ``retry_at`` the failure is temporary: no replica tries again before that instant. Without,
    the provider has rejected this version's refresh token and the user must authorize again.
    """

    reason: str = attrs.field(validator=text)
    """A stable code such as ``invalid_grant``; never text of the provider's."""
    at: datetime = attrs.field(converter=aware_utc)
    version: int
    """The link's version that the failure is about; it says nothing about any other."""
    retry_at: datetime | None = attrs.field(default=None, converter=optional_instant)
    attempts: int = 1
    """How many refreshes of this version have failed in a row, this one included."""

    @property
    def permanent(self) -> bool:
        """Whether only the user's new authorization (or an operator's undo) helps."""
        return self.retry_at is None


@final
@attrs.frozen
class PendingExchange:
    """An exchange of the link's version has begun and nobody has recorded how it ended."""

    since: datetime = attrs.field(converter=aware_utc)
    """When the oldest such exchange took its lease, by the store's clock."""
    live: bool
    """Whether a lease was live, by the store's clock, when the link was read. If not, the replica
    that held it crashed or lost the provider's answer: the refresh token may have been used up."""


@final
@attrs.frozen
class Link(PartlyRead):
    """A user's tokens at a provider, with their version and the marks beside them.

    ``version`` starts at 1 and grows by 1 with each credential write: a saved refresh or a new
    authorization. A failure mark, a lease or a re-encryption never moves it, and a key never sees
    the same version twice, not even after an unlink.
    """

    key: LinkKey
    tokens: TokenSet
    version: int = attrs.field(validator=version_number)
    created_at: datetime = attrs.field(converter=aware_utc)
    updated_at: datetime = attrs.field(converter=aware_utc)
    """When the credentials were last written."""
    failure: RefreshFailure | None = None
    origin: GrantOrigin | None = None
    """The client that the grant belongs to; ``None`` if it was stored without saying."""
    pending: PendingExchange | None = None
    account: Account | None = None
    """Whose account at the provider this is; ``None`` as long as nobody has found out."""

    def _parts(self, unread: Unread) -> Mapping[str, Any]:
        return unread.link_parts()

    @property
    def current_failure(self) -> RefreshFailure | None:
        """The failure mark, if it is about these credentials; one of an older version says nothing."""
        failure = self.failure
        return failure if failure is not None and failure.version == self.version else None
