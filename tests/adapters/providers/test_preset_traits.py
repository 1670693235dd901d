"""What is known of each provider's refreshes, written down a second time by class rather than by preset."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth.adapters.providers import CATALOGUE

REUSED = {
    *("dropbox", "figma", "google", "hubspot", "linkedin", "microsoft", "spotify", "zoho"),
}
"""The same refresh token is known to go on. All others rotate, or nobody knows."""
NO_REFRESH_TOKEN = {"clickup", "github", "intercom"}
REPLAY_MINUTES = {"atlassian": 10, "linear": 30, "withings": 480, "xero": 30}
IDLE_DAYS = {
    "airtable": 60,
    "atlassian": 90,
    "bitbucket_cloud": 90,
    "box": 60,
    "github_app": 180,
    "google": 180,
    "microsoft": 90,
    "miro": 60,
    "okta": 7,
    "pipedrive": 60,
    "quickbooks": 100,
    "shopify": 90,
    "withings": 365,
    "xero": 60,
    "zendesk": 30,
}
FIXED_DAYS = {"linkedin": 365, "spotify": 180}
ENDS_ACCESS_TOKEN = {"airtable", "github_app", "gitlab", "gitlab_self_managed", "zendesk"}
LIFETIME_UNSAID = {"gitlab": 2, "gitlab_self_managed": 2, "monday": 1, "stripe_app": 1}
"""In hours, where an answer may not say it."""
GRANT_CAPS = {"auth0": 200, "google": 100, "salesforce": 5, "zoho": 20}
KEPT = {
    "calendly": {"organization", "owner"},
    "notion": {"bot_id", "workspace_id"},
    "pipedrive": {"api_domain"},
    "salesforce": {"id", "instance_url"},
    "slack": {"app_id", "bot_user_id", "enterprise", "is_enterprise_install", "team"},
    "stripe_connect": {"livemode", "stripe_user_id"},
    "zoho": {"api_domain"},
}
KEPT_OF_CALLBACK = {"quickbooks": {"realmId"}, "strava": {"scope"}, "zoho": {"accounts-server"}}

every_preset = pytest.mark.parametrize("made", CATALOGUE.values(), ids=lambda made: made.id)


@every_preset
def test_rotation_and_replay_windows(made):
    """Strict wherever nobody knows."""
    assert (made.id not in REUSED) == made.traits.rotates
    assert (made.id not in NO_REFRESH_TOKEN) == made.gives_refresh_tokens
    window = REPLAY_MINUTES.get(made.id)
    assert made.traits.replay_window == (window and timedelta(minutes=window))


@every_preset
def test_lifetimes(made):
    """Of refresh tokens unused, of grants, and of access tokens where the provider does not say it."""
    idle, fixed, unsaid = (days.get(made.id) for days in (IDLE_DAYS, FIXED_DAYS, LIFETIME_UNSAID))
    assert made.traits.refresh_token_idle_lifetime == (idle and timedelta(days=idle))
    assert made.traits.refresh_token_lifetime == (fixed and timedelta(days=fixed))
    assert made.replies.default_lifetime == (unsaid and timedelta(hours=unsaid))


@every_preset
def test_what_a_refresh_ends_and_how_many_grants_live(made):
    """What readers must know before they hand out a token, and users before they connect again."""
    assert made.traits.refresh_revokes_access_token == (made.id in ENDS_ACCESS_TOKEN)
    assert made.grant_cap == GRANT_CAPS.get(made.id)


@every_preset
def test_what_is_kept_beside_the_tokens(made):
    """Of the answer and of the callback, and no token among it."""
    assert made.replies.extra_fields == KEPT.get(made.id, set())
    assert made.callback_fields == KEPT_OF_CALLBACK.get(made.id, set())
