"""Where code lives: GitHub, GitLab, Bitbucket, Gitea and their like."""

from __future__ import annotations

from datetime import date, timedelta

import attrs

from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.identity import AccountPaths, IdentityRules
from extauth.adapters.oauth2.endpoints.installations import InstallationRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.adapters.providers.preset import Deadline, Preset, reply_rules
from extauth.adapters.providers.variables import Variable
from extauth.domain.policy import ProviderTraits

# GitHub's REST reference; next-auth reads the same members.
_GITHUB_USER = Call(url="https://api.github.com/user")

github = Preset(
    id="github",
    display_name="GitHub (OAuth app)",
    docs_url="https://docs.github.com",
    authorize_url="https://github.com/login/oauth/authorize",
    token_url="https://github.com/login/oauth/access_token",
    api=ApiRules(base_urls=("https://api.github.com",)),
    device_url="https://github.com/login/device/code",
    client_auth="client_secret_post",
    gives_refresh_tokens=False,
    replies=reply_rules("github", scope_separator=","),
    # Without it the answer is form-encoded.
    requests=TokenRequests(headers={"Accept": "application/json"}),
    revocation=Revocation(
        call=Call(
            method="DELETE",
            url="https://api.github.com/applications/{client_id}/grant",
            auth="client_basic",
            encoding="json",
            fields={"access_token": "{access_token}"},
        ),
        done_statuses=frozenset({204}),
        whole_grant=True,
    ),
    identity=IdentityRules(
        call=_GITHUB_USER,
        in_answer=AccountPaths(
            id=("id",), login=("login",), display_name=("name",), avatar_url=("avatar_url",)
        ),
    ),
    validation=ValidationRules(call=_GITHUB_USER, replica_lag=True),
    # As its callbacks say (github.com/openiddict/openiddict-core, pull request 2529, 2026-08-22).
    issuer="https://github.com/login/oauth",
    notes=(
        (
            "Access tokens of OAuth apps do not expire and have no refresh token; a 401 means that they were"
            " revoked."
        ),
        "Revoking ends the user's whole grant to the app.",
        "For tokens that expire and rotate use github_app.",
    ),
)

github_app = attrs.evolve(
    github,
    id="github_app",
    display_name="GitHub App (user tokens)",
    gives_refresh_tokens=True,
    replies=reply_rules("github_app"),
    authorization=AuthorizationRules(scope_param=None),
    # "Rate limits for the REST API", read 2026-11-29: a number of access token requests an hour is allowed
    # "for GitHub Apps and OAuth apps".
    traits=ProviderTraits(
        refresh_revokes_access_token=True,
        refresh_token_idle_lifetime=timedelta(days=180),
        rate_limit_per_client=True,
    ),
    # GitHub's REST reference, "List app installations accessible to the user access token".
    installations=InstallationRules(
        call=Call(url="https://api.github.com/user/installations"),
        items=("installations",),
        name=("account", "login"),
        account=("account", "login"),
    ),
    notes=(
        "Permissions are set on the app; no scope is sent. Installing the app is a separate step.",
        (
            "Access tokens work for 8 hours and refresh tokens for 6 months, each for one use. If"
            " expiry is turned"
            " off in the app there is neither."
        ),
    ),
)

_GITLAB_BASE = Variable(
    name="base",
    kind="base",
    description="the address of the GitLab server",
    example="https://gitlab.example.com",
)
_GITLAB_NOTE = "A refresh ends the access token that went before at once."


def _gitlab(preset_id: str, display_name: str, base: str, *notes: str) -> Preset:
    called = base.replace("{base}", "{variable[base]}")
    return Preset(
        id=preset_id,
        display_name=display_name,
        authorize_url=f"{base}/oauth/authorize",
        token_url=f"{base}/oauth/token",
        api=ApiRules(base_urls=(called,)),
        device_url=f"{base}/oauth/authorize_device",
        # What the call for the user needs, whose members are those that next-auth reads.
        scopes=("read_user",),
        client_auth="client_secret_post",
        variables=(_GITLAB_BASE,) if base == "{base}" else (),
        traits=ProviderTraits(refresh_revokes_access_token=True),
        # Old self-managed servers did not say it.
        replies=reply_rules(preset_id, default_lifetime=timedelta(hours=2)),
        requests=TokenRequests(refresh_repeats=frozenset({"redirect_uri"})),
        revocation=Revocation.standard(f"{called}/oauth/revoke"),
        identity=IdentityRules(
            call=Call(url=f"{called}/api/v4/user"),
            in_answer=AccountPaths(
                id=("id",), login=("username",), display_name=("name",), avatar_url=("avatar_url",)
            ),
        ),
        validation=ValidationRules(call=Call(url=f"{called}/oauth/token/info")),
        # GitLab's documentation, "GitLab as an OpenID Connect identity provider".
        issuer=base,
        notes=(_GITLAB_NOTE, *notes),
    )


