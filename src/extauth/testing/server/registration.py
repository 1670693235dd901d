"""Dynamic client registration (RFC 7591)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import cast, final, get_args
from urllib.parse import urlsplit

from aiohttp import web

from extauth.testing.server.clients import PublicKey
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
        if not isinstance(asked, dict):
            return _refused("invalid_client_metadata")
        metadata = cast("dict[str, object]", asked)
        redirect_uris = metadata.get("redirect_uris")
        if not isinstance(redirect_uris, list) or not all(map(_good_redirect_uri, redirect_uris)):
            return _refused("invalid_redirect_uri")
        proof = metadata.get("token_endpoint_auth_method", "client_secret_basic")
        grant_types = metadata.get("grant_types", ["authorization_code"])
        if proof not in PROOFS or not isinstance(grant_types, list):
            return _refused("invalid_client_metadata")
        key = _first_key(metadata.get("jwks"))
        if (key is None) is (proof == "private_key_jwt"):
            return _refused("invalid_client_metadata")
        client = self._state.clients.register(set(redirect_uris), proof, key)
        told: dict[str, object] = {
            **metadata,
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


def _good_redirect_uri(uri: object) -> bool:
    return isinstance(uri, str) and bool(urlsplit(uri).scheme) and not urlsplit(uri).fragment


def _first_key(jwks: object) -> PublicKey | None:
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    key = keys[0] if isinstance(keys, list) and keys else None
    return cast("dict[str, str | list[str]]", key) if isinstance(key, dict) else None


def _refused(code: str) -> web.Response:
    return web.json_response({"error": code}, status=HTTPStatus.BAD_REQUEST)
