"""The secrets of one run, and how each would look wherever it could turn up."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from secrets import token_bytes, token_urlsafe
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from extauth.domain.link import Link
from extauth.services.linking.state import code_verifier, nonce
from extauth.testing import AuthorizationServer

_SHORTEST = 8
_PART = 16
"""Characters at either end of a secret that give it away: who shortens a text leaves them."""


class Canaries:
    """Secrets by their text, with what each of them is."""

    def __init__(self) -> None:
        self._forms: dict[str, str] = {}
        self._drawn: list[str] = []

    def add(self, kind: str, secret: str | None) -> str:
        """Remember a secret, and return it."""
        assert secret is not None
        assert len(secret) >= _SHORTEST
        forms = {secret, quote(secret, safe="")}
        if len(secret) > _PART:
            forms |= {secret[:_PART], secret[-_PART:]}
        self._forms.update(dict.fromkeys(forms, kind))
        return secret

    def new(self, kind: str) -> str:
        """Make a secret."""
        return self.add(kind, f"{kind[:2]}-{token_urlsafe(24)}")

    def draw(self, count: int) -> bytes:
        """Be the source of states and salts."""
        drawn = token_bytes(count)
        self._drawn.append(self.add("state or salt", urlsafe_b64encode(drawn).rstrip(b"=").decode()))
        return drawn

    def of_link(self, link: Link) -> None:
        """Remember what a link keeps."""
        self.add("access token", link.tokens.access_token)
        self.add("refresh token", link.tokens.refresh_token)
        for token in link.tokens.resource_tokens.values():
            self.add("access token", token.access_token)
        if "id_token" in link.tokens.extra:
            self.add("id token", str(link.tokens.extra["id_token"]))

    def of_callback(self, url: str) -> str:
        """Remember the code of a callback, and return the callback."""
        self.add("code", parse_qs(urlsplit(url).query)["code"][0])
        return url

    def of_server(self, server: AuthorizationServer) -> None:
        """Remember all that a server has given out."""
        known: Any = server
        for token in known.grants._issued.access:
            self.add("access token", token)
        for token in known.grants._issued.refresh:
            self.add("refresh token", token)
        for code in known._state.codes._codes:
            self.add("code", code)
        for code, device in known._state.devices._by_device_code.items():
            self.add("device code", code)
            self.add("user code", device.user_code)
        for client in known._state.clients:
            if client.secret is not None:
                self.add("client secret", client.secret)
                basic = b64encode(f"{client.id}:{client.secret}".encode()).decode()
                self.add("client secret", basic)

    def complete(self) -> None:
        """Derive what is derived from the states and salts that were drawn, in pairs."""
        for state, salt in zip(self._drawn[::2], self._drawn[1::2], strict=True):
            self.add("verifier", code_verifier(state, salt))
            self.add("nonce", nonce(state, salt))

    def kinds(self) -> set[str]:
        """Return what there is a secret of."""
        return set(self._forms.values())

    def found_in(self, text: str) -> set[str]:
        """Return the kinds of the secrets in a text."""
        return {kind for form, kind in self._forms.items() if form in text}
