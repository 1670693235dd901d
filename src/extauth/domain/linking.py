"""What connecting a user needs: pending authorizations, device codes, client registrations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal, TypeAlias, final

import attrs

from extauth.domain.link import LinkKey
from extauth.domain.policy import positive
from extauth.domain.storable import (
    empty_is_none,
    masked,
    optional_instant,
    optional_text,
    scope_names,
    storable_text,
    text,
)

CallbackMethod: TypeAlias = Literal["GET", "POST"]
"""How the provider sends the browser back: a redirect, or a posted form."""

MOST_BEGUN = 50
"""How many authorizations of one user are remembered: more than a person has open, and few enough that nobody
fills a store by beginning again and again."""

OFFLINE_ACCESS = "offline_access"
"""The scope that asks for a refresh token (OpenID Connect Core section 11)."""

ACCOUNT_SEPARATOR = "/"
"""Parts a provider's id from the name of one of several links to it, as in ``github/work``."""


def named_provider_id(provider_id: str, name: str) -> str:
    """Return the provider part of a key for one of a user's several links to a provider.

    ``named_provider_id("github", "work")`` is ``"github/work"``: a link of its own, with its own tokens,
    lease and version, served by the provider ``github``. ``links_of`` lists it beside the others.

    :raises ValueError: for an empty part, or a name with the separator in it.
    """
    if not provider_id or not name or ACCOUNT_SEPARATOR in name:
        msg = f"a provider id and a name without {ACCOUNT_SEPARATOR!r} are needed"
        raise ValueError(msg)
    return f"{provider_id}{ACCOUNT_SEPARATOR}{name}"


named_link = named_provider_id
"""What :func:`named_provider_id` was called in version 0.1."""


def companion_key(key: LinkKey, name: str) -> LinkKey:
    """Return the key of another link that the same authorization gave, such as Slack's ``user``.

    :raises ValueError: as :func:`named_provider_id`, and if the provider part becomes too long.
    """
    return attrs.evolve(key, provider_id=named_provider_id(key.provider_id, name))


def _resources(value: Iterable[str]) -> tuple[str, ...]:
    resources = () if isinstance(value, str) else tuple(storable_text(each, "resources") for each in value)
    if isinstance(value, str) or "" in resources:
        msg = "resources must be a collection of URIs, none of them empty"
        raise ValueError(msg)
    return resources


@final
@attrs.frozen(kw_only=True)
class PendingAuthorization:
    """A user was sent to a provider and has not come back yet (RFC 6749 section 4.1.1).

    The state itself is not here, only its hash: whoever reads the store can finish nothing. Code verifier
    and nonce are derived from the state and ``salt`` together, so that neither the store nor what passes
    through the browser is enough to know them.
    """

    state_hash: str = attrs.field(validator=text)
    """SHA-256 of the state, in hexadecimal."""
    key: LinkKey
    """Whose link it will be."""
    redirect_uri: str = attrs.field(validator=text)
    salt: str = attrs.field(validator=text, repr=masked)
    scopes: frozenset[str] = attrs.field(default=frozenset(), converter=scope_names)
    """The scopes asked for; they are granted unless the provider says otherwise (RFC 6749 section 5.1)."""
    resources: tuple[str, ...] = attrs.field(default=(), converter=_resources)
    """The resources asked for (RFC 8707 section 2.1)."""
    sent_challenge: bool | None = None
    """Whether a code challenge was sent, so that the code needs its verifier (RFC 7636). ``None`` where that
    was not noted, as before schema version 5: then the provider's traits say it."""
    sent_nonce: bool | None = None
    """Whether a nonce was sent, so that the ID token must carry it; ``None`` likewise."""
    client_id: str | None = attrs.field(default=None, validator=optional_text)
    """The client that the code is for (RFC 6749 section 4.1.3), where a provider can get another; ``None``:
    the provider's."""


@final
@attrs.frozen(kw_only=True)
class AuthorizationRequest:
    """What one authorization request says beside what is the same for each (RFC 6749 section 4.1.1)."""

    redirect_uri: str
    state: str = attrs.field(repr=masked)
    scopes: frozenset[str] = frozenset()
    """Scopes beside those that the provider always asks for."""
    code_challenge: str | None = None
    """PKCE's, by method S256 (RFC 7636 section 4.2)."""
    nonce: str | None = attrs.field(default=None, repr=masked)
    """OpenID Connect's, to be found again in the ID token."""
    resources: tuple[str, ...] = ()
    params: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """More parameters, such as ``login_hint``; they win over the provider's own."""
    incremental: bool = False
    """Whether what the user granted before is to stay granted beside the scopes asked for now."""


