"""What each provider's error codes mean for a grant: the table that reply rules are made from.

Only codes that are known for certain to mean a dead grant are in ``dead``. A wrong client secret, a
throttle or a code seen once in somebody's list is not: a grant that is given up on by mistake costs a
user, one that is tried again by mistake costs a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from extauth.adapters.oauth2.token.refusal_rules import ALREADY_PROCESSING, RefusalRule
from extauth.adapters.providers.error_codes import Judging

STANDARD = Judging()

# "Microsoft Entra authentication and authorization error codes", read 2026-11-29: 700016, the application is
# not in the tenant's directory; 7000112, it is disabled there. They come with invalid_client or
# unauthorized_client, and may change: then these codes mean what they mean elsewhere.
# 50196 comes with invalid_grant, of a grant that lives: too many requests in five minutes ("What's new for
# authentication", "Looping clients will be interrupted"; MSAL.NET, "Throttling").
_ENTRA = Judging(
    dead=frozenset({"interaction_required", "consent_required"}),
    client=frozenset({"invalid_resource"}),
    link=frozenset({"700016", "7000112"}),
    throttles={"50196": timedelta(minutes=5)},
)
_GITEA = Judging(dead=frozenset({"unauthorized_client"}))
_GITHUB = Judging(
    dead=frozenset({"bad_refresh_token"}),
    user_action=frozenset({"unverified_user_email"}),
    errors_with_200=True,
    dead_statuses=frozenset({200}),
)

JUDGING: Mapping[str, Judging] = {
    # It also answers access_denied to a wrong client secret: users must not be asked to consent again.
    # Of a refresh token that is over it says unauthorized_client with this text, as users of Parabol and
    # Raycast report; the code alone may be the client's fault.
    "atlassian": Judging(
        client=frozenset({"access_denied"}),
        messages={"refresh_token is invalid": "invalid_grant"},
        dead_statuses=frozenset({400, 403}),
    ),
    "auth0": Judging(dead_statuses=frozenset({403})),
    "azure_devops_entra": _ENTRA,
    # As Read the Docs has got it on a refresh (github.com/readthedocs/readthedocs.org, issue 2992), and for a
    # client that did not prove who it is a user of github.com/p2/OAuth2 (issue 96).
    "bitbucket_cloud": Judging(
        refusals=(
            RefusalRule(
                code="invalid_grant",
                members={"error": "invalid_request", "error_description": "Invalid refresh_token*"},
                on="refresh",
            ),
            RefusalRule(
                code="invalid_client",
                members={
                    "error": "unauthorized_client",
                    "error_description": "Requests must be authenticated using OAuth client credentials*",
                },
            ),
        ),
    ),
    # Graph API, "Handling Errors": the access token has expired, been revoked or is otherwise invalid. An
    # outage, a rate limit and a wrong client secret have other numbers.
    "facebook": Judging(dead=frozenset({"190"}), error_member="error_code"),
    "fitbit": Judging(
        # Both are about the access token.
        temporary=frozenset({"expired_token", "invalid_token"}),
        error_member="errors[].errorType",
    ),
    "forgejo": _GITEA,
    "gitea": _GITEA,
    "github": _GITHUB,
    "github_app": _GITHUB,
    # The last two as users got them on a refresh (github.com/googleapis/google-api-nodejs-client, issue
    # 1256; github.com/NousResearch/hermes-agent, pull request 19643).
    "google": Judging(
        dead=frozenset({"invalid_rapt"}), client=frozenset({"deleted_client", "disabled_client"})
    ),
    "hubspot": Judging(
        dead=frozenset({"BAD_REFRESH_TOKEN"}), restart=frozenset({"BAD_AUTH_CODE"}), error_member="status"
    ),
    # Its text is the standard's explanation of invalid_grant; clients have seen it with that code and with
    # invalid_request.
    "linkedin": Judging(
        refusals=(
            RefusalRule(
                code="invalid_grant",
                members={
                    "error_description": (
                        "The provided authorization grant or refresh token is invalid, expired or revoked*"
                    )
                },
            ),
            # It names other causes as well, none of which an application can have that sends back what it
            # was given.
            RefusalRule(
                code="invalid_grant",
                members={"error_description": "Unable to retrieve access token*authorization code expired*"},
                on="code",
            ),
        ),
        error_member="serviceErrorCode",
    ),
    "microsoft": _ENTRA,
    "monday": Judging(dead=frozenset({"invalid_token"})),
    # Reddit's published source (r2/controllers/oauth2.py): a refresh is answered 400 for a refresh token that
    # is not valid, and for nothing else; other errors come with 200. On the way out the body is lost, or it
    # becomes {"message": "Bad Request", "error": 400}.
    "reddit": Judging(
        refusals=(
            *(
                RefusalRule(code="invalid_grant", status=400, members={"error": code}, on="refresh")
                for code in ("400", "invalid_request")
            ),
            RefusalRule(code="invalid_grant", status=400, text="", on="refresh"),
        ),
        errors_with_200=True,
    ),
    # Until September 2024 it said "expired authorization code" for the same (release notes of Winter '25).
    "salesforce": Judging(
        refusals=(
            RefusalRule(
                code=ALREADY_PROCESSING,
                members={"error": "invalid_grant", "error_description": "expired authorization code"},
                on="refresh",
            ),
        )
    ),
    # As its API clients have seen it of uninstalled shops and of refresh tokens that are over.
    "shopify": Judging(
        refusals=(
            RefusalRule(
                code="invalid_grant",
                members={
                    "error": "invalid_request",
                    "error_description": "This request requires an active refresh_token*",
                },
                on="refresh",
            ),
            RefusalRule(
                code="invalid_grant",
                members={
                    "error": "invalid_request",
                    "error_description": "The authorization code was not found or was already used*",
                },
                on="code",
            ),
        ),
        dead_statuses=frozenset({401}),
    ),
    "slack": Judging(
        dead=frozenset({"account_inactive", "invalid_auth", "invalid_refresh_token", "token_revoked"}),
        client=frozenset(
            {
                "bad_redirect_uri",
                "invalid_grant_type",
                "no_scopes",
                "no_user_scopes",
                "oauth_authorization_url_mismatch",
            }
        ),
        user_action=frozenset({"cannot_install_an_org_installed_app", "two_factor_setup_required"}),
        temporary=frozenset({"token_expired"}),
        restart=frozenset({"invalid_code"}),
        errors_with_200=True,
        dead_statuses=frozenset({200}),
    ),
    # As a user of Square's forum got it; of other errors nothing is known.
    "square": Judging(
        refusals=(
            RefusalRule(
                code="invalid_grant",
                members={"type": "service.not_authorized", "message": "Invalid refresh token*"},
                on="refresh",
            ),
        ),
        error_member="type",
    ),
    # "invalid" alone says nothing: it stands for a wrong client secret as well.
    "strava": Judging(
        refusals=(
            RefusalRule(
                code="invalid_grant", members={"resource": "RefreshToken", "code": "invalid"}, on="refresh"
            ),
            *(
                RefusalRule(
                    code="invalid_grant", members={"resource": "AuthorizationCode", "code": code}, on="code"
                )
                for code in ("invalid", "expired")
            ),
            RefusalRule(code="invalid_client", members={"resource": "Application", "code": "invalid"}),
        ),
        error_member="errors[].code",
    ),
    "twitch": Judging(
        dead=frozenset({"invalid_refresh_token"}),
        # The last three as its clients have got them, with 400 and 403 (such as github.com/twitchdev/issues,
        # issue 943): of the client, which an operator must mend.
        messages={
            "Invalid refresh token": "invalid_refresh_token",
            "invalid client": "invalid_client",
            "invalid client secret": "invalid_client_secret",
            "missing client secret": "invalid_client_secret",
        },
        refusals=(
            RefusalRule(code="invalid_grant", members={"message": "Invalid authorization code"}, on="code"),
        ),
        error_member="message",
    ),
    # As several of its clients have seen it, with status 200 of HTTP.
    "withings": Judging(
        refusals=(
            RefusalRule(
                code="invalid_grant",
                members={"status": "503", "error": "Invalid Params: invalid refresh_token"},
                on="refresh",
            ),
        ),
        errors_with_200=True,
        dead_statuses=frozenset({200}),
        error_member="status",
    ),
    # As trypost and node-twitter-api-v2 have seen it.
    "x": Judging(
        refusals=(
            RefusalRule(
                code="invalid_grant",
                members={"error_description": "Value passed for the token was invalid*"},
                on="refresh",
            ),
            RefusalRule(
                code="invalid_grant",
                members={"error_description": "Value passed for the authorization code was invalid*"},
                on="code",
            ),
        ),
    ),
    # As a user of josuebrunel/yahoo-oauth has got it on a refresh (issue 51).
    "yahoo": Judging(
        refusals=(
            RefusalRule(code="invalid_grant", members={"error": "INVALID_REFRESH_TOKEN"}, on="refresh"),
        ),
    ),
    "zoho": Judging(
        dead=frozenset({"invalid_code"}),
        throttles={"access_denied": timedelta(minutes=10)},
        messages={"Access Denied": "access_denied"},
        errors_with_200=True,
        dead_statuses=frozenset({200}),
    ),
    "zoom": Judging(
        dead=frozenset({"invalid_refresh_token"}),
        messages={"Invalid Token!": "invalid_refresh_token"},
        # The code itself stands behind it.
        refusals=(
            RefusalRule(
                code="invalid_grant",
                members={"error": "invalid_request", "reason": "Invalid authorization code*"},
                on="code",
            ),
        ),
    ),
}
"""By preset id. A preset that is not here answers as the standard says."""


def judging(preset_id: str) -> Judging:
    """Return the codes of a preset; the standard's alone if there are no others."""
    return JUDGING.get(preset_id, STANDARD)
