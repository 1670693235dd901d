"""The thirty ways of differing from the standard, found in the data."""

from __future__ import annotations

import pytest

from extauth.adapters.oauth2.endpoints.revocation import Revocation
from extauth.adapters.providers import CATALOGUE, Preset
from extauth.adapters.providers.quirks import QUIRKS, quirks_of, showing

CONFIRMED = {
    1: {"jfrog", "stripe_connect", "stripe_app", "azure_devops", "notion"},
    2: {"notion", "monday"},
    3: {"github", "facebook"},
    4: {"github", "zoho", "reddit", "slack"},
    5: {"hubspot", "fitbit", "twitch", "linkedin", "facebook", "strava"},
    6: {"atlassian", "auth0", "gitea", "shopify"},
    7: {
        *("github_app", "gitlab", "bitbucket_cloud", "atlassian", "linear", "xero", "quickbooks", "zoom"),
        *("box", "slack", "shopify", "zendesk", "calendly", "monday", "x", "fitbit", "stripe_app"),
    },
    8: {"google", "dropbox", "zoho", "figma", "spotify"},
    9: {"atlassian", "xero", "linear"},
    10: {"github_app", "gitlab", "gitlab_self_managed", "zendesk"},
    11: {
        *("xero", "box", "atlassian", "bitbucket_cloud", "quickbooks", "shopify", "okta", "pipedrive"),
        *("google", "linkedin", "spotify", "github_app"),
    },
    12: {"github", "clickup", "intercom", "facebook"},
    13: {"salesforce", "notion", "monday", "stripe_app"},
    14: {"facebook", "azure_devops_entra"},
    15: {"slack"},
    16: {
        *("salesforce", "zoho", "pipedrive", "notion", "stripe_connect", "calendly", "slack", "quickbooks"),
    },
    17: {"hubspot", "notion", "clickup", "intercom", "pipedrive", "slack"},
    18: {
        *("google", "zoho", "microsoft", "atlassian", "xero", "okta", "auth0", "keycloak", "salesforce"),
        *("x", "reddit", "dropbox", "shopify", "docusign"),
    },
    19: {"atlassian", "notion", "microsoft", "strava", "gitlab", "yahoo", "azure_devops_entra"},
    20: {"figma", "hubspot"},
    21: {"airtable", "x", "slack", "facebook", "linkedin", "pipedrive", "stripe_app"},
    22: {"gitlab_self_managed", "microsoft", "shopify", "zendesk", "zoho"},
    23: {
        "github",
        "hubspot",
        "slack",
        "dropbox",
        "linear",
        "intercom",
        "stripe_connect",
        "strava",
        "facebook",
    },
    24: {"dropbox", "hubspot", "salesforce", "notion", "github"},
    25: {"zoho", "monday", "twitch"},
    26: {"google", "zoho", "salesforce", "auth0"},
    27: {"zoho"},
    28: {"github", "gitlab", "google", "microsoft"},
    29: {"apple"},
    30: {"shopify", "zendesk", "hubspot", "bitbucket_cloud", "linear", "monday"},
}
"""Providers that are known to show each class."""


def test_every_class_is_there():
    """Thirty of them, each with a name of its own."""
    assert list(QUIRKS) == list(range(1, 31)) == list(CONFIRMED)
    assert len({quirk.name for quirk in QUIRKS.values()}) == 30


@pytest.mark.parametrize("number", QUIRKS)
def test_a_class_is_shown_by_the_presets_known_for_it(number):
    """A preset that lost what makes it differ would be missed here."""
    assert set(showing(number)) >= CONFIRMED[number]


@pytest.mark.parametrize("number", [2, 4, 8, 9, 10, 15, 20, 25, 26, 27, 29, 30])
def test_a_class_is_not_shown_by_a_preset_of_the_standard(number):
    """A predicate that is always true would find nothing."""
    plain = Preset(
        id="plain",
        display_name="Plain",
        authorize_url="https://p.example/authorize",
        token_url="https://p.example/token",
        revocation=Revocation.standard("https://p.example/revoke"),
    )
    assert number not in quirks_of(plain)
    assert quirks_of(plain) == (7,)


def test_an_access_token_that_is_exchanged_is_no_rotating_refresh_token():
    """There is no refresh token to rotate."""
    assert "facebook" not in showing(7)


def test_classes_of_a_preset_and_presets_of_a_class_agree():
    """They are two views of one thing."""
    for made in CATALOGUE.values():
        assert [number for number in QUIRKS if made.id in showing(number)] == list(quirks_of(made))


def test_an_unknown_class_is_refused():
    """There are thirty."""
    with pytest.raises(KeyError):
        showing(31)
