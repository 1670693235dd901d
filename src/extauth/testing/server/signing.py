"""The server's keys, and the JWTs that it signs and verifies. Needs joserfc."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias, final

from extauth.testing.server.clients import PublicKey

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, KeyParameters, RSAKey

Algorithm: TypeAlias = Literal["RS256", "ES256"]


@final
class Signer:
    """Signs with keys of its own, made when first used; a key of RSA takes a moment."""

    def __init__(self) -> None:
        self._keys: dict[Algorithm, RSAKey | ECKey] = {}

    def sign(self, claims: Mapping[str, object], algorithm: Algorithm, typ: str = "JWT") -> str:
        """Return a JWT with these claims."""
        key = self._key(algorithm)
        from joserfc import jwt  # noqa: PLC0415 - only servers that sign need it

        return jwt.encode({"alg": algorithm, "kid": key.kid, "typ": typ}, dict(claims), key)

    def public_keys(self, algorithm: Algorithm) -> list[dict[str, object]]:
        """Return the public keys as JWKs (RFC 7517)."""
        key = self._key(algorithm)
        return [{**key.as_dict(private=False), "alg": algorithm, "use": "sig"}]

    def _key(self, algorithm: Algorithm) -> RSAKey | ECKey:
        try:
            from joserfc.jwk import ECKey, RSAKey  # noqa: PLC0415
        except ModuleNotFoundError as error:
            msg = 'a server that signs ID tokens needs joserfc; run: pip install "extauth[jwt]"'
            raise ModuleNotFoundError(msg, name=error.name) from error
        if algorithm not in self._keys:
            parameters: KeyParameters = {"kid": secrets.token_hex(8)}
            self._keys[algorithm] = (
                RSAKey.generate_key(2048, parameters)
                if algorithm == "RS256"
                else ECKey.generate_key("P-256", parameters)
            )
        return self._keys[algorithm]


def verified(
    token: str, key: PublicKey, algorithms: Collection[str]
) -> tuple[Mapping[str, object], Mapping[str, object]] | None:
    """Return header and claims of a JWT that ``key`` signed, whatever they say; None of any other."""
    from joserfc import jwt  # noqa: PLC0415
    from joserfc.errors import JoseError  # noqa: PLC0415

    if (imported := _imported(key)) is None:
        return None
    try:
        decoded = jwt.decode(token, imported, algorithms=list(algorithms))
    except (JoseError, ValueError):
        return None
    return decoded.header, decoded.claims


def _imported(key: PublicKey) -> RSAKey | ECKey | None:
    from joserfc.errors import JoseError  # noqa: PLC0415
    from joserfc.jwk import ECKey, RSAKey  # noqa: PLC0415

    for kind in (RSAKey, ECKey):
        try:
            return kind.import_key(key if isinstance(key, str) else dict(key))
        except (JoseError, ValueError, TypeError):
            continue
    return None
