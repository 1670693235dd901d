"""How one provider's authorization requests differ from the standard's, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, final

import attrs

Pkce: TypeAlias = Literal["allowed", "required", "public_only", "off"]
"""Whether a provider takes a code challenge (RFC 7636). It is sent wherever it is not refused."""


@final
@attrs.frozen(kw_only=True)
class AuthorizationRules:
    """The request that a browser carries to the authorization endpoint (RFC 6749 section 4.1.1)."""

    scope_param: str | None = "scope"
    """``None``: scopes are fixed at the provider and never sent."""
    scope_separator: str = " "
    extra_scopes: tuple[str, ...] = ()
    """Scopes asked for in any case, such as ``offline_access``; without them there is no refresh token."""
    params: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Further parameters; ``response_type`` and ``response_mode`` belong here where they differ."""
    incremental_params: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Parameters that keep what was granted before when more is asked for."""
    pkce: Pkce = "allowed"
    resource_param: str = "resource"
    """Names a resource (RFC 8707 section 2); ``audience`` at some."""
