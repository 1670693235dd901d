"""What a row of the sixth schema's registrations says, of which it is not known what they were for."""

from __future__ import annotations

from typing import Final

from extauth.domain.linking import ClientRegistration

OLD_REGISTRATION: Final = ClientRegistration(
    issuer="https://as", client_id="client", redirect_uris=("https://app/",), scopes=None
)
