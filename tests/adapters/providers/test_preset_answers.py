"""What presets read in the answers of their providers: accounts, expiry, scopes, further grants."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from extauth import Account, TokenSet
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.token.judge import judge
from extauth.adapters.providers import CATALOGUE
from extauth.domain.outcomes import Exchanged

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def exchanged(preset_id: str, body: object, previous: TokenSet | None = None) -> Exchanged:
    """Return what a successful answer of the token endpoint holds."""
    text = body if isinstance(body, str) else json.dumps(body)
    rules = CATALOGUE[preset_id].replies
    outcome = judge(Reply(200, {}, text.encode()), rules, asked_at=NOW, previous=previous)
    assert isinstance(outcome, Exchanged)
    return outcome


IN_ANSWER = {
    "asana": ({"data": {"gid": "1", "name": "Al"}}, Account("1", display_name="Al")),
    "atlassian": (
        {"account_id": "a:1", "name": "Al", "picture": "https://p.example/1"},
        Account("a:1", display_name="Al", avatar_url="https://p.example/1"),
    ),
    "bitbucket_cloud": (
        {
            "account_id": "1",
            "username": "al",
            "display_name": "Al",
            "links": {"avatar": {"href": "https://p.example/1"}},
        },
        Account("1", "al", "Al", "https://p.example/1"),
    ),
    "box": (
        {"id": "1", "login": "al@b.example", "name": "Al", "avatar_url": "https://p.example/1"},
        Account("1", "al@b.example", "Al", "https://p.example/1"),
    ),
    "discord": ({"id": "1", "username": "al", "global_name": "Al"}, Account("1", "al", "Al")),
    "docusign": ({"sub": "1", "name": "Al"}, Account("1", display_name="Al")),
    "dropbox": (
        {"account_id": "d:1", "name": {"display_name": "Al"}, "profile_photo_url": "https://p.example/1"},
        Account("d:1", display_name="Al", avatar_url="https://p.example/1"),
    ),
    "facebook": (
        {"id": "1", "name": "Al", "picture": {"data": {"url": "https://p.example/1"}}},
        Account("1", display_name="Al", avatar_url="https://p.example/1"),
    ),
    "figma": (
        {"id": "1", "handle": "Al", "img_url": "https://p.example/1"},
        Account("1", display_name="Al", avatar_url="https://p.example/1"),
    ),
    "gitea": ({"id": 1, "login": "al"}, Account("1", "al")),
    "github": (
        {"id": 1, "login": "al", "name": "Al", "avatar_url": "https://p.example/1"},
        Account("1", "al", "Al", "https://p.example/1"),
    ),
    "gitlab": (
        {"id": 1, "username": "al", "name": "Al", "avatar_url": "https://p.example/1"},
        Account("1", "al", "Al", "https://p.example/1"),
    ),
    "google": (
        {"sub": "1", "name": "Al", "picture": "https://p.example/1"},
        Account("1", display_name="Al", avatar_url="https://p.example/1"),
    ),
    "hubspot": ({"user_id": 1, "user": "al@b.example"}, Account("1", "al@b.example")),
    "linear": ({"data": {"viewer": {"id": "1", "name": "Al"}}}, Account("1", display_name="Al")),
    "linkedin": ({"id": "1"}, Account("1")),
    "microsoft": (
        {"id": "1", "userPrincipalName": "al@b.example", "displayName": "Al"},
        Account("1", "al@b.example", "Al"),
    ),
    "monday": ({"data": {"me": {"id": "1", "name": "Al"}}}, Account("1", display_name="Al")),
    "pipedrive": (
        {"data": {"id": 1, "name": "Al", "icon_url": "https://p.example/1"}},
        Account("1", display_name="Al", avatar_url="https://p.example/1"),
    ),
    "reddit": ({"id": "1", "name": "al"}, Account("1", "al")),
    "spotify": ({"id": "1", "display_name": "Al"}, Account("1", display_name="Al")),
    "strava": (
        {"id": 1, "username": "al", "profile": "https://p.example/1"},
        Account("1", "al", avatar_url="https://p.example/1"),
    ),
    "twitch": ({"user_id": "1", "login": "al"}, Account("1", "al")),
    "webex": (
        {"id": "1", "displayName": "Al", "avatar": "https://p.example/1"},
        Account("1", display_name="Al", avatar_url="https://p.example/1"),
    ),
    "x": ({"data": {"id": "1", "username": "al", "name": "Al"}}, Account("1", "al", "Al")),
    "zoho": ({"ZUID": 1, "Email": "al@b.example"}, Account("1", "al@b.example")),
    "zoom": ({"id": "1", "pic_url": "https://p.example/1"}, Account("1", avatar_url="https://p.example/1")),
}
IN_ANSWER |= {"github_app": IN_ANSWER["github"], "gitlab_self_managed": IN_ANSWER["gitlab"]}

IN_REPLY = {
    "asana": ({"data": {"gid": "1", "name": "Al"}}, Account("1", display_name="Al")),
    "notion": (
        {"owner": {"user": {"id": "1", "name": "Al", "avatar_url": "https://p.example/1"}}},
        Account("1", display_name="Al", avatar_url="https://p.example/1"),
    ),
    "salesforce": ({"id": "https://s.example/id/1/2"}, Account("https://s.example/id/1/2")),
    "slack": ({"authed_user": {"id": "U1"}}, Account("U1")),
    "square": ({"merchant_id": "M1"}, Account("M1")),
    "strava": (
        {"athlete": {"id": 1, "username": "al", "profile": "https://p.example/1"}},
        Account("1", "al", avatar_url="https://p.example/1"),
    ),
    "stripe_connect": ({"stripe_user_id": "acct_1"}, Account("acct_1")),
    "withings": ({"status": 0, "body": {"userid": 1}}, Account("1")),
}


@pytest.mark.parametrize(("preset_id", "answer", "account"), [(k, *v) for k, v in IN_ANSWER.items()])
def test_an_account_is_found_in_the_answer_to_its_call(preset_id, answer, account):
    """Each member where the provider puts it."""
    assert CATALOGUE[preset_id].identity.in_answer.account(answer) == account


@pytest.mark.parametrize(("preset_id", "answer", "account"), [(k, *v) for k, v in IN_REPLY.items()])
def test_an_account_is_found_in_the_answer_with_the_tokens(preset_id, answer, account):
    """It costs no request."""
    paths = CATALOGUE[preset_id].identity.in_reply
    assert paths is not None
    assert paths.account(answer) == account


def test_bitbucket_server_names_the_user_in_a_header():
    """Whatever is asked for."""
    paths = CATALOGUE["bitbucket_server"].identity.in_answer
    assert paths.account({"count": 0}, {"x-ausername": "al"}) == Account("al")


def test_every_preset_with_an_identity_is_tested():
    """A call whose answer is read by nobody would tell of no account."""
    called = {made.id for made in CATALOGUE.values() if made.identity.call is not None}
    assert called == set(IN_ANSWER) | {"bitbucket_server"}
    assert {made.id for made in CATALOGUE.values() if made.identity.in_reply} == set(IN_REPLY)
    signed = {made.id for made in CATALOGUE.values() if made.identity.in_id_token}
    assert signed == {"apple", "auth0", "keycloak", "okta"}


def test_slack_gives_two_grants_at_once():
    """The user's tokens are nested, with an expiry of their own; both scopes are parted by commas."""
    outcome = exchanged(
        "slack",
        {
            "ok": True,
            "access_token": "bot",
            "refresh_token": "bot-rt",
            "expires_in": 43200,
            "token_type": "bot",
            "scope": "chat:write,commands",
            "team": {"id": "T1"},
            "authed_user": {
                "id": "U1",
                "access_token": "user",
                "refresh_token": "user-rt",
                "expires_in": 3600,
                "scope": "search:read",
                "token_type": "user",
            },
        },
    )
    user = outcome.companions["user"]
    assert (outcome.tokens.access_token, outcome.tokens.refresh_token) == ("bot", "bot-rt")
    assert outcome.tokens.scopes == {"chat:write", "commands"}
    assert outcome.tokens.extra == {"team": {"id": "T1"}}
    assert (user.access_token, user.refresh_token, user.scopes) == ("user", "user-rt", {"search:read"})
    assert user.expires_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("preset_id", "body", "lifetime"),
    [
        ("strava", {"expires_at": NOW.timestamp() + 600}, timedelta(minutes=10)),
        ("azure_devops_entra", {"expires_on": str(int(NOW.timestamp()) + 600)}, timedelta(minutes=10)),
        ("facebook", "access_token=at&expires=600", timedelta(minutes=10)),
        ("stripe_app", {}, timedelta(hours=1)),
        ("monday", {}, timedelta(hours=1)),
        ("gitlab_self_managed", {}, timedelta(hours=2)),
        ("salesforce", {}, None),
        ("github", "access_token=at&token_type=bearer", None),
    ],
)
def test_expiry_is_read_as_the_provider_says_it(preset_id, body, lifetime):
    """As an instant, in another member, by a known default, or not at all."""
    answer = body if isinstance(body, str) else {"access_token": "at", **body}
    assert exchanged(preset_id, answer).tokens.expires_at == (lifetime and NOW + lifetime)


