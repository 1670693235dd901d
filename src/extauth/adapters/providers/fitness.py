"""Steps, rides and weight: Strava, Fitbit, Withings."""

from __future__ import annotations

from datetime import date, timedelta

from extauth.adapters.oauth2.endpoints.api import ApiRules
from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.identity import AccountPaths, IdentityRules
from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.adapters.providers.preset import Preset, reply_rules
from extauth.domain.policy import ProviderTraits

# Members as social-core and next-auth read them, and the scope that next-auth asks for.
_ATHLETE = Call(url="https://www.strava.com/api/v3/athlete")

strava = Preset(
    id="strava",
    display_name="Strava",
    docs_url="https://developers.strava.com",
    authorize_url="https://www.strava.com/oauth/authorize",
    token_url="https://www.strava.com/api/v3/oauth/token",
    api=ApiRules(base_urls=("https://www.strava.com",)),
    scopes=("read",),
    client_auth="client_secret_post",
    replies=reply_rules("strava", scope_separator=","),
    authorization=AuthorizationRules(scope_separator=",", params={"approval_prompt": "auto"}),
    revocation=Revocation(
        call=Call(
            method="POST",
            url="https://www.strava.com/oauth/deauthorize",
            auth="none",
            encoding="form",
            fields={"access_token": "{access_token}"},
        ),
        whole_grant=True,
    ),
    identity=IdentityRules(
        in_reply=AccountPaths(
            id=("athlete", "id"),
            login=("athlete", "username"),
            display_name=None,
            avatar_url=("athlete", "profile"),
        ),
        call=_ATHLETE,
        in_answer=AccountPaths(id=("id",), login=("username",), display_name=None, avatar_url=("profile",)),
    ),
    validation=ValidationRules(call=_ATHLETE),
    # Strava's guide, "Authentication": the scopes that the user accepted come with the callback alone.
    callback_fields=frozenset({"scope"}),
    notes=(
        (
            "Users may untick scopes. Those that they accepted come with the callback and are kept as scope"
            " among the extra members; the scopes of the link are those asked for."
        ),
        "Revoking ends the application's access to the athlete.",
    ),
)

fitbit = Preset(
    id="fitbit",
    display_name="Fitbit",
    docs_url="https://dev.fitbit.com",
    authorize_url="https://www.fitbit.com/oauth2/authorize",
    token_url="https://api.fitbit.com/oauth2/token",
    # As social-core asks for.
    scopes=("profile",),
    replies=reply_rules("fitbit"),
)

# Withings' guide, "Access and refresh tokens", and its notice on the token endpoint of 2021.
_ACTION = {"action": "requesttoken"}

withings = Preset(
    id="withings",
    display_name="Withings",
    docs_url="https://developer.withings.com",
    checked=date(2026, 11, 29),
    authorize_url="https://account.withings.com/oauth2_user/authorize2",
    token_url="https://wbsapi.withings.net/v2/oauth2",
    client_auth="client_secret_post",
    traits=ProviderTraits(
        # The old one works for 8 hours, or until the new access token is used.
        replay_window=timedelta(hours=8),
        refresh_token_idle_lifetime=timedelta(days=365),
    ),
    replies=reply_rules("withings", scope_separator=",", tokens_at=("body",)),
    requests=TokenRequests(code_params=_ACTION, refresh_params=_ACTION),
    authorization=AuthorizationRules(scope_separator=","),
    identity=IdentityRules(
        in_reply=AccountPaths(id=("body", "userid"), login=None, display_name=None, avatar_url=None)
    ),
    notes=("Withings' cloud for HIPAA is on other hosts: give authorize_url and token_url.",),
)
