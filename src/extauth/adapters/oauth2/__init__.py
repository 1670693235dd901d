"""The OAuth 2.0 client over aiohttp: one module sends, others judge what came back."""

from __future__ import annotations

from extauth.adapters.oauth2.api import ApiRules
from extauth.adapters.oauth2.authorization import AuthorizationRules
from extauth.adapters.oauth2.calls import Call
from extauth.adapters.oauth2.client_auth import ClientAuth
from extauth.adapters.oauth2.client_keys import AppleKey, PrivateKey
from extauth.adapters.oauth2.identity import AccountPaths, IdentityRules
from extauth.adapters.oauth2.installations import InstallationRules
from extauth.adapters.oauth2.provider import OAuth2Provider
from extauth.adapters.oauth2.reply_rules import ReplyRules
from extauth.adapters.oauth2.requests import TokenRequests
from extauth.adapters.oauth2.revocation import Revocation
from extauth.adapters.oauth2.transport import HttpTimeouts
from extauth.adapters.oauth2.validation import ValidationRules

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
    "ReplyRules",
    "Revocation",
    "TokenRequests",
    "ValidationRules",
]
