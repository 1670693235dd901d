"""How a provider's API wants to be shown an access token, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import attrs


@final
@attrs.frozen(kw_only=True)
class ApiRules:
    """The headers of an API call (RFC 6750 section 2.1 is the default)."""

    scheme: str = "Bearer"
    """What stands before the token in ``Authorization``; empty for the raw token."""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Further headers, with the templates of :class:`~extauth.adapters.oauth2.calls.Call`."""
