"""The clients that a server knows."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import TypeAlias, final

import attrs

from extauth.testing.server.quirks import ClientProof

PublicKey: TypeAlias = str | Mapping[str, str | list[str]]
"""A public key as PEM or as a JWK."""


@final
@attrs.define(eq=False)
class Client:
    """One registered client. Its fields may be changed at any time."""

    id: str
    secret: str | None = attrs.field(repr=False)
    redirect_uris: set[str]
    proofs: frozenset[ClientProof] | None = None
    """None: those of the server's quirks."""
    key: PublicKey | None = attrs.field(default=None, repr=False)
    """What its JWTs are verified with."""
    scopes: frozenset[str] | None = None
    """Those that it registered for (RFC 7591 section 2); None: it did not say."""
    assertions_used: set[str] = attrs.field(factory=set[str], repr=False)
    """The ``jti`` of each assertion that was accepted; none is twice (RFC 7523 section 3)."""

    def may_ask(self, scopes: frozenset[str]) -> bool:
        """Whether it registered for all of them."""
        return self.scopes is None or scopes <= self.scopes

    @property
    def public(self) -> bool:
        """Whether it can keep no secret."""
        return self.proofs == frozenset({"none"})


@final
class Clients:
    """The server's own client, and those that registered themselves."""

    def __init__(self, own: Client) -> None:
        self.own = own
        self._registered: list[Client] = []

    def find(self, client_id: str | None) -> Client | None:
        """Return the client of this id."""
        return next((client for client in self if client.id == client_id), None)

    def register(self, redirect_uris: set[str], proof: ClientProof, key: PublicKey | None = None) -> Client:
        """Add a client, with a secret if it is of use to it."""
        has_secret = proof in {"client_secret_basic", "client_secret_post"}
        secret = secrets.token_urlsafe(16) if has_secret else None
        client = Client(f"client-{secrets.token_hex(8)}", secret, redirect_uris, frozenset({proof}), key)
        self._registered.append(client)
        return client

    def __iter__(self) -> Iterator[Client]:
        return iter([self.own, *self._registered])
