"""The revocation endpoint: RFC 7009's, and those of providers that have their own way."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import final

from aiohttp import web

from extauth.testing.provider_model.families import AccessToken
from extauth.testing.provider_model.revoking import is_consumed, revoke_alone
from extauth.testing.server.api import shown_token
from extauth.testing.server.clients import Client
from extauth.testing.server.quirks import Revocations
from extauth.testing.server.refusals import Refusal
from extauth.testing.server.state import ServerState
from extauth.testing.server.token_reply import encoded, refused
from extauth.testing.server.token_request import read_parameters

PLACES: dict[Revocations, tuple[str, str]] = {
    "rfc7009": ("POST", "/revoke"),
    "delete_body": ("DELETE", "/applications/{client_id}/grant"),
    "delete_path": ("DELETE", "/refresh-tokens/{refresh_token}"),
    "bearer": ("POST", "/revoke"),
    "deauthorize": ("POST", "/deauthorize"),
    "permissions": ("DELETE", "/{account_id}/permissions"),
    "access_token": ("POST", "/deauthorize"),
    "token": ("POST", "/revoke"),
}
"""Method and path of each way."""


@final
class RevocationEndpoint:
    """Revokes in the provider's way."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    async def handle(self, request: web.Request) -> web.Response:
        """Revoke; what is dead already is answered in the same way unless the quirks say otherwise."""
        state, quirks = self._state, self._state.quirks
        fields = await self._fields(request)
        changed = Refusal("invalid_request") if fields is None else self._revoke(request, fields)
        if changed is False and quirks.already_revoked is not None:
            changed = quirks.already_revoked
        if isinstance(changed, Refusal):
            return encoded(refused(changed, state.quirks))
        return _DONE[quirks.revocation]()

    async def _fields(self, request: web.Request) -> dict[str, str] | None:
        """Return the parameters in the body, for the ways that have one; None if they are unfit."""
        quirks = self._state.quirks
        if quirks.revocation in {"delete_path", "bearer", "permissions"}:
            return {}
        if quirks.revocation_fields and not quirks.revocation_fields <= (await request.post()).keys():
            return None
        encoding = "json" if quirks.revocation == "delete_body" else quirks.encoding
        found = await read_parameters(request, encoding)
        return None if found is None else found[0]

    def _revoke(self, request: web.Request, fields: dict[str, str]) -> bool | Refusal:
        """Return whether anything changed, or why the request is refused."""
        state = self._state
        match state.quirks.revocation:
            case "delete_path":
                return self._one(request.match_info["refresh_token"])
            case "bearer":
                return self._whole_grant(shown_token(request, "Bearer"))
            case "permissions":
                return self._whole_grant(request.query.get("access_token"), request.match_info["account_id"])
            case "access_token":
                return self._whole_grant(fields.get("access_token"))
            case "token":
                return self._one(fields.get("token"))
            case _:
                return self._by_client(request, fields)

    def _by_client(self, request: web.Request, fields: dict[str, str]) -> bool | Refusal:
        """Revoke in a way in which the client proves who it is."""
        state = self._state
        client = state.client(request, fields, state.quirks.revocation_auth)
        if isinstance(client, Refusal):
            return client
        match state.quirks.revocation:
            case "deauthorize":
                if not (account_id := fields.get(state.quirks.revocation_account)):
                    return Refusal("invalid_request")
                return state.grants.revoke_subject(account_id, client) > 0
            case "delete_body":
                if client.id != request.match_info["client_id"]:
                    return Refusal("not_found", HTTPStatus.NOT_FOUND)
                token = fields.get("access_token")
            case _:
                token = fields.get("token")
        if not token:
            return Refusal("invalid_request")
        if self._of_another(token, client):
            return False
        if state.quirks.revocation == "delete_body":
            return self._whole_grant(token)
        return self._one(token)

    def _one(self, token: str | None) -> bool | Refusal:
        """Revoke a token, and what ends with it here."""
        grants, quirks = self._state.grants, self._state.quirks
        if not token:
            return Refusal("invalid_request")
        record = grants.record(token)
        if record is None:
            return False
        subject, client = record.family.subject, record.family.terms.client
        if is_consumed(record) and quirks.revoked_consumed != "grant":
            if quirks.revoked_consumed == "account":
                grants.revoke_subject(subject, client)
            return False
        match quirks.revocation_reach:
            case "token":
                return revoke_alone(record)
            case "grant":
                return grants.revoke(token)
            case "account":
                return not record.family.revoked and grants.revoke_subject(subject, client) > 0

    def _of_another(self, token: str, client: Client) -> bool:
        record = self._state.grants.record(token)
        return record is not None and record.family.terms.client not in (None, client)

    def _whole_grant(self, access_token: str | None, account_id: str | None = None) -> bool | Refusal:
        """Revoke all that the account of a working token granted to the token's client."""
        record = None if access_token is None else self._state.grants.record(access_token)
        mismatch = record is not None and account_id not in (None, "me", record.family.subject)
        if access_token is None or mismatch:
            return Refusal("invalid_token", HTTPStatus.UNAUTHORIZED)
        if not isinstance(record, AccessToken) or record.revoked or record.family.revoked:
            return False
        if record.expires_at <= self._state.monotonic():
            return Refusal("invalid_token", HTTPStatus.UNAUTHORIZED)
        return self._state.grants.revoke_subject(record.family.subject, record.family.terms.client) > 0


def _ok() -> web.Response:
    return web.Response()


def _no_content() -> web.Response:
    return web.Response(status=HTTPStatus.NO_CONTENT)


_DONE: dict[Revocations, Callable[[], web.Response]] = {
    "rfc7009": _ok,
    "delete_body": _no_content,
    "delete_path": _no_content,
    "bearer": lambda: web.json_response({"ok": True, "revoked": True}),
    "deauthorize": lambda: web.json_response({}),
    "permissions": lambda: web.json_response(True),
    "access_token": lambda: web.json_response({}),
    "token": _ok,
}
