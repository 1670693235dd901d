"""Customers and support: Salesforce, HubSpot, Zoho, Pipedrive, Intercom, Zendesk."""

from __future__ import annotations

from datetime import date, timedelta

from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.identity import AccountPaths, IdentityRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.providers.preset import Deadline, Preset, reply_rules
from extauth.adapters.providers.variables import Variable
from extauth.domain.policy import ProviderTraits

salesforce = Preset(
    id="salesforce",
    display_name="Salesforce",
    authorize_url="https://{domain}/services/oauth2/authorize",
    token_url="https://{domain}/services/oauth2/token",
    client_auth="client_secret_post",
    variables=(
        Variable(
            name="domain",
            kind="host",
            description="the login host: My Domain, or test.salesforce.com for a sandbox",
            example="acme.my.salesforce.example",
            default="login.salesforce.com",
        ),
    ),
    replies=reply_rules("salesforce", extra_fields=frozenset({"id", "instance_url"})),
    authorization=AuthorizationRules(extra_scopes=("refresh_token",)),
    # Salesforce's blog, "Revoking OAuth 2.0 Access Tokens and Refresh Tokens", read 2026-11-29.
    revocation=Revocation.standard(
        "https://{variable[domain]}/services/oauth2/revoke",
        done_codes=frozenset({"invalid_token"}),
        access_tokens="end",
    ),
    identity=IdentityRules(in_reply=AccountPaths(id=("id",), login=None, display_name=None, avatar_url=None)),
    validation=ValidationRules(
        call=Call(
            method="POST",
            url="{extra[instance_url]}/services/oauth2/introspect",
            auth="client",
            encoding="form",
            fields={"token": "{access_token}"},
        ),
        active_member="active",
    ),
    answers_omit=frozenset({"expires_in", "refresh_token"}),
    grant_cap=5,
    notes=(
        (
            "The API's address is instance_url in what is kept of the answer. How long access tokens"
            " work is the"
            " organization's session policy, and the provider does not say it."
        ),
        "A sixth grant of the same user to the same app ends the oldest one.",
    ),
)

hubspot = Preset(
    id="hubspot",
    display_name="HubSpot",
    authorize_url="https://app.hubspot.com/oauth/authorize",
    token_url="https://api.hubapi.com/oauth/{version}/token",
    api=ApiRules(base_urls=("https://api.hubapi.com",)),
    client_auth="client_secret_post",
    variables=(
        Variable(
            name="version",
            kind="segment",
            description="the version of the token endpoint",
            example="2026-09",
            default="v1",
        ),
    ),
    traits=ProviderTraits(rotates=False),
    replies=reply_rules("hubspot", scope_fields=("scope", "scopes")),
    revocation=Revocation(
        call=Call(
            method="DELETE",
            url="https://api.hubapi.com/oauth/v1/refresh-tokens/{refresh_token}",
            auth="none",
        ),
        # HubSpot's reference, "Delete OAuth 2.0 refresh token".
        access_tokens="live",
    ),
    identity=IdentityRules(
        call=Call(url="https://api.hubapi.com/oauth/v1/access-tokens/{access_token}", auth="none"),
        # HubSpot's reference, token metadata; next-auth reads the same.
        in_answer=AccountPaths(id=("user_id",), login=("user",), display_name=None, avatar_url=None),
    ),
    validation=ValidationRules(
        call=Call(url="https://api.hubapi.com/oauth/v1/access-tokens/{access_token}", auth="none")
    ),
    deadlines=(
        Deadline(
            date(2027, 2, 16), "From this day the v1 token endpoint is deprecated; version is for that."
        ),
    ),
    notes=(
        (
            "A link belongs to the token endpoint that it was made at: links of one version are not"
            " refreshed at"
            " another."
        ),
        (
            "Revoking deletes the refresh token alone: access tokens work until they expire, and the app"
            " stays installed."
        ),
    ),
)

