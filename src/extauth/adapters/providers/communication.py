"""Chats, calls and meetings: Slack, Discord, Zoom, Webex, Calendly."""

from __future__ import annotations

from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.identity import AccountPaths, IdentityRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.providers.preset import Preset, reply_rules

slack = Preset(
    id="slack",
    display_name="Slack",
    docs_url="https://docs.slack.dev",
    authorize_url="https://slack.com/oauth/v2/authorize",
    token_url="https://slack.com/api/oauth.v2.access",
    api=ApiRules(base_urls=("https://slack.com",)),
    replies=reply_rules(
        "slack",
        scope_separator=",",
        # Slack's reference, oauth.v2.access: where the app was installed, and as whom it acts there.
        extra_fields=frozenset({"app_id", "bot_user_id", "enterprise", "is_enterprise_install", "team"}),
        companions={"user": ("authed_user",)},
    ),
    authorization=AuthorizationRules(scope_separator=",", pkce="public_only"),
    no_pkce=(
        "An app has to be set to PKCE, which makes it a public client for good (docs.slack.dev,"
        ' "Using PKCE", 2026-03-30).'
    ),
    revocation=Revocation(
        call=Call(method="POST", url="https://slack.com/api/auth.revoke"),
        done_codes=frozenset({"account_inactive", "token_revoked"}),
        failed_by_body=True,
    ),
    identity=IdentityRules(
        # Slack's reference, oauth.v2.access.
        in_reply=AccountPaths(id=("authed_user", "id"), login=None, display_name=None, avatar_url=None)
    ),
    notes=(
        (
            "The scopes are the bot's. Ask for the user's where the flow begins, with"
            " params={'user_scope': 'search:read,users:read'}. The user's tokens become a link of their own,"
            " slack/user, which rotates by itself."
        ),
        "When slack/user must be connected again, begin with slack: the scopes of slack/user are no bot's.",
        "Access tokens expire, and refresh tokens exist, only in apps that have turned rotation on.",
    ),
)

# Members, and the scope that they need, as next-auth has them.
_DISCORD_USER = Call(url="https://discord.com/api/users/@me")

discord = Preset(
    id="discord",
    display_name="Discord",
    authorize_url="https://discord.com/oauth2/authorize",
    token_url="https://discord.com/api/oauth2/token",
    api=ApiRules(base_urls=("https://discord.com",)),
    scopes=("identify",),
    replies=reply_rules("discord"),
    # Discord's documentation, "OAuth2", read 2026-11-29: any token ends all of the authorization's; and for
    # the Social SDK, all of the user's at the application.
    revocation=Revocation.standard(
        "https://discord.com/api/oauth2/token/revoke", whole_grant=True, access_tokens="end"
    ),
    identity=IdentityRules(
        call=_DISCORD_USER,
        in_answer=AccountPaths(
            id=("id",), login=("username",), display_name=("global_name",), avatar_url=None
        ),
    ),
    validation=ValidationRules(call=_DISCORD_USER),
)

# Members as next-auth reads them.
_ZOOM_USER = Call(url="https://api.zoom.us/v2/users/me")

zoom = Preset(
    id="zoom",
    display_name="Zoom",
    docs_url="https://devsupport.zoom.us",
    authorize_url="https://zoom.us/oauth/authorize",
    token_url="https://zoom.us/oauth/token",
    api=ApiRules(base_urls=("https://api.zoom.us",)),
    replies=reply_rules("zoom"),
    # It uninstalls the app for the user (devforum.zoom.us, topic 18432, an answer of Zoom's).
    revocation=Revocation.standard("https://zoom.us/oauth/revoke", whole_grant=True, access_tokens="end"),
    identity=IdentityRules(
        call=_ZOOM_USER,
        in_answer=AccountPaths(id=("id",), login=None, display_name=None, avatar_url=("pic_url",)),
    ),
    validation=ValidationRules(call=_ZOOM_USER),
)

# Members, and the scope that they need, as next-auth has them.
_WEBEX_USER = Call(url="https://webexapis.com/v1/people/me")

webex = Preset(
    id="webex",
    display_name="Webex",
    authorize_url="https://webexapis.com/v1/authorize",
    token_url="https://webexapis.com/v1/access_token",
    api=ApiRules(base_urls=("https://webexapis.com",)),
    scopes=("spark:people_read",),
    client_auth="client_secret_post",
    replies=reply_rules("webex"),
    identity=IdentityRules(
        call=_WEBEX_USER,
        in_answer=AccountPaths(id=("id",), login=None, display_name=("displayName",), avatar_url=("avatar",)),
    ),
    validation=ValidationRules(call=_WEBEX_USER),
    notes=("Only an administrator can revoke authorizations, by another API.",),
)

calendly = Preset(
    id="calendly",
    display_name="Calendly",
    docs_url="https://developer.calendly.com",
    authorize_url="https://auth.calendly.com/oauth/authorize",
    token_url="https://auth.calendly.com/oauth/token",
    client_auth="client_secret_post",
    replies=reply_rules("calendly", extra_fields=frozenset({"organization", "owner"})),
)
