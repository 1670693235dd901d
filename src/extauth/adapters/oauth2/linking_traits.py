"""What the services are told of a provider's linking flow, from what the provider was made with."""

from __future__ import annotations

from collections.abc import Iterable

from extauth.adapters.oauth2.client.client_auth import ClientAuth
from extauth.adapters.oauth2.client.configuration import checked_issuer, checked_scopes, endpoint_hosts
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.oauth2.token.reply_rules import ReplyRules
from extauth.domain.linking import CallbackMethod, LinkingTraits


def linking_traits(
    authorization: AuthorizationRules,
    replies: ReplyRules,
    revocation: Revocation | None,
    *,
    client_auth: ClientAuth,
    scopes: tuple[str, ...],
    authorize_url: str | None,
    token_url: str,
    device_url: str | None,
    issuer: str | None,
    sends_issuer: bool,
    openid: bool,
    callback_method: CallbackMethod,
    callback_fields: Iterable[str],
) -> LinkingTraits:
    """Return the traits that follow from these.

    :raises ValueError: if ``issuer`` is no issuer identifier, or is missing although callbacks carry one, or
        for ``callback_fields`` that are no names.
    """
    return LinkingTraits(
        scopes=scopes,
        sends_scopes=authorization.scope_param is not None,
        pkce=authorization.takes_challenge(public=client_auth == "none"),
        openid=openid,
        issuer=checked_issuer(issuer, sends_issuer=sends_issuer),
        sends_issuer=sends_issuer,
        server=authorization.operator
        or (endpoint_hosts(authorize_url, token_url) if issuer is None else None),
        authorization_endpoint=authorize_url,
        published=authorization.published,
        callback_method=callback_method,
        callback_fields=frozenset(checked_scopes(callback_fields)),
        companions=tuple(replies.companions),
        revokes_whole_grant=revocation is not None and revocation.whole_grant,
        device=device_url is not None,
        asks_refresh_token=authorization.asks_refresh_token,
    )
