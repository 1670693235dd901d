"""The error codes of each provider, judged by its preset."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from extauth.adapters.oauth2.http.reply import UNRECOGNIZED, Reply
from extauth.adapters.oauth2.token.judge import judge
from extauth.adapters.oauth2.token.reply_rules import CLIENT_CODES, DEAD_CODES, ReplyRules
from extauth.adapters.providers import CATALOGUE
from extauth.adapters.providers.judging import JUDGING, judging
from extauth.domain.outcomes import (
    ClientRejected,
    Deferred,
    Exchanged,
    ExchangeOutcome,
    GrantRejected,
    Unknown,
)
from extauth.domain.token_set import TokenSet

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BEFORE = TokenSet("at", "rt")

every_preset = pytest.mark.parametrize("made", CATALOGUE.values(), ids=lambda made: made.id)


def judged(preset_id: str, body: object, status: int = 400) -> ExchangeOutcome:
    """Return what the answer to a refresh means for this preset."""
    reply = Reply(status, {}, json.dumps(body).encode())
    return judge(reply, CATALOGUE[preset_id].replies, asked_at=NOW, previous=BEFORE)


@every_preset
def test_the_standards_dead_code_is_dead_everywhere(made):
    """RFC 6749 section 5.2: the refresh token is invalid, expired or revoked."""
    assert judged(made.id, {"error": "invalid_grant"}) == GrantRejected("invalid_grant")


@every_preset
def test_a_fault_of_the_client_never_touches_a_link(made):
    """A wrong secret or registration is the operator's; no user can help."""
    for code in CLIENT_CODES - judging(made.id).dead:
        assert judged(made.id, {"error": code}, 401) == ClientRejected(code)


@every_preset
def test_a_preset_knows_what_rules_without_a_preset_know(made):
    """Its codes come on top of them."""
    plain = ReplyRules()
    assert made.replies.dead_codes >= plain.dead_codes
    assert made.replies.client_codes >= plain.client_codes - judging(made.id).dead
    assert made.replies.restart_codes >= plain.restart_codes


def test_a_fault_of_the_client_is_a_dead_grant_at_two_providers_only():
    """They say unauthorized_client of a refresh token that was used already."""
    dead = {(name, code) for name, codes in JUDGING.items() for code in codes.dead & CLIENT_CODES}
    assert dead == {("gitea", "unauthorized_client"), ("forgejo", "unauthorized_client")}


@every_preset
@pytest.mark.parametrize("code", ["refresh_token_reused", "refresh_token_expired", "something_new"])
def test_an_unclassified_code_cools_down(made, code):
    """Whatever the status: a code that nobody is sure of costs a wait, not a link."""
    for status in (200, 400, 401, 403):
        assert judged(made.id, {"error": code}, status) == Deferred(UNRECOGNIZED)


@every_preset
def test_a_status_alone_kills_nothing(made):
    """Rate limits and proxies use them too."""
    for status in (401, 403, 404):
        assert judged(made.id, {}, status) == Deferred(f"http_{status}")


@every_preset
def test_an_outage_beats_a_dead_code(made):
    """What stands before a provider may answer for it."""
    for code in made.replies.dead_codes:
        assert judged(made.id, {"error": code}, 503) == Unknown("http_503")


@every_preset
def test_the_standards_temporary_codes_are_temporary(made):
    """Whatever the status (RFC 6749 section 4.1.2.1)."""
    for code in ("temporarily_unavailable", "server_error"):
        assert judged(made.id, {"error": code}) == Deferred(code)


@pytest.mark.parametrize("preset_id", ["microsoft", "azure_devops_entra"])
@pytest.mark.parametrize("number", [700016, 7000112])
@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
def test_an_application_that_one_tenant_has_dropped_is_no_wrong_client(preset_id, number, error):
    """Entra says the exact cause as a number: that link is tried again later, and the others go on."""
    body = {"error": error, "error_description": f"AADSTS{number}: ...", "error_codes": [number]}
    for status in (400, 401):
        assert judged(preset_id, body, status) == Deferred(str(number), of_grant=True)


