"""Keys that a client proves itself with, and the signed statements they make (RFC 7523 section 2.2)."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, final, get_args

import attrs

from extauth.domain.storable import masked, storable_text

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

SigningAlgorithm: TypeAlias = Literal["RS256", "PS256", "ES256", "EdDSA"]
"""Names of RFC 7518 section 3.1 and RFC 8037 section 3.1."""

ASSERTION_LIFETIME: Final = timedelta(minutes=5)
"""One is made for each request; this allows for clocks that differ."""
APPLE_SECRET_LIFETIME: Final = timedelta(days=1)
"""Apple allows six months. A secret that leaks should not work for that long."""
_RENEWED_BEFORE: Final = timedelta(hours=1)
_APPLE: Final = "https://appleid.apple.com"
_SHORTEST_SECRET: Final = 32
"""In bytes; a key for HS256 has at least as many as its hash (RFC 7518 section 3.2)."""


class _Key:
    """A private key that can sign with its algorithm. Has the ``repr`` of any object."""

    def __init__(self, key: RSAKey | ECKey | OKPKey | OctKey, algorithm: str) -> None:
        self._key = key
        self._algorithm = algorithm

    def signed(self, header: Mapping[str, str], claims: Mapping[str, str | int]) -> str:
        """Return the claims as a JWT (RFC 7519) in compact form."""
        from joserfc import jwt  # noqa: PLC0415 - the extra was asked for when the key was made

        with _unwarned() if self._algorithm == "EdDSA" else nullcontext():
            return jwt.encode(
                {"alg": self._algorithm, **header}, dict(claims), self._key, algorithms=[self._algorithm]
            )

    def public(self) -> dict[str, Any]:
        """Return the public half as a JWK (RFC 7517)."""
        return dict(self._key.as_dict(private=False))


@contextmanager
def _unwarned() -> Generator[None]:
    # EdDSA is deprecated in favour of Ed25519 (RFC 9864), a name that few servers know by now; and a
    # secret may look like anything.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _extra_needed() -> Generator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        msg = f'{error.name} is not installed; run: pip install "extauth[jwt]"'
        raise ModuleNotFoundError(msg, name=error.name) from error


def _imported(pem: str, algorithm: str) -> _Key:
    if algorithm not in get_args(SigningAlgorithm):
        msg = f"algorithm must be one of {', '.join(get_args(SigningAlgorithm))}, not {algorithm!r}"
        raise ValueError(msg)
    with _extra_needed():
        from joserfc import jwk  # noqa: PLC0415 - an extra, and only for clients with a key
    kinds: Mapping[str, type[RSAKey | ECKey | OKPKey]] = {
        "RS256": jwk.RSAKey,
        "PS256": jwk.RSAKey,
        "ES256": jwk.ECKey,
        "EdDSA": jwk.OKPKey,
    }
    made: _Key | None
    try:
        with warnings.catch_warnings():
            # Above all of an RSA key below 2048 bits, which RFC 7518 section 3.3 forbids.
            warnings.simplefilter("error")
            key = kinds[algorithm].import_key(pem)
        made = _Key(key, algorithm)
        # A public key, or one of another curve, is noticed now and not at a user's first refresh.
        made.signed({}, {})
    except Exception:  # noqa: BLE001 - of several libraries, and none may carry the key on, not as a context
        made = None
    if made is None:
        msg = f"pem must be an unencrypted private key for {algorithm}, as PEM text"
        raise ValueError(msg)
    return made


def _secret_key(secret: str) -> _Key:
    if len(storable_text(secret, "client_secret").encode()) < _SHORTEST_SECRET:
        msg = f"a client_secret that signs must have at least {_SHORTEST_SECRET} bytes"
        raise ValueError(msg)
    with _extra_needed():
        from joserfc.jwk import OctKey  # noqa: PLC0415 - as above
    with _unwarned():
        return _Key(OctKey.import_key(secret), "HS256")


def _filled(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not storable_text(value, attribute.name):
        msg = f"{attribute.name} must not be empty"
        raise ValueError(msg)


def _claims(client_id: str, audience: str, now: datetime) -> dict[str, str | int]:
    issued_at = int(now.timestamp())
    return {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": token_urlsafe(16),
        "iat": issued_at,
        "exp": issued_at + int(ASSERTION_LIFETIME.total_seconds()),
    }


@final
@attrs.frozen
class PrivateKey:
    """The key of a client that authenticates by ``private_key_jwt`` (OpenID Connect Core section 9).

    :raises ValueError: for a key that cannot be read or does not fit the algorithm. The message holds
        nothing of the key.
    :raises ModuleNotFoundError: if the extra ``jwt`` is not installed.
    """

    pem: str = attrs.field(repr=masked)
    """The private key as unencrypted PEM text, PKCS #8 or the older forms; RSA of 2048 bits or more."""
    key_id: str | None = attrs.field(default=None, validator=attrs.validators.optional(_filled))
    """Tells the provider which of the client's registered keys it is (``kid``)."""
    algorithm: SigningAlgorithm = "RS256"
    audience: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(_filled), kw_only=True
    )
    """Whom the assertions are for, where it is neither the issuer nor what
    :attr:`~..token.request_rules.TokenRequests.assertion_audience` says. Servers must not share it: one that
    is malicious could show an assertion to another (draft-ietf-oauth-rfc7523bis)."""
    certificate_thumbprint: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(_filled), kw_only=True
    )
    """SHA-256 of the key's certificate in base64url (``x5t#S256``, RFC 7515 section 4.1.8), by which
    Microsoft Entra knows it."""
    _key: _Key = attrs.field(
        init=False,
        repr=False,
        eq=False,
        default=attrs.Factory(lambda self: _imported(self.pem, self.algorithm), takes_self=True),
    )

    def assertion(self, client_id: str, audience: str, now: datetime) -> str:
        """Return a statement that this is the client, for ``audience`` unless the key has one of its own,
        good for one request within five minutes of ``now``."""
        header = {"kid": self.key_id, "x5t#S256": self.certificate_thumbprint}
        return self._key.signed(
            {name: value for name, value in header.items() if value is not None},
            _claims(client_id, self.audience or audience, now),
        )

    def public_jwk(self) -> dict[str, Any]:
        """Return the public half as a JSON Web Key (RFC 7517), for a document that everybody reads."""
        named = {} if self.key_id is None else {"kid": self.key_id}
        return {**self._key.public(), "alg": self.algorithm, "use": "sig", **named}


