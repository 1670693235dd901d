"""How one provider's token requests differ from the standard's, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, final

import attrs

BodyEncoding: TypeAlias = Literal["form", "json"]
Repeated: TypeAlias = Literal["redirect_uri", "scope"]


@final
@attrs.frozen(kw_only=True)
class TokenRequests:
    """The requests to a token endpoint (RFC 6749 sections 4.1.3 and 6). The defaults are the standard's."""

    encoding: BodyEncoding = "form"
    client_id_field: str = "client_id"
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Further headers, such as an API version."""
    code_grant: str = "authorization_code"
    code_field: str = "code"
    code_params: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Further fields when a code is exchanged."""
    refresh_grant: str = "refresh_token"
    refresh_field: str = "refresh_token"
    refresh_params: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Further fields of each refresh."""
    refresh_repeats: frozenset[Repeated] = frozenset()
    """What a refresh says again: the redirect URI of the authorization, the scopes that were granted."""
    refresh_url: str | None = None
    """Where refreshes go, if not to the token endpoint."""