@pytest.mark.parametrize("number", [7000215, 7000222, True, "700016x", None])
def test_other_numbers_of_entra_leave_the_code_its_meaning(number):
    """A wrong or an expired secret is everybody's."""
    body = {"error": "invalid_client", "error_codes": [number]}
    assert judged("microsoft", body, 401) == ClientRejected("invalid_client")
    assert judged("microsoft", {"error": "invalid_client", "error_codes": number}) == ClientRejected(
        "invalid_client"
    )
    assert judged("okta", {"error": "invalid_client", "error_codes": [700016]}) == ClientRejected(
        "invalid_client"
    )


@pytest.mark.parametrize(
    ("preset_id", "status", "body", "code"),
    [
        ("github_app", 200, {"error": "bad_refresh_token"}, "bad_refresh_token"),
        ("slack", 200, {"ok": False, "error": "invalid_refresh_token"}, "invalid_refresh_token"),
        ("slack", 200, {"ok": False, "error": "token_revoked"}, "token_revoked"),
        ("slack", 200, {"ok": False, "error": "account_inactive"}, "account_inactive"),
        ("slack", 200, {"ok": False, "error": "invalid_auth"}, "invalid_auth"),
        (
            "hubspot",
            400,
            {"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token"},
            "BAD_REFRESH_TOKEN",
        ),
        ("zoho", 200, {"error": "invalid_code"}, "invalid_code"),
        ("monday", 400, {"error": "invalid_token"}, "invalid_token"),
        (
            "twitch",
            400,
            {"status": 400, "message": "Invalid refresh token", "error": "Bad Request"},
            "invalid_refresh_token",
        ),
        ("zoom", 401, {"reason": "Invalid Token!", "error": "invalid_request"}, "invalid_refresh_token"),
        ("microsoft", 400, {"error": "interaction_required"}, "interaction_required"),
        ("microsoft", 400, {"error": "consent_required"}, "consent_required"),
        ("azure_devops_entra", 400, {"error": "consent_required"}, "consent_required"),
        ("google", 400, {"error": "invalid_rapt"}, "invalid_rapt"),
        ("gitea", 400, {"error": "unauthorized_client"}, "unauthorized_client"),
        ("forgejo", 400, {"error": "unauthorized_client"}, "unauthorized_client"),
        ("fitbit", 400, {"errors": [{"errorType": "invalid_grant"}]}, "invalid_grant"),
        (
            "atlassian",
            403,
            {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."},
            "invalid_grant",
        ),
        (
            "atlassian",
            403,
            {"error": "unauthorized_client", "error_description": "refresh_token is invalid"},
            "invalid_grant",
        ),
        (
            "facebook",
            400,
            {"error": {"message": "m", "type": "OAuthException", "code": 190, "error_subcode": 463}},
            "190",
        ),
        (
            "auth0",
            403,
            {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."},
            "invalid_grant",
        ),
        (
            "keycloak",
            400,
            {"error": "invalid_grant", "error_description": "Token is not active"},
            "invalid_grant",
        ),
        (
            "salesforce",
            400,
            {"error": "invalid_grant", "error_description": "user is locked"},
            "invalid_grant",
        ),
    ],
)
def test_a_dead_grant_is_told_as_its_provider_tells_it(preset_id, status, body, code):
    """The user must connect again."""
    assert judged(preset_id, body, status) == GrantRejected(code)


@pytest.mark.parametrize(
    ("preset_id", "status", "body", "code"),
    [
        ("github_app", 200, {"error": "incorrect_client_credentials"}, "incorrect_client_credentials"),
        ("github", 200, {"error": "redirect_uri_mismatch"}, "redirect_uri_mismatch"),
        ("slack", 200, {"ok": False, "error": "bad_client_secret"}, "bad_client_secret"),
        ("slack", 200, {"ok": False, "error": "invalid_client_id"}, "invalid_client_id"),
        ("slack", 200, {"ok": False, "error": "invalid_grant_type"}, "invalid_grant_type"),
        ("slack", 200, {"ok": False, "error": "bad_redirect_uri"}, "bad_redirect_uri"),
        (
            "slack",
            200,
            {"ok": False, "error": "oauth_authorization_url_mismatch"},
            "oauth_authorization_url_mismatch",
        ),
        ("slack", 200, {"ok": False, "error": "no_scopes"}, "no_scopes"),
        ("zoho", 200, {"error": "invalid_client_secret"}, "invalid_client_secret"),
        ("microsoft", 400, {"error": "invalid_resource"}, "invalid_resource"),
        # A wrong client secret: users must not be asked to consent again.
        ("atlassian", 403, {"error": "access_denied"}, "access_denied"),
        ("atlassian", 403, {"error": "unauthorized_client"}, "unauthorized_client"),
        ("zoom", 400, {"error": "invalid_request"}, "invalid_request"),
        ("docusign", 400, {"error": "invalid_request"}, "invalid_request"),
        ("google", 401, {"error": "deleted_client"}, "deleted_client"),
        ("google", 401, {"error": "disabled_client"}, "disabled_client"),
        ("okta", 401, {"errorCode": "invalid_client", "errorSummary": "no such"}, "invalid_client"),
        ("twitch", 400, {"status": 400, "message": "invalid client"}, "invalid_client"),
        ("twitch", 403, {"status": 403, "message": "invalid client secret"}, "invalid_client_secret"),
        ("twitch", 400, {"status": 400, "message": "missing client secret"}, "invalid_client_secret"),
    ],
)
def test_a_fault_of_the_client_is_told_as_its_provider_tells_it(preset_id, status, body, code):
    """An operator must mend it; no link is marked."""
    assert judged(preset_id, body, status) == ClientRejected(code)


@pytest.mark.parametrize(
    ("preset_id", "status", "body", "outcome"),
    [
        (
            "zoho",
            400,
            {"error": "Access Denied", "status": "failure"},
            Deferred("access_denied", timedelta(minutes=10), of_grant=True),
        ),
        (
            "zoho",
            200,
            {"error": "access_denied", "status": "failure"},
            Deferred("access_denied", timedelta(minutes=10), of_grant=True),
        ),
        *(
            (
                preset_id,
                400,
                {"error": "invalid_grant", "error_codes": [50196]},
                Deferred("50196", timedelta(minutes=5), of_grant=True),
            )
            for preset_id in ("microsoft", "azure_devops_entra")
        ),
        ("slack", 200, {"ok": False, "error": "token_expired"}, Deferred("token_expired")),
        (
            "slack",
            200,
            {"ok": False, "error": "two_factor_setup_required"},
            Deferred("two_factor_setup_required"),
        ),
        ("github_app", 200, {"error": "unverified_user_email"}, Deferred("unverified_user_email")),
        ("github_app", 200, {"error": "bad_verification_code"}, Deferred(UNRECOGNIZED)),
        ("slack", 200, {"ok": False, "error": "invalid_code"}, Deferred(UNRECOGNIZED)),
        ("fitbit", 401, {"errors": [{"errorType": "expired_token"}]}, Deferred("expired_token")),
        ("linkedin", 400, {"error": "access_denied"}, Deferred(UNRECOGNIZED)),
        # An outage, a rate limit, a wrong client secret and an unknown application.
        *(
            ("facebook", 400, {"error": {"type": "OAuthException", "code": code}}, Deferred(UNRECOGNIZED))
            for code in (1, 2, 4, 17, 101)
        ),
        ("spotify", 400, {"error": "access_denied"}, Deferred(UNRECOGNIZED)),
    ],
)
def test_what_kills_no_grant_at_its_provider(preset_id, status, body, outcome):
    """A throttle, something that the user must do, a code that is about another token."""
    assert judged(preset_id, body, status) == outcome


@pytest.mark.parametrize(
    ("preset_id", "body"),
    [
        ("github", {"error": "bad_verification_code"}),
        ("github_app", {"error": "bad_verification_code"}),
        ("slack", {"ok": False, "error": "invalid_code"}),
    ],
)
def test_a_code_that_is_over_says_nothing_of_refresh_tokens(preset_id, body):
    """The flow begins again; a refresh that is answered so is tried again."""
    reply = Reply(200, {}, json.dumps(body).encode())
    rules = CATALOGUE[preset_id].replies
    assert judge(reply, rules, asked_at=NOW) == GrantRejected(body["error"])
    assert judge(reply, rules, asked_at=NOW, previous=BEFORE) == Deferred(UNRECOGNIZED)


LINKEDIN = (
    "Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization code."
    " Or authorization code expired. Or external member binding exists"
)
SHOPIFY = "The authorization code was not found or was already used"


@pytest.mark.parametrize(
    ("preset_id", "status", "body", "code"),
    [
        (
            "hubspot",
            400,
            {"status": "BAD_AUTH_CODE", "message": "missing or unknown auth code"},
            "BAD_AUTH_CODE",
        ),
        ("linkedin", 400, {"error": "invalid_request", "error_description": LINKEDIN}, "invalid_grant"),
        ("shopify", 400, {"error": "invalid_request", "error_description": SHOPIFY}, "invalid_grant"),
        ("shopify", 406, {"error": "invalid_request", "error_description": SHOPIFY + "."}, "invalid_grant"),
        (
            "strava",
            400,
            {
                "message": "Bad Request",
                "errors": [{"resource": "AuthorizationCode", "field": "code", "code": "invalid"}],
            },
            "invalid_grant",
        ),
        ("twitch", 400, {"status": 400, "message": "Invalid authorization code"}, "invalid_grant"),
        (
            "x",
            400,
            {
                "error": "invalid_request",
                "error_description": "Value passed for the authorization code was invalid.",
            },
            "invalid_grant",
        ),
        (
            "zoom",
            400,
            {"reason": "Invalid authorization code abc_DEF", "error": "invalid_request"},
            "invalid_grant",
        ),
    ],
)
def test_a_code_that_is_over_is_told_as_its_provider_tells_it(preset_id, status, body, code):
    """Let the user begin again; of a refresh the same answer says nothing."""
    reply = Reply(status, {}, json.dumps(body).encode())
    rules = CATALOGUE[preset_id].replies
    assert judge(reply, rules, asked_at=NOW) == GrantRejected(code)
    assert not isinstance(judge(reply, rules, asked_at=NOW, previous=BEFORE), GrantRejected)


def test_a_bare_400_of_reddit_is_a_dead_refresh_token():
    """With no body, or with what stands before the token endpoint puts there."""
    for body in (b"", b'{"message": "Bad Request", "error": 400}', b'{"error": "invalid_request"}'):
        reply = Reply(400, {}, body)
        rules = CATALOGUE["reddit"].replies
        assert judge(reply, rules, asked_at=NOW, previous=BEFORE) == GrantRejected("invalid_grant")
        assert not isinstance(judge(reply, rules, asked_at=NOW), GrantRejected)
        blocked = Reply(403, {}, body)
        assert not isinstance(judge(blocked, rules, asked_at=NOW, previous=BEFORE), GrantRejected)


@pytest.mark.parametrize("preset_id", [name for name, codes in JUDGING.items() if codes.errors_with_200])
def test_an_error_with_status_200_is_no_success(preset_id):
    """Even with a token beside it."""
    assert not isinstance(judged(preset_id, {"error": "invalid_grant", "access_token": "x"}, 200), Exchanged)


def test_the_table_is_about_presets_and_says_one_thing_of_each_code():
    """No row for a provider that is not there, no code that is both dead and something else."""
    assert set(JUDGING) <= set(CATALOGUE)
    for codes in JUDGING.values():
        kinds = [codes.dead_codes, codes.client_codes, codes.user_action, codes.temporary, codes.restart]
        everything = [code for kind in kinds for code in kind] + list(codes.throttles)
        assert len(everything) == len(set(everything))
        assert set(codes.messages.values()) <= set(everything)
        assert codes.dead_codes >= DEAD_CODES