@attrs.define
class _Minted:
    client_id: str
    secret: str = attrs.field(repr=masked)
    since: datetime
    until: datetime


@final
@attrs.frozen
class AppleKey:
    """The key of a team at Apple, from which the client secret of Sign in with Apple is made.

    The secret is a JWT, signed with ES256. It is good for a day and made anew an hour before that is over.

    Raises as :class:`PrivateKey`.
    """

    team_id: str = attrs.field(validator=_filled)
    key_id: str = attrs.field(validator=_filled)
    pem: str = attrs.field(repr=masked)
    """The contents of the ``.p8`` file."""
    _key: _Key = attrs.field(
        init=False,
        repr=False,
        eq=False,
        default=attrs.Factory(lambda self: _imported(self.pem, "ES256"), takes_self=True),
    )
    _minted: list[_Minted] = attrs.field(init=False, repr=False, eq=False, factory=list[_Minted])
    """The last secret, if there is one; the only thing here that changes."""

    def client_secret(self, client_id: str, now: datetime) -> str:
        """Return a secret that works for an hour at least; the same as before as long as that one does."""
        for minted in self._minted:
            if minted.client_id == client_id and minted.since <= now < minted.until - _RENEWED_BEFORE:
                return minted.secret
        issued_at = int(now.timestamp())
        secret = self._key.signed(
            {"kid": self.key_id},
            {
                "iss": self.team_id,
                "iat": issued_at,
                "exp": issued_at + int(APPLE_SECRET_LIFETIME.total_seconds()),
                "aud": _APPLE,
                "sub": client_id,
            },
        )
        self._minted[:] = [_Minted(client_id, secret, now, now + APPLE_SECRET_LIFETIME)]
        return secret


@final
@attrs.frozen
class SecretKey:
    """A client secret that signs instead of being sent (``client_secret_jwt``).

    Raises as :class:`PrivateKey`, and for a secret too short to be a key for HS256.
    """

    secret: str = attrs.field(repr=masked)
    _key: _Key = attrs.field(
        init=False,
        repr=False,
        eq=False,
        default=attrs.Factory(lambda self: _secret_key(self.secret), takes_self=True),
    )

    def assertion(self, client_id: str, audience: str, now: datetime) -> str:
        """Return a statement as :meth:`PrivateKey.assertion` does."""
        return self._key.signed({}, _claims(client_id, audience, now))


ClientKey: TypeAlias = PrivateKey | AppleKey
"""What a client may have in place of a secret."""
