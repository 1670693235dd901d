"""Audiences: X, Facebook, LinkedIn, Reddit, Twitch, Spotify."""

from __future__ import annotations

from datetime import timedelta

from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.identity import AccountPaths, IdentityRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.adapters.providers.preset import Preset, reply_rules
from extauth.adapters.providers.variables import Variable
from extauth.domain.policy import ProviderTraits

# Members, and the scopes that they need, as next-auth has them.
_X_USER = Call(url="https://api.x.com/2/users/me")

x = Preset(
    id="x",
    display_name="X (Twitter)",
    authorize_url="https://x.com/i/oauth2/authorize",
    token_url="https://api.x.com/2/oauth2/token",
    api=ApiRules(base_urls=("https://api.x.com",)),
    scopes=("users.read", "tweet.read"),
    replies=reply_rules("x"),
    authorization=AuthorizationRules(extra_scopes=("offline.access",), pkce="required"),
    revocation=Revocation.standard("https://api.x.com/2/oauth2/revoke"),
    identity=IdentityRules(
        call=_X_USER,
        in_answer=AccountPaths(
            id=("data", "id"),
            login=("data", "username"),
            display_name=("data", "name"),
            avatar_url=None,
        ),
    ),
    validation=ValidationRules(call=_X_USER),
)

# Members as next-auth reads them.
_FACEBOOK_USER = Call(url="https://graph.facebook.com/me?fields=id,name,picture")

facebook = Preset(
    id="facebook",
    display_name="Facebook",
    authorize_url="https://www.facebook.com/v{ver}/dialog/oauth",
    token_url="https://graph.facebook.com/v{ver}/oauth/access_token",
    api=ApiRules(base_urls=("https://graph.facebook.com",)),
    client_auth="client_secret_post",
    variables=(
        Variable(
            name="ver",
            kind="segment",
            description="the version of the Graph API, without the v",
            example="19.0",
        ),
    ),
    replies=reply_rules(
        "facebook",
        scope_separator=",",
        lifetime_fields=("expires_in", "expires"),
        access_token_refreshes_itself=True,
    ),
    requests=TokenRequests(
        # Old versions answer a form unless asked for JSON.
        headers={"Accept": "application/json"},
        refresh_grant="fb_exchange_token",
        refresh_field="fb_exchange_token",
    ),
    authorization=AuthorizationRules(scope_separator=",", pkce="off"),
    no_pkce=(
        "The challenge is forgotten, and the verifier then refused as one without a challenge"
        " (github.com/NangoHQ/nango, pull request 7156, 2026-08-19). Meta's guide has PKCE only beside the"
        ' scope openid, and as in testing ("OIDC Code Flow with PKCE", 2023-07-18).'
    ),
    revocation=Revocation(
        call=Call(
            method="DELETE",
            # me is the Graph API's name for the user whose token it is.
            url="https://graph.facebook.com/v{variable[ver]}/me/permissions",
            auth="none",
            encoding="query",
            fields={"access_token": "{access_token}"},
        ),
        whole_grant=True,
    ),
    identity=IdentityRules(
        call=_FACEBOOK_USER,
        in_answer=AccountPaths(
            id=("id",), login=None, display_name=("name",), avatar_url=("picture", "data", "url")
        ),
    ),
    validation=ValidationRules(call=_FACEBOOK_USER),
    notes=(
        (
            "There are no refresh tokens: while the access token works it is exchanged for one that works"
            " longer. One that has expired cannot be exchanged."
        ),
        (
            "Error 190, which stands for a token that has expired or been revoked, means that the user must"
            " connect again. Errors with other numbers are tried again later."
        ),
    ),
)

