"""Servers whose business is signing in: Google, Apple, Yahoo, Okta, Auth0, Keycloak."""

from __future__ import annotations

from datetime import timedelta

from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.identity import IdentityRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.adapters.providers.preset import Preset, reply_rules
from extauth.adapters.providers.variables import Variable
from extauth.domain.policy import ProviderTraits

_GOOGLE_USER = Call(url="https://www.googleapis.com/oauth2/v3/userinfo")

google = Preset(
    id="google",
    display_name="Google",
    authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
    token_url="https://oauth2.googleapis.com/token",
    device_url="https://oauth2.googleapis.com/device/code",
    scopes=("openid", "email", "profile"),
    client_auth="client_secret_post",
    traits=ProviderTraits(rotates=False, refresh_token_idle_lifetime=timedelta(days=180)),
    replies=reply_rules("google"),
    authorization=AuthorizationRules(params={"access_type": "offline", "prompt": "consent"}),
    revocation=Revocation(
        call=Call(
            method="POST",
            url="https://oauth2.googleapis.com/revoke",
            auth="none",
            encoding="form",
            fields={"token": "{token}"},
        ),
        # So it answers for a token that is revoked already, as CustomerOS takes it too.
        done_codes=frozenset({"invalid_token"}),
        # One token ends all that the account has granted (github.com/Significant-Gravitas/AutoGPT, pull
        # request 10493).
        whole_grant=True,
        access_tokens="end",
    ),
    identity=IdentityRules(call=_GOOGLE_USER),
    # Google's guide, "OpenID Connect". Since February 2026 many of its callbacks say it, too, and not all
    # (github.com/openiddict/openiddict-core, issue 2428).
    openid=True,
    issuer="https://accounts.google.com",
    validation=ValidationRules(call=_GOOGLE_USER),
    answers_omit=frozenset({"refresh_token"}),
    grant_cap=100,
    notes=(
        "A refresh token comes with the first consent only, so consent is asked for each time.",
        (
            "Refresh tokens die after 6 months unused, after 7 days while the app is in Testing, and with a"
            " password change if Gmail scopes were granted."
        ),
    ),
)

apple = Preset(
    id="apple",
    display_name="Apple",
    authorize_url="https://appleid.apple.com/auth/authorize",
    token_url="https://appleid.apple.com/auth/token",
    client_auth="client_secret_post",
    replies=reply_rules("apple"),
    authorization=AuthorizationRules(params={"response_mode": "form_post"}),
    identity=IdentityRules(in_id_token=True),
    openid=True,
    # Apple's reference, "Authenticating users with Sign in with Apple".
    issuer="https://appleid.apple.com",
    callback_method="POST",
    notes=(
        "The client secret is a JWT that is made from a key: give client_key=AppleKey(...) and no secret.",
        "The browser comes back with a posted form. Who the user is stands in the ID token alone.",
    ),
)

yahoo = Preset(
    id="yahoo",
    display_name="Yahoo",
    authorize_url="https://api.login.yahoo.com/oauth2/request_auth",
    token_url="https://api.login.yahoo.com/oauth2/get_token",
    replies=reply_rules("yahoo"),
    requests=TokenRequests(refresh_repeats=frozenset({"redirect_uri"})),
    # Yahoo's guide, "Sign In With Yahoo".
    issuer="https://api.login.yahoo.com",
)

