"""The OAuth 2.0 client over aiohttp: one module sends, others judge what came back."""

from __future__ import annotations

from extauth.extras import extra_needed

with extra_needed("aiohttp"):
    from extauth.adapters.oauth2.client.client_auth import ClientAuth
    from extauth.adapters.oauth2.client.client_keys import AppleKey, PrivateKey
    from extauth.adapters.oauth2.endpoints.api import ApiRules
    from extauth.adapters.oauth2.endpoints.calls import Call
    from extauth.adapters.oauth2.endpoints.identity import AccountPaths, IdentityRules
    from extauth.adapters.oauth2.endpoints.installations import InstallationRules
    from extauth.adapters.oauth2.endpoints.revocation import Revocation
    from extauth.adapters.oauth2.endpoints.validation import ValidationRules
    from extauth.adapters.oauth2.http.addresses import Reach
    from extauth.adapters.oauth2.http.phases import HttpTimeouts
    from extauth.adapters.oauth2.http.session import client_session
    from extauth.adapters.oauth2.provider import OAuth2Provider
    from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
    from extauth.adapters.oauth2.token.refusal_rules import RefusalRule
    from extauth.adapters.oauth2.token.reply_rules import ReplyRules
    from extauth.adapters.oauth2.token.request_rules import TokenRequests

__all__ = [
    "AccountPaths",
    "ApiRules",
    "AppleKey",
    "AuthorizationRules",
    "Call",
    "ClientAuth",
    "HttpTimeouts",
    "IdentityRules",
    "InstallationRules",
    "OAuth2Provider",
    "PrivateKey",
    "Reach",
    "RefusalRule",
    "ReplyRules",
    "Revocation",
    "TokenRequests",
    "ValidationRules",
    "client_session",
]
