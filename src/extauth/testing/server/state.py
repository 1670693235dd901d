"""What the endpoints of one server share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import final

import attrs
from aiohttp import web

from extauth.testing.provider_model.grants import Grants
from extauth.testing.server.client_proof import ProofRules, client_of, two_proofs
from extauth.testing.server.clients import Client, Clients
from extauth.testing.server.codes import Codes, DeviceCodes
from extauth.testing.server.consent import Accounts, Consent
from extauth.testing.server.quirks import ClientProof, ServerQuirks
from extauth.testing.server.refusals import Refusal
from extauth.testing.server.signing import Signer


@final
@attrs.define(eq=False)
class ServerState:
    """One server's memory and settings."""

    quirks: ServerQuirks
    grants: Grants
    clients: Clients
    monotonic: Callable[[], float]
    now: Callable[[], datetime]
    consent: Consent = attrs.field(factory=Consent)
    consents: dict[str, Consent] = attrs.field(factory=dict[str, Consent], repr=False)
    """Answers that are for one visit only, by the visit's ticket."""
    accounts: Accounts = attrs.field(factory=Accounts)
    codes: Codes = attrs.field(factory=Codes)
    devices: DeviceCodes = attrs.field(factory=DeviceCodes)
    signer: Signer = attrs.field(factory=Signer)
    consented: set[tuple[str, Client]] = attrs.field(factory=set[tuple[str, Client]])
    """Which accounts authorized which clients before."""
    api_calls: Counter[str] = attrs.field(factory=Counter[str], repr=False)
    """How often each access token was shown to the API."""
    refreshed_at: defaultdict[int, list[float]] = attrs.field(factory=lambda: defaultdict(list))
    """When each family was refreshed, by its number."""
    rate_limited_calls: int = 0
    """How many of the next API calls are one too many."""
    listens_at: str | None = None

    @property
    def url(self) -> str:
        """Where the server listens, without a path.

        :raises RuntimeError: if it does not.
        """
        if self.listens_at is None:
            msg = "the AuthorizationServer listens only inside `async with`"
            raise RuntimeError(msg)
        return self.listens_at

    @property
    def issuer(self) -> str:
        """The issuer identifier."""
        return f"{self.url}{self.quirks.issuer_path}"

    def client(
        self,
        request: web.Request,
        fields: dict[str, str],
        proofs: frozenset[ClientProof] | None = None,
    ) -> Client | Refusal:
        """Return the client that sends the request, or why it is not believed; ``proofs``: by these alone."""
        header = request.headers.get("Authorization")
        alone = self.quirks.basic_stands_alone and header is not None
        if two_proofs(header, fields) or (alone and self.quirks.client_id_field in fields):
            return Refusal("invalid_request")
        audiences = frozenset({self.issuer, f"{self.issuer}/token"})
        rules = ProofRules(self.quirks, audiences, self.now(), proofs)
        found = client_of(header, fields, self.clients, rules)
        if found is not None:
            return found
        wrong = self.quirks.wrong_client
        status = wrong.status or self.quirks.error_status or HTTPStatus.UNAUTHORIZED
        challenge = {"WWW-Authenticate": 'Basic realm="extauth"'} if status == HTTPStatus.UNAUTHORIZED else {}
        return attrs.evolve(wrong, status=status, headers={**challenge, **wrong.headers})
