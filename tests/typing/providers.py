"""Checked, never run: what presets make has the shape of the ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_type

from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.providers import CATALOGUE, Preset, github, gitlab_self_managed, preset
from extauth.domain.linking_ports import LinkingProvider

catalogue: Mapping[str, Preset] = CATALOGUE
linking_provider: LinkingProvider = github(client_id="client", client_secret="s")
assert_type(preset("github"), Preset)
assert_type(
    gitlab_self_managed(client_id="client", client_secret="s", base="https://git.example"), OAuth2Provider
)
