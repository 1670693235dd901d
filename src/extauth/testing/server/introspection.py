"""The introspection endpoint (RFC 7662)."""

from __future__ import annotations

import math
from typing import final

from aiohttp import web

from extauth.testing.provider_model.families import AccessToken, RefreshToken
from extauth.testing.provider_model.redemption import LiveAccess
from extauth.testing.server.clients import Client
from extauth.testing.server.refusals import Refusal
from extauth.testing.server.state import ServerState
from extauth.testing.server.token_reply import Answer, encoded, refused
from extauth.testing.server.token_request import read_parameters


@final
class IntrospectionEndpoint:
    """Tells a client about its tokens."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    async def handle(self, request: web.Request) -> web.Response:
        """Answer ``active: false`` for every token that does not work, and for those of others."""
        state, quirks = self._state, self._state.quirks
        found = await read_parameters(request, quirks.encoding)
        if found is None or "token" not in found[0]:
            return encoded(refused(Refusal("invalid_request"), quirks))
        client = state.client(request, found[0])
        if isinstance(client, Refusal):
            return encoded(refused(client, quirks))
        record = state.grants.record(found[0]["token"])
        if record is None or record.family.terms.client not in (None, client) or not self._works(record):
            return encoded(Answer({"active": False}))
        return encoded(Answer(self._told(record, client)))

    def _works(self, record: AccessToken | RefreshToken) -> bool:
        grants, now = self._state.grants, self._state.monotonic()
        if isinstance(record, RefreshToken):
            return grants.gives_tokens(record.text, now)
        return isinstance(grants.access(record.text, now), LiveAccess)

    def _told(self, record: AccessToken | RefreshToken, client: Client) -> dict[str, object]:
        """Return the members about a token that works (RFC 7662 section 2.2)."""
        state = self._state
        account = state.accounts.of(record.family.subject)
        scopes = record.scopes if isinstance(record, AccessToken) else record.family.terms.scopes
        told: dict[str, object] = {
            "active": True,
            "client_id": client.id,
            "iss": state.issuer,
            "sub": account.id,
            "username": account.login,
            "scope": " ".join(sorted(scopes)),
        }
        left = record.expires_at - state.monotonic()
        if math.isfinite(left):
            told["exp"] = int(state.now().timestamp() + left)
        if isinstance(record, AccessToken):
            told["token_type"] = state.quirks.token_type
            if record.resources:
                told["aud"] = sorted(record.resources)
        return told
