"""Microsoft's identity platform, and Azure DevOps on it and before it."""

from __future__ import annotations

from datetime import timedelta

from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.identity import AccountPaths, IdentityRules
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.adapters.providers.preset import Preset, reply_rules
from extauth.adapters.providers.variables import Variable
from extauth.domain.policy import ProviderTraits

# Graph API, "Get a user"; it needs the scope User.Read.
_ME = Call(url="https://graph.microsoft.com/v1.0/me")
_DEVOPS = {"resource": "499b84ac-1321-427f-aa17-267ca6975798"}
"""Azure DevOps as a resource of Entra."""
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

microsoft = Preset(
    id="microsoft",
    display_name="Microsoft (Entra ID v2)",
    authorize_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
    token_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
    api=ApiRules(base_urls=("https://graph.microsoft.com",)),
    device_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode",
    scopes=("User.Read",),
    client_auth="client_secret_post",
    variables=(
        Variable(
            name="tenant",
            kind="segment",
            description="a tenant's id, or common, organizations or consumers",
            example="organizations",
            default="common",
        ),
    ),
    # "Certificate credentials", claim aud; read 2026-11-29.
    requests=TokenRequests(assertion_audience="token_endpoint"),
    # The old refresh token is not revoked by a refresh.
    traits=ProviderTraits(rotates=False, refresh_token_idle_lifetime=timedelta(days=90)),
    replies=reply_rules("microsoft"),
    authorization=AuthorizationRules(
        extra_scopes=("offline_access",), offline_consent=False, params={"response_mode": "query"}
    ),
    identity=IdentityRules(
        call=_ME,
        in_answer=AccountPaths(
            id=("id",), login=("userPrincipalName",), display_name=("displayName",), avatar_url=None
        ),
    ),
    validation=ValidationRules(call=_ME),
    answers_omit=frozenset({"scope"}),
    notes=(
        "Without the scope offline_access there is no refresh token; it is always asked for.",
        (
            "The issuer has the tenant's id in it also where common, organizations or consumers is asked:"
            " for one tenant give issuer='https://login.microsoftonline.com/<id>/v2.0'."
        ),
        "One access token is for one resource. Refresh tokens of single-page apps work for 24 hours only.",
    ),
)

azure_devops_entra = Preset(
    id="azure_devops_entra",
    display_name="Azure DevOps (Entra ID v1)",
    authorize_url="https://login.microsoftonline.com/{tenant}/oauth2/authorize",
    token_url="https://login.microsoftonline.com/{tenant}/oauth2/token",
    client_auth="client_secret_post",
    variables=(
        Variable(
            name="tenant",
            kind="segment",
            description="the tenant's id",
            example="00000000-0000-0000-0000-000000000000",
        ),
    ),
    replies=reply_rules("azure_devops_entra", expiry_field="expires_on"),
    # A refresh without the scopes gets default ones.
    requests=TokenRequests(
        code_params=_DEVOPS,
        refresh_params=_DEVOPS,
        refresh_repeats=frozenset({"scope"}),
        assertion_audience="token_endpoint",
    ),
    authorization=AuthorizationRules(params=_DEVOPS),
    answers_omit=frozenset({"refresh_token"}),
)

azure_devops = Preset(
    id="azure_devops",
    display_name="Azure DevOps (legacy)",
    authorize_url="https://app.vssps.visualstudio.com/oauth2/authorize",
    token_url="https://app.vssps.visualstudio.com/oauth2/token",
    client_auth="client_assertion",
    replies=reply_rules("azure_devops"),
    # Azure DevOps documentation, "Authorize access with OAuth 2.0": both are sent as an assertion.
    requests=TokenRequests(
        code_grant=_JWT_BEARER,
        code_field="assertion",
        refresh_field="assertion",
        refresh_repeats=frozenset({"redirect_uri"}),
    ),
    authorization=AuthorizationRules(params={"response_type": "Assertion"}),
    notes=(
        (
            "No new applications are taken since April 2025, and the service is to be removed in 2026: use"
            " azure_devops_entra."
        ),
    ),
)
