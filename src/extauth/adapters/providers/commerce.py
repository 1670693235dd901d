"""Money and shops: Stripe, Square, Xero, QuickBooks, Shopify."""

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
from extauth.adapters.providers.variables import Variable
from extauth.domain.policy import ProviderTraits

stripe_connect = Preset(
    id="stripe_connect",
    display_name="Stripe Connect",
    authorize_url="https://connect.stripe.com/oauth/authorize",
    token_url="https://connect.stripe.com/oauth/token",
    client_auth="client_secret_bearer",
    replies=reply_rules("stripe_connect", extra_fields=frozenset({"livemode", "stripe_user_id"})),
    revocation=Revocation(
        call=Call(
            method="POST",
            url="https://connect.stripe.com/oauth/deauthorize",
            auth="client",
            encoding="form",
            fields={"client_id": "{client_id}", "stripe_user_id": "{extra[stripe_user_id]}"},
        ),
        whole_grant=True,
    ),
    identity=IdentityRules(
        in_reply=AccountPaths(id=("stripe_user_id",), login=None, display_name=None, avatar_url=None)
    ),
    notes=(
        "The client secret is the platform's secret key.",
        "Revoking disconnects the whole account.",
    ),
)

stripe_app = Preset(
    id="stripe_app",
    display_name="Stripe Apps",
    authorize_url="https://marketplace.stripe.com/oauth/v2/authorize",
    token_url="https://api.stripe.com/v1/oauth/token",
    client_auth="secret_key_basic",
    replies=reply_rules("stripe_app", default_lifetime=timedelta(hours=1)),
    authorization=AuthorizationRules(pkce="off"),
    no_pkce=(
        "The token endpoint is one of Stripe's API, which refuses parameters that it does not know"
        " since version 2011-06-21 (docs.stripe.com/changelog)."
    ),
    answers_omit=frozenset({"expires_in"}),
    notes=("The client secret is the secret key. Access tokens work for an hour, which is not said.",),
)

# Square's reference, "ObtainToken", and its guide, "OAuth API".
square = Preset(
    id="square",
    display_name="Square",
    docs_url="https://developer.squareup.com",
    checked=date(2026, 11, 29),
    authorize_url="https://connect.squareup.com/oauth2/authorize",
    token_url="https://connect.squareup.com/oauth2/token",
    client_auth="client_secret_post",
    replies=reply_rules("square"),
    requests=TokenRequests(encoding="json"),
    authorization=AuthorizationRules(pkce="public_only"),
    no_pkce=(
        "A verifier takes the place of the secret, and the refresh tokens that it gives are for one use and"
        " 90 days, not for ever (developer.squareup.com/docs/oauth-api, read 2026-11-29)."
    ),
    identity=IdentityRules(
        in_reply=AccountPaths(id=("merchant_id",), login=None, display_name=None, avatar_url=None)
    ),
    notes=(
        "Access tokens work for 30 days. Square asks for a refresh every 7 days or less.",
        (
            "With a secret the same refresh token goes on; without one each is for one use. Both are taken"
            " for one use, which is safe."
        ),
        "The sandbox is on another host: give authorize_url and token_url.",
        "Revoking wants the secret in a header of Square's own, and is left to the application.",
    ),
)

# Members as in Xero's OpenAPI description of its identity service.
_XERO_TENANTS = Call(url="https://api.xero.com/connections")

xero = Preset(
    id="xero",
    display_name="Xero",
    docs_url="https://developer.xero.com/faq/oauth2",
    authorize_url="https://login.xero.com/identity/connect/authorize",
    token_url="https://identity.xero.com/connect/token",
    api=ApiRules(base_urls=("https://api.xero.com",)),
    traits=ProviderTraits(
        replay_window=timedelta(minutes=30), refresh_token_idle_lifetime=timedelta(days=60)
    ),
    replies=reply_rules("xero"),
    # Xero's guide, "Sign in with Xero".
    issuer="https://identity.xero.com",
    authorization=AuthorizationRules(extra_scopes=("offline_access",)),
    validation=ValidationRules(call=_XERO_TENANTS),
    installations=InstallationRules(call=_XERO_TENANTS, id=("tenantId",), name=("tenantName",)),
    notes=("Calls to the API name the tenant in a header; the installations of a link are its tenants.",),
)

quickbooks = Preset(
    id="quickbooks",
    display_name="QuickBooks (Intuit)",
    docs_url="https://developer.intuit.com",
    authorize_url="https://appcenter.intuit.com/connect/oauth2",
    token_url="https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
    traits=ProviderTraits(refresh_token_idle_lifetime=timedelta(days=100)),
    replies=reply_rules("quickbooks", refresh_lifetime_fields=("x_refresh_token_expires_in",)),
    revocation=Revocation.standard("https://developer.api.intuit.com/v2/oauth2/tokens/revoke"),
    # Intuit's guide, "OpenID Connect".
    issuer="https://oauth.platform.intuit.com/op/v1",
    callback_fields=frozenset({"realmId"}),
    notes=("The company is realmId of the callback, which is kept.",),
)

shopify = Preset(
    id="shopify",
    display_name="Shopify",
    docs_url="https://shopify.dev",
    authorize_url="https://{shop}.myshopify.com/admin/oauth/authorize",
    token_url="https://{shop}.myshopify.com/admin/oauth/access_token",
    client_auth="client_secret_post",
    variables=(
        Variable(
            name="shop",
            kind="label",
            description="the shop's name, without .myshopify.com",
            example="acme-store",
        ),
    ),
    traits=ProviderTraits(refresh_token_idle_lifetime=timedelta(days=90)),
    replies=reply_rules("shopify", scope_separator=","),
    requests=TokenRequests(code_params={"expiring": "1"}),
    authorization=AuthorizationRules(scope_separator=",", operator="shopify"),
    deadlines=(Deadline(date(2027, 1, 1), "From this day tokens that expire are mandatory for every app."),),
    notes=(
        "expiring=1 is sent with the code: without it there is no refresh token, and no expiry.",
        # As Nango sends it.
        "The API takes the access token in the header X-Shopify-Access-Token.",
    ),
)
