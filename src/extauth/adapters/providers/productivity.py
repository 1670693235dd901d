"""Plans, pages and boards: Atlassian, Linear, Notion, Asana, monday, ClickUp, Miro, Airtable, Figma."""

from __future__ import annotations

from datetime import date, timedelta

from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.identity import AccountPaths, IdentityRules
from extauth.adapters.oauth2.endpoints.installations import InstallationRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.adapters.providers.preset import Deadline, Preset, reply_rules
from extauth.domain.policy import ProviderTraits

# Members as Nango reads them, and those of the user as next-auth does.
_ATLASSIAN_SITES = Call(url="https://api.atlassian.com/oauth/token/accessible-resources")

atlassian = Preset(
    id="atlassian",
    display_name="Atlassian (Jira, Confluence)",
    docs_url="https://developer.atlassian.com",
    authorize_url="https://auth.atlassian.com/authorize",
    token_url="https://auth.atlassian.com/oauth/token",
    api=ApiRules(base_urls=("https://api.atlassian.com",)),
    scopes=("read:me",),
    client_auth="client_secret_post",
    traits=ProviderTraits(
        replay_window=timedelta(minutes=10), refresh_token_idle_lifetime=timedelta(days=90)
    ),
    replies=reply_rules("atlassian"),
    authorization=AuthorizationRules(
        extra_scopes=("offline_access",),
        params={"audience": "api.atlassian.com", "prompt": "consent"},
    ),
    identity=IdentityRules(
        call=Call(url="https://api.atlassian.com/me"),
        in_answer=AccountPaths(
            id=("account_id",), login=None, display_name=("name",), avatar_url=("picture",)
        ),
    ),
    # Not through the gateway, so that a token that has expired is a plain 401 here.
    validation=ValidationRules(call=_ATLASSIAN_SITES),
    installations=InstallationRules(call=_ATLASSIAN_SITES),
    notes=(
        (
            "After a refresh the old access and refresh tokens go on for 10 minutes. A password"
            " change ends the"
            " grant."
        ),
        (
            "The API gateway may answer 403 or 404 rather than 401 to an access token that has expired: have"
            " the token validated before such an answer is taken for a missing permission."
        ),
    ),
)

# The query of Linear's API guide.
_LINEAR_VIEWER = Call(
    method="POST",
    url="https://api.linear.app/graphql",
    encoding="json",
    fields={"query": "{{ viewer {{ id name }} }}"},
)

linear = Preset(
    id="linear",
    display_name="Linear",
    docs_url="https://linear.app/developers/oauth-2-0-authentication",
    authorize_url="https://linear.app/oauth/authorize",
    token_url="https://api.linear.app/oauth/token",
    api=ApiRules(base_urls=("https://api.linear.app",)),
    client_auth="client_secret_post",
    traits=ProviderTraits(replay_window=timedelta(minutes=30)),
    replies=reply_rules("linear", scope_separator=","),
    authorization=AuthorizationRules(scope_separator=","),
    revocation=Revocation(call=Call(method="POST", url="https://api.linear.app/oauth/revoke")),
    identity=IdentityRules(
        call=_LINEAR_VIEWER,
        in_answer=AccountPaths(
            id=("data", "viewer", "id"),
            login=None,
            display_name=("data", "viewer", "name"),
            avatar_url=None,
        ),
    ),
    deadlines=(Deadline(date(2026, 4, 1), "From this day the refresh tokens of every app rotate."),),
    notes=("The scope read is always granted. prompt=consent lets the user choose another workspace.",),
)

# Notion's reference of its token endpoints requires it.
_NOTION_VERSION = {"Notion-Version": "2025-09-03"}

notion = Preset(
    id="notion",
    display_name="Notion",
    authorize_url="https://api.notion.com/v1/oauth/authorize",
    token_url="https://api.notion.com/v1/oauth/token",
    api=ApiRules(base_urls=("https://api.notion.com",)),
    replies=reply_rules("notion", extra_fields=frozenset({"bot_id", "workspace_id"})),
    requests=TokenRequests(encoding="json", headers=_NOTION_VERSION),
    authorization=AuthorizationRules(scope_param=None, params={"owner": "user"}),
    revocation=Revocation(
        call=Call(
            method="POST",
            url="https://api.notion.com/v1/oauth/revoke",
            auth="client_basic",
            encoding="json",
            fields={"token": "{access_token}"},
            headers=_NOTION_VERSION,
        )
    ),
    identity=IdentityRules(
        # Notion's reference of its token endpoint.
        in_reply=AccountPaths(
            id=("owner", "user", "id"),
            login=None,
            display_name=("owner", "user", "name"),
            avatar_url=("owner", "user", "avatar_url"),
        )
    ),
    validation=ValidationRules(
        call=Call(
            method="POST",
            url="https://api.notion.com/v1/oauth/introspect",
            auth="client_basic",
            encoding="json",
            fields={"token": "{access_token}"},
            headers=_NOTION_VERSION,
        ),
        active_member="active",
    ),
    answers_omit=frozenset({"expires_in"}),
    notes=(
        "Capabilities are set on the integration; no scope is sent. Each connection is to one workspace.",
        "The provider does not say how long access tokens work, and may give no refresh token.",
    ),
)

