"""All presets by their id."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from extauth.adapters.providers import (
    code_hosts,
    commerce,
    communication,
    customers,
    documents,
    fitness,
    identity_providers,
    microsoft,
    productivity,
    social,
)
from extauth.adapters.providers.preset import Preset

_MODULES = (
    code_hosts,
    commerce,
    communication,
    customers,
    documents,
    fitness,
    identity_providers,
    microsoft,
    productivity,
    social,
)

CATALOGUE: Mapping[str, Preset] = MappingProxyType(
    {
        found.id: found
        for found in sorted(
            (value for module in _MODULES for value in vars(module).values() if isinstance(value, Preset)),
            key=lambda found: found.id,
        )
    }
)
"""Every shipped preset by its id, in alphabetical order."""


def preset(preset_id: str) -> Preset:
    """Return a shipped preset by its id, for configuration that names providers.

    :raises ValueError: if there is none.
    """
    found = CATALOGUE.get(preset_id)
    if found is None:
        msg = f"there is no preset {preset_id!r}; `extauth providers` lists them"
        raise ValueError(msg)
    return found
