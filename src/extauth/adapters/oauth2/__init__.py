"""The OAuth 2.0 client over aiohttp: one module sends, others judge what came back."""

from __future__ import annotations

from extauth.adapters.oauth2.authorization import AuthorizationRules
from extauth.adapters.oauth2.client_auth import ClientAuth
from extauth.adapters.oauth2.provider import OAuth2Provider
from extauth.adapters.oauth2.reply_rules import ReplyRules
from extauth.adapters.oauth2.requests import TokenRequests
from extauth.adapters.oauth2.transport import HttpTimeouts

__all__ = [
    "AuthorizationRules",
    "ClientAuth",
    "HttpTimeouts",
    "OAuth2Provider",
    "ReplyRules",
    "TokenRequests",
]
