"""Dynamic client registration (RFC 7591)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TypeGuard, cast, final, get_args
from urllib.parse import urlsplit

from aiohttp import web

from extauth.testing.server.clients import PublicKey
from extauth.testing.server.json_values import is_list, is_object
from extauth.testing.server.quirks import ClientProof
from extauth.testing.server.state import ServerState

PROOFS: tuple[ClientProof, ...] = get_args(ClientProof)[:4]
"""Those of the registry; the rest are no client's to choose."""


@final
class RegistrationEndpoint:
    """Registers whoever asks."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    async def handle(self, request: web.Request) -> web.Response:
        """Answer 201 with the registration, or an error of RFC 7591 section 3.2.2."""
        try:
            asked: object = json.loads(await request.read())
        except ValueError:
            return _refused("invalid_client_metadata")
        if not is_object(asked):
            return _refused("invalid_client_metadata")
        redirect_uris = _redirect_uris(asked.get("redirect_uris", []))
        if redirect_uris is None:
            return _refused("invalid_redirect_uri")
        proof = asked.get("token_endpoint_auth_method", "client_secret_basic")
        grant_types = asked.get("grant_types", ["authorization_code"])
        if not _is_proof(proof) or not is_list(grant_types):
            return _refused("invalid_client_metadata")
        key = _first_key(asked.get("jwks"))
        if (key is None) is (proof == "private_key_jwt"):
            return _refused("invalid_client_metadata")
        client = self._state.clients.register(set(redirect_uris), proof, key)
        if isinstance(scope := asked.get("scope"), str):
            client.scopes = frozenset(scope.split())
        told: dict[str, object] = {
            **asked,
            "client_id": client.id,
            "client_id_issued_at": int(self._state.now().timestamp()),
            "token_endpoint_auth_method": proof,
            "grant_types": grant_types,
            "redirect_uris": redirect_uris,
        }
        if client.secret is not None:
            told |= {"client_secret": client.secret, "client_secret_expires_at": 0}
        headers = {"Cache-Control": "no-store"}
        return web.json_response(told, status=HTTPStatus.CREATED, headers=headers)


def _redirect_uris(asked: object) -> list[str] | None:
    """Return the redirect URIs; None if one is no absolute URI (RFC 6749 section 3.1.2)."""
    uris = [uri for uri in asked if isinstance(uri, str)] if is_list(asked) else []
    parts = [urlsplit(uri) for uri in uris]
    good = (
        is_list(asked)
        and len(uris) == len(asked)
        and all(each.scheme and not each.fragment for each in parts)
    )
    return uris if good else None


def _is_proof(value: object) -> TypeGuard[ClientProof]:
    return value in PROOFS


def _first_key(jwks: object) -> PublicKey | None:
    keys = jwks.get("keys") if is_object(jwks) else None
    key = keys[0] if is_list(keys) and keys else None
    return cast("dict[str, str | list[str]]", key) if is_object(key) else None


def _refused(code: str) -> web.Response:
    return web.json_response({"error": code}, status=HTTPStatus.BAD_REQUEST)
