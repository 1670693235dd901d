"""How a provider is asked whether an access token is accepted, as data."""

from __future__ import annotations

from typing import final

import attrs

from extauth.adapters.oauth2.calls import Call


@final
@attrs.frozen(kw_only=True)
class ValidationRules:
    """200 means valid, 401 invalid, everything else that there is no telling; the rest is what differs."""

    call: Call
    invalid_statuses: frozenset[int] = frozenset({401})
    replica_lag: bool = False
    """Whether the provider's own replicas may refuse a new access token for about a second."""
    active_member: str | None = None
    """For introspection (RFC 7662): the boolean member of the answer that says whether it is valid."""
