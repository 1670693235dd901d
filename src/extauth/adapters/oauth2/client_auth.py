"""How the application proves who it is to a token endpoint (RFC 6749 section 2.3.1).

The way is fixed for each provider and never tried out: probing would present a refresh token twice.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Literal, TypeAlias, final, get_args
from urllib.parse import quote_plus

import attrs

from extauth.domain.storable import storable_text

ClientAuth: TypeAlias = Literal["client_secret_basic", "client_secret_post", "none"]
"""Names of the OAuth token endpoint authentication methods registry (RFC 7591 section 2)."""


@final
@attrs.frozen
class ClientCredentials:
    """A client registration and the way it authenticates.

    :raises ValueError: for an unknown way, an empty id, a secret that is missing, or one that the way
        would not use. The message never contains the secret.
    """

    client_id: str
    client_secret: str | None = attrs.field(repr=False)
    method: ClientAuth

    def __attrs_post_init__(self) -> None:
        if not storable_text(self.client_id, "client_id"):
            msg = "client_id must not be empty"
            raise ValueError(msg)
        if self.method not in get_args(ClientAuth):
            msg = f"client_auth must be one of {', '.join(get_args(ClientAuth))}, not {self.method!r}"
            raise ValueError(msg)
        if self.method == "none":
            if self.client_secret is not None:
                msg = 'client_auth="none" sends no client_secret; leave it out or choose another way'
                raise ValueError(msg)
        elif self.client_secret is None or not storable_text(self.client_secret, "client_secret"):
            msg = f'client_auth="{self.method}" needs a client_secret; public clients use "none"'
            raise ValueError(msg)

    def headers(self) -> dict[str, str]:
        """Return the request headers that authenticate the client."""
        if self.method != "client_secret_basic":
            return {}
        # Both parts are form-encoded first, so that a colon in the id cannot move the boundary.
        userinfo = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret or '')}"
        return {"Authorization": f"Basic {b64encode(userinfo.encode()).decode()}"}

    def fields(self) -> dict[str, str]:
        """Return the form fields that name or authenticate the client."""
        if self.method == "client_secret_basic":
            return {}
        if self.client_secret is None:
            return {"client_id": self.client_id}
        return {"client_id": self.client_id, "client_secret": self.client_secret}