@pytest.mark.parametrize(
    ("preset_id", "body"),
    [
        ("github", "access_token=at&scope=one%2Ctwo"),
        ("twitch", {"scope": ["one", "two"]}),
        ("hubspot", {"scopes": ["one", "two"]}),
        ("bitbucket_cloud", {"scopes": "one two"}),
        ("linear", {"scope": "one,two"}),
        ("strava", {"scope": "one,two"}),
        ("google", {"scope": "one two"}),
    ],
)
def test_granted_scopes_are_read_as_the_provider_writes_them(preset_id, body):
    """By commas or spaces, as a list, or in another member."""
    answer = body if isinstance(body, str) else {"access_token": "at", **body}
    assert exchanged(preset_id, answer).tokens.scopes == {"one", "two"}


def test_quickbooks_says_how_long_a_refresh_token_works():
    """In a member with a prefix."""
    outcome = exchanged(
        "quickbooks",
        {"access_token": "at", "refresh_token": "rt", "x_refresh_token_expires_in": 8726400},
    )
    assert outcome.tokens.refresh_token_expires_at == NOW + timedelta(seconds=8726400)


@pytest.mark.parametrize("preset_id", ["dropbox", "figma", "google", "spotify", "zoho"])
def test_a_refresh_token_that_is_left_out_is_kept(preset_id):
    """The answer to a refresh does not repeat it."""
    before = TokenSet("old", "rt")
    after = exchanged(preset_id, {"access_token": "new"}, previous=before).tokens.succeeding(before)
    assert (after.access_token, after.refresh_token) == ("new", "rt")


