"""The catalogue: providers as data, each of them a preset to call for a client of it."""

from __future__ import annotations

from extauth.adapters.discovery import discover
from extauth.adapters.providers.catalogue import CATALOGUE, preset
from extauth.adapters.providers.code_hosts import (
    bitbucket_cloud,
    bitbucket_server,
    forgejo,
    gitea,
    github,
    github_app,
    gitlab,
    gitlab_self_managed,
    jfrog,
)
from extauth.adapters.providers.commerce import (
    quickbooks,
    shopify,
    square,
    stripe_app,
    stripe_connect,
    xero,
)
from extauth.adapters.providers.communication import calendly, discord, slack, webex, zoom
from extauth.adapters.providers.customers import hubspot, intercom, pipedrive, salesforce, zendesk, zoho
from extauth.adapters.providers.documents import box, docusign, dropbox
from extauth.adapters.providers.fitness import fitbit, strava, withings
from extauth.adapters.providers.identity_providers import apple, auth0, google, keycloak, okta, yahoo
from extauth.adapters.providers.microsoft import azure_devops, azure_devops_entra, microsoft
from extauth.adapters.providers.preset import Deadline, Preset
from extauth.adapters.providers.productivity import (
    airtable,
    asana,
    atlassian,
    clickup,
    figma,
    linear,
    miro,
    monday,
    notion,
)
from extauth.adapters.providers.social import facebook, linkedin, reddit, spotify, twitch, x
from extauth.adapters.providers.variables import Variable

__all__ = [
    "CATALOGUE",
    "Deadline",
    "Preset",
    "Variable",
    "airtable",
    "apple",
    "asana",
    "atlassian",
    "auth0",
    "azure_devops",
    "azure_devops_entra",
    "bitbucket_cloud",
    "bitbucket_server",
    "box",
    "calendly",
    "clickup",
    "discord",
    "discover",
    "docusign",
    "dropbox",
    "facebook",
    "figma",
    "fitbit",
    "forgejo",
    "gitea",
    "github",
    "github_app",
    "gitlab",
    "gitlab_self_managed",
    "google",
    "hubspot",
    "intercom",
    "jfrog",
    "keycloak",
    "linear",
    "linkedin",
    "microsoft",
    "miro",
    "monday",
    "notion",
    "okta",
    "pipedrive",
    "preset",
    "quickbooks",
    "reddit",
    "salesforce",
    "shopify",
    "slack",
    "spotify",
    "square",
    "strava",
    "stripe_app",
    "stripe_connect",
    "twitch",
    "webex",
    "withings",
    "x",
    "xero",
    "yahoo",
    "zendesk",
    "zoho",
    "zoom",
]