@final
@attrs.frozen(kw_only=True)
class LinkingTraits:
    """What a provider's linking flow is like. The defaults are the standard's."""

    scopes: tuple[str, ...] = ()
    """Asked for when the application names none."""
    sends_scopes: bool = True
    """Whether scopes are asked for at all; if not, they are set at the provider."""
    pkce: bool = True
    """Whether a code challenge is sent (RFC 7636)."""
    openid: bool = False
    """Whether it speaks OpenID Connect: the scope ``openid`` sends a nonce and expects an ID token."""
    issuer: str | None = None
    """The provider's issuer identifier; ``iss`` in a callback must be it (RFC 9207)."""
    sends_issuer: bool = False
    """Whether every code comes with ``iss``, so that one without is refused (RFC 9207 section 2.4)."""
    server: str | None = None
    """Names the authorization server: providers of different ones must not share a redirect URI unless each
    sends ``iss`` (RFC 9700 section 4.4). ``None``: the issuer does, or else the token endpoint's host."""
    authorization_endpoint: str | None = None
    """Where users are sent."""
    published: bool = False
    """Whether the server itself says which its endpoints are, not the application: then those that are not at
    its issuer's host may be another server's."""
    callback_method: CallbackMethod = "GET"
    callback_fields: frozenset[str] = frozenset()
    """Parameters of the callback to keep in ``TokenSet.extra``."""
    companions: tuple[str, ...] = ()
    """Names of further links that one authorization may give (see :func:`named_provider_id`)."""
    revokes_whole_grant: bool = False
    """Whether revoking one link's tokens ends, or may end, all that its account has granted the client."""
    device: bool = False
    """Whether it has the device flow (RFC 8628)."""
    asks_refresh_token: bool = False
    """Whether each request asks for a refresh token, as one with the scope ``offline_access`` does in any
    case."""

    def refresh_token_asked(self, scopes: frozenset[str]) -> bool:
        """Whether asking for these scopes asks for a refresh token, so that none in the answer is worth a
        word."""
        return self.asks_refresh_token or OFFLINE_ACCESS in scopes


@final
@attrs.frozen(kw_only=True)
class DeviceCodes:
    """A provider's answer to a device authorization request (RFC 8628 section 3.2)."""

    device_code: str = attrs.field(repr=masked)
    user_code: str = attrs.field(repr=masked)
    verification_uri: str
    verification_uri_complete: str | None = attrs.field(default=None, repr=masked)
    expires_in: timedelta = attrs.field(validator=positive)
    interval: timedelta = attrs.field(default=timedelta(seconds=5), validator=positive)


def _optional_scope_names(value: Iterable[str] | None) -> frozenset[str] | None:
    return None if value is None else scope_names(value)


@final
@attrs.frozen(kw_only=True)
class ClientRegistration:
    """A client that was registered dynamically (RFC 7591 section 3.2.1). Its ``repr`` shows no secret."""

    issuer: str = attrs.field(validator=text)
    """The authorization server that it is registered at."""
    client_id: str = attrs.field(validator=text)
    client_secret: str | None = attrs.field(
        default=None, converter=empty_is_none, validator=optional_text, repr=masked
    )
    client_secret_expires_at: datetime | None = attrs.field(default=None, converter=optional_instant)
    """``None``: never."""
    client_auth: str = attrs.field(default="none", validator=text)
    """The authentication method of the token endpoint that was registered."""
    redirect_uris: tuple[str, ...] = ()
    scopes: frozenset[str] | None = attrs.field(default=None, converter=_optional_scope_names)
    """Those that it was to be registered for, whatever the server made of that. ``None``: that was not noted,
    as before schema version 7."""
    registration_uri: str | None = attrs.field(default=None, validator=optional_text)
    """Where the registration is managed (RFC 7592)."""
    registration_token: str | None = attrs.field(
        default=None, converter=empty_is_none, validator=optional_text, repr=masked
    )


@final
@attrs.frozen
class UnlinkOutcome:
    """What an unlink came to. The link is gone from the store in any case."""

    key: LinkKey
    existed: bool
    """Whether there was a link."""
    revoked: bool
    """Whether the provider confirmed that all of its tokens are revoked, or were already."""
    reason: str | None = None
    """Why ``revoked`` is false, as a stable code; None if it is true, or if there was no link.

    ``shared_grant``: nothing was revoked, since another link of the user would have ended too.
    ``unresolved_exchange``: a refresh is under way, or its answer was lost, so tokens that nobody here knows
    may live on. ``not_confirmed``: the provider has no way of revoking, could not be reached, or did not
    confirm for each of the tokens. ``grant_of_another_client``: the tokens were sent to nobody.
    ``encrypted``: likewise, since they are encrypted and no keys were given. ``no_provider``: nobody serves
    the link any more.
    """
    also_ended: tuple[LinkKey, ...] = ()
    """Other links of the user that ended with it, where the application wanted that."""


@final
@attrs.frozen
class Installation:
    """Something that an access token reaches: an app's installation, a site, a tenant.

    :raises ValueError: for text that no store can keep.
    """

    id: str = attrs.field(validator=text)
    """The provider's own id, which its API wants in a path or a header."""
    name: str | None = attrs.field(default=None, validator=optional_text)
    account: str | None = attrs.field(default=None, validator=optional_text)
    """The login of the account that it belongs to."""
