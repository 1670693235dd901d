"""Where the endpoints of an authorization server are."""

from __future__ import annotations

from extauth.testing.server.api import RESOURCE_METADATA
from extauth.testing.server.revocation import PLACES
from extauth.testing.server.state import ServerState


class ServerUrls:
    """The URLs of a server that listens somewhere."""

    _state: ServerState

    @property
    def url(self) -> str:
        """Where the server listens, without a path.

        :raises RuntimeError: if it does not.
        """
        return self._state.url

    @property
    def issuer(self) -> str:
        """The issuer identifier (RFC 8414 section 2)."""
        return self._state.issuer

    @property
    def authorize_url(self) -> str:
        """The authorization endpoint."""
        return f"{self.issuer}/authorize"

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"{self.issuer}/token"

    @property
    def device_authorization_url(self) -> str:
        """The device authorization endpoint."""
        return f"{self.issuer}/device_authorization"

    @property
    def introspection_url(self) -> str:
        """The introspection endpoint."""
        return f"{self.issuer}/introspect"

    @property
    def registration_url(self) -> str:
        """The client registration endpoint."""
        return f"{self.issuer}/register"

    @property
    def userinfo_url(self) -> str:
        """The userinfo endpoint."""
        return f"{self.issuer}/userinfo"

    @property
    def jwks_url(self) -> str:
        """The keys that ID tokens are signed with."""
        return f"{self.issuer}/jwks"

    @property
    def refresh_url(self) -> str:
        """Where refreshes go: the token endpoint, but where the quirks say otherwise."""
        return f"{self.issuer}{self._state.quirks.refresh_path or '/token'}"

    @property
    def revoke_url(self) -> str:
        """The revocation endpoint; ``{refresh_token}`` or ``{account_id}`` stand in it where it needs them.

        :raises LookupError: if the quirks have none.
        """
        _, path = PLACES[self._state.quirks.revocation]
        return f"{self.issuer}{path.replace('{client_id}', self._state.clients.own.id)}"

    @property
    def resource_url(self) -> str:
        """The API that accepts live access tokens; with a further segment it is another resource."""
        return f"{self.url}/resource"

    @property
    def token_info_url(self) -> str:
        """The API where the token is in the path, for ``api_place="path"``; with ``{access_token}``."""
        return f"{self.url}/access-tokens/{{access_token}}"

    @property
    def resource_metadata_url(self) -> str:
        """The metadata of ``resource_url`` (RFC 9728)."""
        return f"{self.url}{RESOURCE_METADATA}/resource"