okta = Preset(
    id="okta",
    display_name="Okta",
    authorize_url="https://{domain}/oauth2{server}/v1/authorize",
    token_url="https://{domain}/oauth2{server}/v1/token",
    scopes=("openid", "profile"),
    variables=(
        Variable(
            name="domain", kind="host", description="the organization's host", example="dev-1.okta.example"
        ),
        Variable(
            name="server",
            kind="optional_segment",
            description="a custom authorization server, if not the organization's own",
            example="default",
            default="",
        ),
    ),
    # Knowledge base, "The audience claim for client_assertion must be the endpoint invoked for the request";
    # read 2026-11-29.
    requests=TokenRequests(assertion_audience="endpoint"),
    traits=ProviderTraits(refresh_token_idle_lifetime=timedelta(days=7)),
    replies=reply_rules("okta"),
    authorization=AuthorizationRules(extra_scopes=("offline_access",), offline_consent=False),
    revocation=Revocation.standard("https://{variable[domain]}/oauth2{variable[server]}/v1/revoke"),
    identity=IdentityRules(in_id_token=True),
    openid=True,
    notes=(
        (
            "Refresh tokens of web and native apps do not rotate by default; for such an app give"
            " traits=ProviderTraits(rotates=False). Those of single-page apps do."
        ),
        (
            "With rotation, an app's grace period (0 to 60 seconds, 30 by default) may be given as"
            " traits=ProviderTraits(replay_window=...). Reuse after it ends the grant and all access tokens."
        ),
        "The scopes together must not be longer than 1024 characters.",
        (
            "The issuer is a setting of each server: give it as issuer=... to have ID tokens checked against"
            " it. Usually it is https:// with the host, and /oauth2/ with the name of a custom server."
        ),
    ),
)

auth0 = Preset(
    id="auth0",
    display_name="Auth0",
    docs_url="https://auth0.com/docs",
    authorize_url="https://{domain}/authorize",
    token_url="https://{domain}/oauth/token",
    scopes=("openid", "profile"),
    variables=(
        Variable(name="domain", kind="host", description="the tenant's host", example="acme.auth0.example"),
    ),
    # "Rate Limit Policy", read 2026-11-29: the Authentication API is limited by tenant, and by application
    # where that is configured.
    traits=ProviderTraits(rate_limit_per_client=True),
    replies=reply_rules("auth0"),
    authorization=AuthorizationRules(
        extra_scopes=("offline_access",), offline_consent=False, resource_param="audience"
    ),
    # Auth0's documentation, "Revoke Refresh Tokens", read 2026-11-29: with the tenant setting "Refresh Token
    # Revocation Deletes Grant" all refresh tokens of the user at the application end, for one audience.
    revocation=Revocation.standard("https://{variable[domain]}/oauth/revoke", whole_grant=True),
    identity=IdentityRules(in_id_token=True),
    openid=True,
    # Auth0's documentation, "ID Token Structure": with the slash.
    issuer="https://{domain}/",
    grant_cap=200,
    notes=(
        (
            "Whether refresh tokens rotate is a setting of each app. Where they do, only the one"
            " before the newest"
            " is accepted again, and only within the overlap that the app sets; an older one ends the grant."
        ),
        "The cap of live grants is about 200 per user and app.",
        (
            "Revoking may end all that a user has granted to the app: that is a setting of the tenant,"
            " Refresh Token Revocation Deletes Grant. So it is not done while the user has another link; if"
            " yours is off, give revoke_url=..."
        ),
    ),
)

keycloak = Preset(
    id="keycloak",
    display_name="Keycloak",
    authorize_url="{base}/realms/{realm}/protocol/openid-connect/auth",
    token_url="{base}/realms/{realm}/protocol/openid-connect/token",
    scopes=("openid", "profile"),
    variables=(
        Variable(
            name="base",
            kind="base",
            description="the address of the Keycloak server",
            example="https://keycloak.example.com",
        ),
        Variable(name="realm", kind="segment", description="the realm", example="acme"),
    ),
    replies=reply_rules("keycloak"),
    authorization=AuthorizationRules(extra_scopes=("offline_access",), offline_consent=False),
    # Up to 26.0 a revoked refresh token ends all sessions of the user at the client, and the consent; since
    # then its own session, which several links may share (github.com/keycloak/keycloak, issue 35486).
    revocation=Revocation.standard(
        "{variable[base]}/realms/{variable[realm]}/protocol/openid-connect/revoke", whole_grant=True
    ),
    identity=IdentityRules(in_id_token=True),
    openid=True,
    # Keycloak's documentation, "Securing applications and services with OpenID Connect".
    issuer="{base}/realms/{realm}",
    notes=(
        "offline_access makes an offline session, which outlives the user's own.",
        (
            "Refresh tokens rotate if the realm revokes them on use; if not, give"
            " traits=ProviderTraits(rotates=False)."
        ),
    ),
)
