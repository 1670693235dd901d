"""What a device asks (RFC 8628 section 3.1), and the page on which its code is typed in (section 3.3)."""

from __future__ import annotations

from http import HTTPStatus
from typing import final

from aiohttp import web

from extauth.testing.server.clients import Client
from extauth.testing.server.codes import DeviceCode, new_user_code
from extauth.testing.server.refusals import Refusal
from extauth.testing.server.scopes import asked_scopes, unknown_scopes, wrong_resources
from extauth.testing.server.state import ServerState
from extauth.testing.server.token_reply import Answer, encoded, refused
from extauth.testing.server.token_request import read_parameters

DEFAULT_INTERVAL = 5.0
"""Seconds between polls if the answer does not say (RFC 8628 section 3.2)."""

_PAGE = """<!doctype html><title>Connect a device</title><p>{said}</p>
<form><input name="user_code" aria-label="The code that the device shows"><button>Connect</button></form>"""


@final
class DeviceEndpoint:
    """Gives a device its codes."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    async def handle(self, request: web.Request) -> web.Response:
        """Answer with the codes, or with an error of RFC 6749 section 5.2."""
        quirks, accept = self._state.quirks, request.headers.get("Accept", "")
        found = await read_parameters(request, quirks.encoding, takes_query=quirks.takes_query)
        answer = Refusal("invalid_request") if found is None else self._answer(request, *found)
        if isinstance(answer, Refusal):
            answer = refused(answer, quirks)
        return encoded(answer, quirks, accept)

    def _answer(
        self, request: web.Request, fields: dict[str, str], resources: frozenset[str]
    ) -> Answer | Refusal:
        state, quirks = self._state, self._state.quirks
        client: Client | Refusal = (
            state.client(request, fields)
            if quirks.device_proof
            else state.clients.find(fields.get(quirks.client_id_field)) or quirks.wrong_client
        )
        if isinstance(client, Refusal):
            return client
        scopes = asked_scopes(quirks, quirks.scope_param, fields)
        if unknown_scopes(quirks, scopes):
            return Refusal("invalid_scope")
        if wrong_resources(quirks, resources):
            return Refusal("invalid_target")
        lifetime = quirks.device_lifetime.total_seconds()
        told = quirks.device_interval
        interval = DEFAULT_INTERVAL if told is None else told.total_seconds()
        code = DeviceCode(client, scopes, state.monotonic() + lifetime, interval, new_user_code(), resources)
        device_uri = f"{state.issuer}/device"
        members: dict[str, object] = {
            "device_code": state.devices.add(code),
            "user_code": code.user_code,
            quirks.device_uri_member: device_uri,
            f"{quirks.device_uri_member}_complete": f"{device_uri}?user_code={code.user_code}",
            "expires_in": int(lifetime),
        }
        if told is not None:
            members["interval"] = int(interval)
        return Answer(members)


@final
class DevicePage:
    """Where a person answers: at once, as the server's consent says."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    async def handle(self, request: web.Request) -> web.Response:
        """Take the code of the query, or ask for it; one that no device shows is 404."""
        typed, consent = request.query.get("user_code"), self._state.consent
        device = None if typed is None else self._state.devices.shown(typed)
        if typed is None:
            return _page("Type in the code that the device shows.")
        if device is None:
            return _page("No device shows this code.", HTTPStatus.NOT_FOUND)
        if consent.denied:
            device.answer = "denied"
            return _page("You said no.")
        device.granted = consent.scopes
        device.answer = self._state.accounts.remember(consent.account)
        return _page("You said yes. Go back to the device.")


def _page(said: str, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(text=_PAGE.format(said=said), status=status, content_type="text/html")
