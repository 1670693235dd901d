"""The keywords of :class:`~extauth.adapters.oauth2.OAuth2Provider`, for those who hand them on.

A type checker knows by them that ``client_secrt`` is none. A test compares them with the class itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypedDict

from aiohttp import ClientSession

from extauth.adapters.oauth2.client.client_auth import ClientAuth
from extauth.adapters.oauth2.client.client_keys import ClientKey
from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.identity import IdentityRules
from extauth.adapters.oauth2.endpoints.installations import InstallationRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.oauth2.http.addresses import Reach
from extauth.adapters.oauth2.http.phases import HttpTimeouts
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.oauth2.token.reply_rules import ReplyRules
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.domain.link import GrantOrigin
from extauth.domain.linking import CallbackMethod
from extauth.domain.policy import ProviderTraits
from extauth.domain.ports import WallClock
from extauth.domain.wrong_types import UrlObject


class ServerOptions(TypedDict, total=False):
    """What the authorization server is like."""

    token_url: str | UrlObject
    authorize_url: str | UrlObject | None
    revoke_url: str | UrlObject | None
    device_url: str | UrlObject | None
    userinfo_url: str | UrlObject | None
    client_key: ClientKey | None
    formerly: Collection[GrantOrigin]
    traits: ProviderTraits
    requests: TokenRequests
    replies: ReplyRules
    authorization: AuthorizationRules
    identity: IdentityRules
    sends_issuer: bool
    openid: bool
    callback_method: CallbackMethod
    callback_fields: Iterable[str]
    revocation: Revocation | None
    validation: ValidationRules | None
    api: ApiRules
    installations: InstallationRules | None


class AuthenticatedOptions(ServerOptions, total=False):
    """These, and how the client authenticates."""

    client_auth: ClientAuth


class RequestOptions(ServerOptions, total=False):
    """These, whom answers must be from, and how requests are sent."""

    issuer: str | None
    resource: str | None
    session: ClientSession | None
    reach: Reach | None
    timeouts: HttpTimeouts
    clock: WallClock


class ProviderOptions(AuthenticatedOptions, RequestOptions, total=False):
    """All but the client's own: ``client_id``, ``client_secret`` and ``scopes``."""