@pytest.mark.parametrize(
    ("preset_id", "status", "body", "revoked"),
    [
        ("google", 400, {"error": "invalid_token", "error_description": "Token expired or revoked"}, True),
        ("google", 400, {"error": "invalid_request"}, False),
        ("slack", 200, {"ok": True, "revoked": True}, True),
        ("slack", 200, {"ok": False, "error": "token_revoked"}, True),
        ("slack", 200, {"ok": False, "error": "internal_error"}, False),
        ("github", 204, {}, True),
        ("github", 200, {}, False),
        ("hubspot", 204, {}, True),
        ("monday", 200, {"success": True}, True),
        ("monday", 200, {"success": False}, False),
        ("reddit", 204, {}, True),
    ],
)
def test_a_revocation_is_confirmed_as_its_provider_does(preset_id, status, body, revoked):
    """A token that was revoked already is one that is revoked."""
    way = CATALOGUE[preset_id].revocation
    assert way is not None
    assert way.confirmed_by(Reply(status, {}, json.dumps(body).encode())) == revoked


def test_facebook_presents_the_access_token_itself():
    """There is no refresh token; the newest access token takes its place each time."""
    first = exchanged("facebook", {"access_token": "short"}).tokens
    after = exchanged("facebook", {"access_token": "long"}, previous=first).tokens.succeeding(first)
    assert (first.refresh_token, after.refresh_token) == ("short", "long")