gitlab = _gitlab("gitlab", "GitLab.com", "https://gitlab.com")

gitlab_self_managed = _gitlab(
    "gitlab_self_managed",
    "GitLab (self-managed)",
    "{base}",
    "The device flow is there from GitLab 17.9, and from 17.3 by default.",
)

# Members as next-auth reads them.
_BITBUCKET_USER = Call(url="https://api.bitbucket.org/2.0/user")

bitbucket_cloud = Preset(
    id="bitbucket_cloud",
    display_name="Bitbucket Cloud",
    docs_url="https://developer.atlassian.com/cloud/bitbucket/oauth-2",
    authorize_url="https://bitbucket.org/site/oauth2/authorize",
    token_url="https://bitbucket.org/site/oauth2/access_token",
    api=ApiRules(base_urls=("https://api.bitbucket.org",)),
    traits=ProviderTraits(refresh_token_idle_lifetime=timedelta(days=90)),
    replies=reply_rules("bitbucket_cloud", scope_fields=("scope", "scopes")),
    identity=IdentityRules(
        call=_BITBUCKET_USER,
        in_answer=AccountPaths(
            id=("account_id",),
            login=("username",),
            display_name=("display_name",),
            avatar_url=("links", "avatar", "href"),
        ),
    ),
    validation=ValidationRules(call=_BITBUCKET_USER),
    deadlines=(Deadline(date(2026, 5, 4), "From this day each refresh gives a new refresh token."),),
    notes=("Scopes are normally fixed on the consumer.",),
)

_BITBUCKET_SERVER_CALL = Call(url="{variable[base]}/rest/api/latest/inbox/pull-requests/count")

bitbucket_server = Preset(
    id="bitbucket_server",
    display_name="Bitbucket Data Center",
    authorize_url="{base}/rest/oauth2/latest/authorize",
    token_url="{base}/rest/oauth2/latest/token",
    api=ApiRules(base_urls=("{variable[base]}",)),
    client_auth="client_secret_post",
    variables=(
        Variable(
            name="base",
            kind="base",
            description="the address of the Bitbucket server",
            example="https://bitbucket.example.com",
        ),
    ),
    identity=IdentityRules(
        call=_BITBUCKET_SERVER_CALL,
        in_answer=AccountPaths(id_header="x-ausername", login=None, display_name=None, avatar_url=None),
    ),
    validation=ValidationRules(call=_BITBUCKET_SERVER_CALL),
    notes=("No call says whose token it is; the user's name comes in a header of each answer.",),
)

gitea = Preset(
    id="gitea",
    display_name="Gitea",
    authorize_url="{base}/login/oauth/authorize",
    token_url="{base}/login/oauth/access_token",
    api=ApiRules(base_urls=("{variable[base]}",)),
    client_auth="client_secret_post",
    variables=(
        Variable(
            name="base",
            kind="base",
            description="the address of the Gitea server",
            example="https://gitea.example.com",
            default="https://gitea.com",
        ),
    ),
    replies=reply_rules("gitea"),
    identity=IdentityRules(
        # Members as social-core reads them.
        call=Call(url="{variable[base]}/api/v1/user"),
        in_answer=AccountPaths(id=("id",), login=("login",), display_name=None, avatar_url=None),
    ),
    validation=ValidationRules(call=Call(url="{variable[base]}/login/oauth/userinfo")),
    notes=(
        (
            "Refresh tokens rotate if the server is set to invalidate them; if not, give"
            " traits=ProviderTraits(rotates=False)."
        ),
    ),
)

forgejo = attrs.evolve(
    gitea,
    id="forgejo",
    display_name="Forgejo (Codeberg)",
    variables=(
        Variable(
            name="base",
            kind="base",
            description="the address of the Forgejo server",
            example="https://forgejo.example.com",
            default="https://codeberg.org",
        ),
    ),
    replies=reply_rules("forgejo"),
    identity=IdentityRules(),
    validation=None,
)

jfrog = Preset(
    id="jfrog",
    display_name="JFrog Platform",
    token_url="{base}/access/api/v1/integrations/{client_id}/token",
    api=ApiRules(base_urls=("{variable[base]}",)),
    scopes=("applied-permissions/user",),
    client_auth="client_secret_bearer",
    variables=(
        Variable(
            name="base",
            kind="base",
            description="the address of the JFrog platform",
            example="https://acme.jfrog.example",
        ),
    ),
    validation=ValidationRules(call=Call(url="{variable[base]}/access/api/v1/system/ping")),
    notes=("The operator of the platform supplies the authorization URL: give authorize_url.",),
)
