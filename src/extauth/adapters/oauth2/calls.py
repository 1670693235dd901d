"""A request to one of a provider's own endpoints, as data: revocation, user info, validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, final

import attrs

CallAuth: TypeAlias = Literal["client", "client_basic", "access_token", "none"]
"""By the client's own way of authenticating at the token endpoint, by HTTP Basic whatever that is, by the
access token as an API call, or not at all."""

CallEncoding: TypeAlias = Literal["form", "json", "query", "none"]


@final
@attrs.frozen(kw_only=True)
class Call:
    """One request, sent once.

    ``url``, ``fields`` and ``headers`` may hold ``{access_token}``, ``{refresh_token}``, ``{token}`` (the
    refresh token if there is one, else the access token), ``{client_id}``, and ``{extra[name]}`` for
    what was kept of the token endpoint's answer. In a URL they are percent-encoded.
    """

    method: Literal["GET", "POST", "DELETE"] = "GET"
    url: str
    auth: CallAuth = "access_token"
    encoding: CallEncoding = "none"
    fields: Mapping[str, str] = attrs.field(factory=dict[str, str])
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
