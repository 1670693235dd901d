"""The token endpoint (RFC 6749 section 3.2): who asks, for which grant, and what goes wrong on the way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, final

from aiohttp import web

from extauth.testing.provider_model.faults import BROKEN_OFF, KEEPING, Fault, Faults
from extauth.testing.server.client_limit import ClientLimit
from extauth.testing.server.clients import Client
from extauth.testing.server.grant_types import (
    DEVICE_GRANT,
    Outcome,
    exchange_access_token,
    exchange_code,
    poll_device,
    refresh,
)
from extauth.testing.server.issue import members_of
from extauth.testing.server.refusals import Refusal
from extauth.testing.server.state import ServerState
from extauth.testing.server.token_reply import Answer, broken_off, encoded, refused, unprocessed
from extauth.testing.server.token_request import read_parameters


@final
class TokenEndpoint:
    """Answers ``/token``, and the refresh endpoint of providers that have one.

    Whatever is wrong with a request is found before anything is processed, in the order of RFC 6749:
    its encoding, its client, its grant type, and then the grant.
    """

    def __init__(
        self,
        state: ServerState,
        faults: Faults,
        presented: list[str],
        *,
        answer_delay: float,
        delayed: Literal["before", "after"],
        pause: Callable[[float], Awaitable[object]],
    ) -> None:
        self._state = state
        self._faults = faults
        self._presented = presented
        self._answer_delay = answer_delay
        self._delayed = delayed
        self._pause = pause
        limit = state.quirks.client_limit
        self._limit = None if limit is None else ClientLimit(*limit)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, or break off, as its fault says."""
        fault = self._faults.deal()
        seen = self._state.grants.exchanges
        if self._delayed == "before":
            await self._pause(self._answer_delay)
        if fault is Fault.DELAYED_BEFORE:
            await self._pause(self._faults.delay.total_seconds())
        answer = await self._process(request, fault, seen)
        if self._delayed == "after":
            await self._pause(self._answer_delay)
        if fault is Fault.DELAYED_AFTER:
            await self._pause(self._faults.delay.total_seconds())
        if fault is not None and fault in BROKEN_OFF:
            return await broken_off(request, answer, fault)
        return answer

    async def _process(self, request: web.Request, fault: Fault | None, seen: int) -> web.Response:
        quirks = self._state.quirks
        accept = request.headers.get("Accept", "")
        found = await read_parameters(request, quirks.encoding, takes_query=quirks.takes_query)
        if found is None:
            return encoded(refused(Refusal("invalid_request"), quirks), quirks, accept)
        fields, resources = found
        if fields.get("grant_type") != quirks.code_grant and (token := fields.get(quirks.refresh_field)):
            self._presented.append(token)
        if (answer := unprocessed(fault, self._faults.retry_after)) is not None:
            return answer
        if self._limit is not None and (answer := self._limit.taken(self._state.monotonic())) is not None:
            return answer
        client = self._client(request, fields)
        if isinstance(client, Refusal):
            if quirks.wrong_secret_spends and (token := fields.get(quirks.refresh_field)):
                self._state.grants.redeem(token, self._state.monotonic())
            return encoded(refused(client, quirks), quirks, accept)
        outcome = self._outcome(request, client, fields, resources, fault=fault, seen=seen)
        if isinstance(outcome, Refusal):
            processed = outcome is quirks.dead_refresh_token or outcome is quirks.dead_code
            return encoded(refused(outcome, quirks), quirks, accept, fault if processed else None)
        if fault in KEEPING and not (outcome.keeps or outcome.first):
            fault = None
        return encoded(Answer(members_of(outcome, self._state, fault)), quirks, accept, fault)

    def _client(self, request: web.Request, fields: dict[str, str]) -> Client | Refusal:
        quirks = self._state.quirks
        if any(name not in request.headers for name in quirks.token_headers):
            return Refusal("invalid_request")
        if quirks.client_id_in_body and quirks.client_id_field not in fields:
            return Refusal("invalid_request")
        if fields.get("grant_type") == DEVICE_GRANT and not quirks.device_proof:
            client = self._state.clients.find(fields.get(quirks.client_id_field))
            return client or quirks.wrong_client
        return self._state.client(request, fields)

    def _outcome(
        self,
        request: web.Request,
        client: Client,
        fields: dict[str, str],
        resources: frozenset[str],
        *,
        fault: Fault | None,
        seen: int,
    ) -> Outcome:
        state, quirks = self._state, self._state.quirks
        grant_type = fields.get("grant_type")
        if not grant_type:
            return Refusal("invalid_request")
        refreshes_here = quirks.refresh_path is None or request.path.endswith(quirks.refresh_path)
        if grant_type == "refresh_token":
            if not refreshes_here:
                return Refusal("unsupported_grant_type")
            return refresh(state, client, fields, resources, fault=fault, seen=seen)
        if quirks.refresh_path is not None and refreshes_here:
            return Refusal("unsupported_grant_type")
        if grant_type == quirks.code_grant:
            return exchange_code(state, client, fields, resources)
        if grant_type == DEVICE_GRANT:
            return poll_device(state, client, fields, resources)
        if grant_type == quirks.exchange_grant:
            return exchange_access_token(state, client, fields)
        return Refusal("unsupported_grant_type")