_ASANA_USER = Call(url="https://app.asana.com/api/1.0/users/me")
# Asana's OAuth guide: so it stands in the token endpoint's answer too.
_ASANA_ACCOUNT = AccountPaths(id=("data", "gid"), login=None, display_name=("data", "name"), avatar_url=None)

asana = Preset(
    id="asana",
    display_name="Asana",
    docs_url="https://developers.asana.com/docs/oauth",
    authorize_url="https://app.asana.com/-/oauth_authorize",
    token_url="https://app.asana.com/-/oauth_token",
    api=ApiRules(base_urls=("https://app.asana.com",)),
    scopes=("default",),
    client_auth="client_secret_post",
    replies=reply_rules("asana"),
    revocation=Revocation.standard("https://app.asana.com/-/oauth_revoke"),
    identity=IdentityRules(in_reply=_ASANA_ACCOUNT, call=_ASANA_USER, in_answer=_ASANA_ACCOUNT),
    validation=ValidationRules(call=_ASANA_USER),
    notes=("The scope default stands for full permissions.",),
)

monday = Preset(
    id="monday",
    display_name="monday.com",
    authorize_url="https://auth.monday.com/oauth2/authorize",
    token_url="https://auth.monday.com/oauth_ms/oauth/token",
    # monday's reference, "Me": what the call for the user needs.
    scopes=("me:read",),
    client_auth="client_secret_post",
    replies=reply_rules("monday", default_lifetime=timedelta(hours=1)),
    requests=TokenRequests(encoding="json"),
    revocation=Revocation(
        call=Call(
            method="POST",
            url="https://auth.monday.com/oauth_ms/oauth/revoke",
            auth="client",
            encoding="json",
            fields={"token": "{token}"},
        ),
        # It answers success: true.
        failed_by_body=True,
    ),
    identity=IdentityRules(
        call=Call(
            method="POST",
            url="https://api.monday.com/v2",
            encoding="json",
            fields={"query": "{{ me {{ id name }} }}"},
        ),
        in_answer=AccountPaths(
            id=("data", "me", "id"), login=None, display_name=("data", "me", "name"), avatar_url=None
        ),
    ),
    api=ApiRules(scheme="", base_urls=("https://api.monday.com",)),
    answers_omit=frozenset({"expires_in"}),
    deadlines=(
        Deadline(
            date(2026, 10, 1), "From this day tokens of the older endpoint, without expiry, do not work."
        ),
    ),
    notes=(
        (
            "This is OAuth 2.1. The API takes the raw access token, without Bearer, and answers errors with"
            " status 200."
        ),
    ),
)

clickup = Preset(
    id="clickup",
    display_name="ClickUp",
    authorize_url="https://app.clickup.com/api",
    token_url="https://api.clickup.com/api/v2/oauth/token",
    client_auth="client_secret_post",
    gives_refresh_tokens=False,
    replies=reply_rules("clickup"),
    authorization=AuthorizationRules(scope_param=None),
    notes=("Access tokens do not expire; a 401 means that they were revoked.",),
)

miro = Preset(
    id="miro",
    display_name="Miro",
    authorize_url="https://miro.com/oauth/authorize",
    token_url="https://api.miro.com/v1/oauth/token",
    api=ApiRules(base_urls=("https://api.miro.com",)),
    client_auth="client_secret_post",
    traits=ProviderTraits(refresh_token_idle_lifetime=timedelta(days=60)),
    replies=reply_rules("miro"),
    validation=ValidationRules(call=Call(url="https://api.miro.com/v1/oauth-token")),
    # Miro's reference, "Get new access token using refresh token".
    notes=("Access tokens expire, and refresh tokens exist, only in apps that have turned expiry on.",),
)

airtable = Preset(
    id="airtable",
    display_name="Airtable",
    docs_url="https://support.airtable.com",
    authorize_url="https://airtable.com/oauth2/v1/authorize",
    token_url="https://airtable.com/oauth2/v1/token",
    # Nango's guide to it, "Airtable OAuth refresh token invalid_grant", read 2026-11-30: a refresh ends both
    # tokens, and a refresh token that is not used ends after 60 days.
    traits=ProviderTraits(refresh_revokes_access_token=True, refresh_token_idle_lifetime=timedelta(days=60)),
    replies=reply_rules("airtable"),
    # Airtable's OAuth reference has a code challenge in every request.
    authorization=AuthorizationRules(pkce="required"),
    notes=("Airtable ends the grants of integrations that break its rules about tokens.",),
)

# Members as next-auth reads them.
_FIGMA_USER = Call(url="https://api.figma.com/v1/me")

figma = Preset(
    id="figma",
    display_name="Figma",
    authorize_url="https://www.figma.com/oauth",
    token_url="https://api.figma.com/v1/oauth/token",
    api=ApiRules(base_urls=("https://api.figma.com",)),
    traits=ProviderTraits(rotates=False),
    replies=reply_rules("figma", scope_separator=","),
    requests=TokenRequests(refresh_url="https://api.figma.com/v1/oauth/refresh"),
    authorization=AuthorizationRules(scope_separator=","),
    identity=IdentityRules(
        call=_FIGMA_USER,
        in_answer=AccountPaths(id=("id",), login=None, display_name=("handle",), avatar_url=("img_url",)),
    ),
    validation=ValidationRules(call=_FIGMA_USER),
    answers_omit=frozenset({"refresh_token"}),
)