linkedin = Preset(
    id="linkedin",
    display_name="LinkedIn",
    docs_url="https://learn.microsoft.com",
    authorize_url="https://www.linkedin.com/oauth/v2/authorization",
    token_url="https://www.linkedin.com/oauth/v2/accessToken",
    api=ApiRules(base_urls=("https://api.linkedin.com",)),
    client_auth="client_secret_post",
    traits=ProviderTraits(rotates=False, refresh_token_lifetime=timedelta(days=365)),
    replies=reply_rules("linkedin"),
    authorization=AuthorizationRules(pkce="off"),
    no_pkce=(
        "A code that is presented with a verifier is refused as invalid_client"
        " (github.com/UsefulSoftwareCo/executor, issue 2087, 2026-09-21). ID tokens have no nonce either"
        " (github.com/authlib/authlib, issue 763, 2025-04-28)."
    ),
    # LinkedIn's guide, "Sign In with LinkedIn using OpenID Connect".
    issuer="https://www.linkedin.com/oauth",
    identity=IdentityRules(
        # Members as social-core reads them.
        call=Call(url="https://api.linkedin.com/v2/me"),
        in_answer=AccountPaths(id=("id",), login=None, display_name=None, avatar_url=None),
    ),
    validation=ValidationRules(call=Call(url="https://api.linkedin.com/v2/me")),
    notes=(
        (
            "Only approved partner products get refresh tokens; others work for 60 days and then need a"
            " new consent."
        ),
        "A refresh token ends 365 days after the first consent, however much it is used.",
    ),
)

# Members as social-core reads them, and the scope that next-auth asks for.
_REDDIT_USER = Call(url="https://oauth.reddit.com/api/v1/me")

reddit = Preset(
    id="reddit",
    display_name="Reddit",
    authorize_url="https://www.reddit.com/api/v1/authorize",
    token_url="https://www.reddit.com/api/v1/access_token",
    api=ApiRules(base_urls=("https://oauth.reddit.com",)),
    scopes=("identity",),
    replies=reply_rules("reddit"),
    authorization=AuthorizationRules(params={"duration": "permanent"}),
    revocation=Revocation.standard("https://www.reddit.com/api/v1/revoke_token"),
    identity=IdentityRules(
        call=_REDDIT_USER,
        in_answer=AccountPaths(id=("id",), login=("name",), display_name=None, avatar_url=None),
    ),
    validation=ValidationRules(call=_REDDIT_USER),
    notes=(
        (
            "Requests with a common User-Agent are throttled: give your own in"
            " requests=TokenRequests(headers=...)."
        ),
    ),
)

# Twitch's reference, "Validating Tokens".
_TWITCH_VALIDATE = Call(url="https://id.twitch.tv/oauth2/validate")

twitch = Preset(
    id="twitch",
    display_name="Twitch",
    docs_url="https://dev.twitch.tv",
    authorize_url="https://id.twitch.tv/oauth2/authorize",
    token_url="https://id.twitch.tv/oauth2/token",
    client_auth="client_secret_post",
    replies=reply_rules("twitch"),
    # Twitch's guide, "Using OIDC to get OAuth Access Tokens".
    issuer="https://id.twitch.tv/oauth2",
    revocation=Revocation(
        call=Call(
            method="POST",
            url="https://id.twitch.tv/oauth2/revoke",
            auth="none",
            encoding="form",
            fields={"client_id": "{client_id}", "token": "{access_token}"},
        )
    ),
    identity=IdentityRules(
        call=_TWITCH_VALIDATE,
        in_answer=AccountPaths(id=("user_id",), login=("login",), display_name=None, avatar_url=None),
    ),
    validation=ValidationRules(call=_TWITCH_VALIDATE),
    api=ApiRules(headers={"Client-Id": "{client_id}"}, base_urls=("https://api.twitch.tv",)),
    answers_omit=frozenset({"expires_in"}),
    notes=("Twitch demands that each token is validated when an application starts, and hourly.",),
)

# Members as next-auth reads them.
_SPOTIFY_USER = Call(url="https://api.spotify.com/v1/me")

spotify = Preset(
    id="spotify",
    display_name="Spotify",
    docs_url="https://developer.spotify.com",
    authorize_url="https://accounts.spotify.com/authorize",
    token_url="https://accounts.spotify.com/api/token",
    api=ApiRules(base_urls=("https://api.spotify.com",)),
    traits=ProviderTraits(rotates=False, refresh_token_lifetime=timedelta(days=180)),
    replies=reply_rules("spotify"),
    identity=IdentityRules(
        call=_SPOTIFY_USER,
        in_answer=AccountPaths(id=("id",), login=None, display_name=("display_name",), avatar_url=None),
    ),
    validation=ValidationRules(call=_SPOTIFY_USER),
    # Spotify's developer blog of 2026-06-18: a refresh gives no new refresh token, with PKCE neither.
    answers_omit=frozenset({"refresh_token"}),
    notes=("A grant ends 6 months after the user's consent; refreshes do not extend it.",),
)