zoho = Preset(
    id="zoho",
    display_name="Zoho",
    docs_url="https://zoho.com",
    authorize_url="https://accounts.zoho.{dc}/oauth/v2/auth",
    token_url="https://accounts.zoho.{dc}/oauth/v2/token",
    # What the call for the user needs, as next-auth asks it.
    scopes=("AaaServer.profile.Read",),
    client_auth="client_secret_post",
    variables=(
        Variable(
            name="dc",
            kind="country",
            description="the end of the data centre's host names",
            example="eu",
            default="com",
        ),
    ),
    traits=ProviderTraits(rotates=False),
    replies=reply_rules("zoho", scope_separator=",", extra_fields=frozenset({"api_domain"})),
    authorization=AuthorizationRules(
        scope_separator=",", params={"access_type": "offline", "prompt": "consent"}
    ),
    identity=IdentityRules(
        call=Call(url="https://accounts.zoho.{variable[dc]}/oauth/user/info"),
        # Members as next-auth reads them.
        in_answer=AccountPaths(id=("ZUID",), login=("Email",), display_name=None, avatar_url=None),
    ),
    validation=ValidationRules(call=Call(url="https://accounts.zoho.{variable[dc]}/oauth/user/info")),
    api=ApiRules(scheme="Zoho-oauthtoken"),
    callback_fields=frozenset({"accounts-server"}),
    answers_omit=frozenset({"refresh_token"}),
    grant_cap=20,
    notes=(
        (
            "Each data centre is a provider of its own. The callback names the user's in"
            " accounts-server, which is"
            " kept; a grant is good at that one only, and invalid_client or invalid_code may mean another."
        ),
        "No more than 10 access tokens in 10 minutes; after that the provider is left alone for 10 minutes.",
    ),
)

# Members as next-auth reads them.
_PIPEDRIVE_USER = Call(url="https://api.pipedrive.com/users/me")

pipedrive = Preset(
    id="pipedrive",
    display_name="Pipedrive",
    docs_url="https://pipedrive.readme.io",
    authorize_url="https://oauth.pipedrive.com/oauth/authorize",
    token_url="https://oauth.pipedrive.com/oauth/token",
    traits=ProviderTraits(refresh_token_idle_lifetime=timedelta(days=60)),
    replies=reply_rules("pipedrive", extra_fields=frozenset({"api_domain"})),
    authorization=AuthorizationRules(scope_param=None, pkce="off"),
    no_pkce=(
        "Authorizations failed that had empty scopes and a challenge, neither of which Pipedrive's reference"
        " has (github.com/NangoHQ/nango, pull request 5148, 2025-12-12)."
    ),
    identity=IdentityRules(
        call=_PIPEDRIVE_USER,
        in_answer=AccountPaths(
            id=("data", "id"),
            login=None,
            display_name=("data", "name"),
            avatar_url=("data", "icon_url"),
        ),
    ),
    validation=ValidationRules(call=_PIPEDRIVE_USER),
    notes=("The API's address is api_domain in what is kept of the answer.",),
)

intercom = Preset(
    id="intercom",
    display_name="Intercom",
    authorize_url="https://app.intercom.com/oauth",
    token_url="https://api.intercom.io/auth/eagle/token",
    api=ApiRules(base_urls=("https://api.intercom.io",)),
    client_auth="client_secret_post",
    gives_refresh_tokens=False,
    replies=reply_rules("intercom"),
    authorization=AuthorizationRules(scope_param=None),
    revocation=Revocation(
        call=Call(method="POST", url="https://api.intercom.io/auth/uninstall"), whole_grant=True
    ),
    notes=(
        "Permissions are set on the app; no scope is sent. Access tokens do not expire.",
        "Revoking uninstalls the app from the workspace.",
        "Workspaces in Europe and Australia have other hosts: give authorize_url and token_url.",
    ),
)

zendesk = Preset(
    id="zendesk",
    display_name="Zendesk",
    docs_url="https://support.zendesk.com",
    authorize_url="https://{subdomain}.zendesk.com/oauth/authorizations/new",
    token_url="https://{subdomain}.zendesk.com/oauth/tokens",
    client_auth="client_secret_post",
    variables=(
        Variable(name="subdomain", kind="label", description="the account's subdomain", example="acme"),
    ),
    traits=ProviderTraits(refresh_revokes_access_token=True, refresh_token_idle_lifetime=timedelta(days=30)),
    replies=reply_rules("zendesk"),
    authorization=AuthorizationRules(operator="zendesk"),
    deadlines=(Deadline(date(2027, 4, 1), "Announced change of policy: tokens that expire are enforced."),),
    notes=(
        (
            "Lifetimes may be asked for: give requests=TokenRequests(...) with expires_in (300 to"
            " 172800 seconds)"
            " and refresh_token_expires_in (7 to 90 days) in code_params and refresh_params."
        ),
    ),
)
