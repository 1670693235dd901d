"""What the server tells about itself, and about the API that it guards."""

from __future__ import annotations

from http import HTTPStatus
from typing import final

from aiohttp import web

from extauth.testing.server.grant_types import DEVICE_GRANT
from extauth.testing.server.quirks import ClientProof
from extauth.testing.server.registration import PROOFS
from extauth.testing.server.state import ServerState


@final
class Metadata:
    """The documents under ``/.well-known``, and the keys."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    async def authorization_server(self, _request: web.Request) -> web.Response:
        """Answer with the metadata of RFC 8414 section 2."""
        return web.json_response(self._metadata())

    async def openid(self, _request: web.Request) -> web.Response:
        """Answer with the metadata of OpenID Connect Discovery section 3."""
        quirks = self._state.quirks
        if quirks.id_tokens == "never":
            return web.json_response({"error": "not_found"}, status=HTTPStatus.NOT_FOUND)
        return web.json_response(
            self._metadata()
            | {
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [quirks.signing_alg],
                "claims_supported": ["sub", "name", "preferred_username", "picture"],
            }
        )

    async def protected_resource(self, request: web.Request) -> web.Response:
        """Answer with the metadata of one resource (RFC 9728 section 2)."""
        state = self._state
        metadata: dict[str, object] = {
            "resource": f"{state.url}{request.match_info['path']}",
            "authorization_servers": [state.issuer],
            "bearer_methods_supported": ["header"],
        }
        if (scopes := state.quirks.known_scopes) is not None:
            metadata["scopes_supported"] = sorted(scopes)
        return web.json_response(metadata)

    async def keys(self, _request: web.Request) -> web.Response:
        """Answer with the keys of ID tokens (RFC 7517 section 5), and of access tokens that are JWTs."""
        quirks, signer = self._state.quirks, self._state.signer
        keys = signer.public_keys(quirks.signing_alg)
        if quirks.jwt_access_tokens and quirks.signing_alg != "ES256":
            keys += signer.public_keys("ES256")
        return web.json_response({"keys": keys})

    def _metadata(self) -> dict[str, object]:
        state, quirks, issuer = self._state, self._state.quirks, self._state.issuer
        grant_types = [quirks.code_grant, "refresh_token", DEVICE_GRANT]
        proofs: set[ClientProof] = set(quirks.client_auth)
        if quirks.registration:
            proofs |= set(PROOFS)
        metadata: dict[str, object] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "device_authorization_endpoint": f"{issuer}/device_authorization",
            "introspection_endpoint": f"{issuer}/introspect",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "jwks_uri": f"{issuer}/jwks",
            "response_types_supported": [quirks.response_type],
            "response_modes_supported": ["query", "form_post"],
            "grant_types_supported": grant_types,
            "token_endpoint_auth_methods_supported": sorted(proofs & set(PROOFS)),
            "authorization_response_iss_parameter_supported": quirks.sends_iss,
        }
        if "private_key_jwt" in proofs:
            metadata["token_endpoint_auth_signing_alg_values_supported"] = ["RS256", "PS256", "ES256"]
        if quirks.pkce not in {"refused", "ignored", "dropped"}:
            metadata["code_challenge_methods_supported"] = ["S256"]
        if quirks.known_scopes is not None:
            metadata["scopes_supported"] = sorted(quirks.known_scopes)
        if quirks.revocation == "rfc7009":
            metadata["revocation_endpoint"] = f"{issuer}/revoke"
            if quirks.revocation_auth is not None:
                metadata["revocation_endpoint_auth_methods_supported"] = sorted(quirks.revocation_auth)
        if quirks.registration:
            metadata["registration_endpoint"] = f"{state.issuer}/register"
        return metadata
