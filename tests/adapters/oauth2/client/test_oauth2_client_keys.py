from __future__ import annotations

import subprocess
import sys
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc import jwk, jwt

from extauth.adapters.oauth2.client.client_auth import ClientCredentials
from extauth.adapters.oauth2.client.client_keys import AppleKey, PrivateKey

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
TOKEN_URL = "https://provider.example/token"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONG_SECRET = "0123456789abcdef0123456789abcdef"

RSA = jwk.RSAKey.generate_key(2048)
EC = jwk.ECKey.generate_key("P-256")
ED = jwk.OKPKey.generate_key("Ed25519")
KEYS = {"RS256": RSA, "PS256": RSA, "ES256": EC, "EdDSA": ED}


class MovingClock:
    """Moves when told."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


def pem(key: Any) -> str:
    """Return the private key as text."""
    return str(key.as_pem(private=True).decode())


def verified(token: str, key: Any, algorithm: str) -> jwt.Token:
    """Return what the token says, if the public key confirms it."""
    public = type(key).import_key(key.as_dict(private=False)) if not isinstance(key, jwk.OctKey) else key
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return jwt.decode(token, public, algorithms=[algorithm])


def credentials(key: Any, method: Any = "private_key_jwt", **options: Any) -> ClientCredentials:
    """Return credentials of a client with a key."""
    return ClientCredentials(
        "client", options.pop("secret", None), method, key=key, token_endpoint=TOKEN_URL, clock=MovingClock()
    )


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_key_signs_who_the_client_is(algorithm: Any) -> None:
    """RFC 7523 section 3: issuer and subject are the client, the audience the token endpoint if no issuer
    is known."""
    key = PrivateKey(pem(KEYS[algorithm]), "key-1", algorithm)

    fields = credentials(key).fields(TOKEN_URL)

    assert fields.keys() == {"client_id", "client_assertion_type", "client_assertion"}
    assert fields["client_id"] == "client"
    assert fields["client_assertion_type"] == ASSERTION_TYPE
    token = verified(fields["client_assertion"], KEYS[algorithm], algorithm)
    assert token.header == {"typ": "JWT", "alg": algorithm, "kid": "key-1"}
    assert len(token.claims.pop("jti")) >= 16
    assert token.claims == {
        "iss": "client",
        "sub": "client",
        "aud": TOKEN_URL,
        "iat": EPOCH,
        "exp": EPOCH + 300,
    }
    assert credentials(key).headers() == {}


def test_each_request_has_an_assertion_of_its_own() -> None:
    """A server that remembers ``jti`` refuses a second use (RFC 7523 section 3)."""
    client = credentials(PrivateKey(pem(EC), algorithm="ES256"))

    first, second = (verified(client.fields(TOKEN_URL)["client_assertion"], EC, "ES256") for _ in range(2))

    assert first.claims["jti"] != second.claims["jti"]
    assert "kid" not in first.header


def test_an_assertion_can_be_for_the_issuer_and_name_a_certificate() -> None:
    """Where the provider wants another audience, or knows keys by certificate as Microsoft Entra does."""
    key = PrivateKey(pem(RSA), audience="https://issuer.example", certificate_thumbprint="dGh1bWI")

    token = verified(credentials(key).fields(TOKEN_URL)["client_assertion"], RSA, "RS256")

    assert token.claims["aud"] == "https://issuer.example"
    assert token.header == {"typ": "JWT", "alg": "RS256", "x5t#S256": "dGh1bWI"}


ISSUER = "https://issuer.example"


@pytest.mark.parametrize("secret", [None, LONG_SECRET])
@pytest.mark.parametrize(
    ("issuer", "audience", "wanted"),
    [
        (ISSUER, "issuer", ISSUER),
        (None, "issuer", TOKEN_URL),
        (ISSUER, "token_endpoint", TOKEN_URL),
        (ISSUER, "endpoint", "https://provider.example/revoke"),
    ],
)
def test_an_assertion_is_for_the_issuer(
    issuer: str | None, audience: Any, wanted: str, secret: str | None
) -> None:
    """rfc7523bis: at every endpoint, unless the server is documented to want it otherwise."""
    key = PrivateKey(pem(RSA)) if secret is None else None
    client = ClientCredentials(
        "client",
        secret,
        "private_key_jwt" if secret is None else "client_secret_jwt",
        key=key,
        token_endpoint=TOKEN_URL,
        issuer=issuer,
        audience=audience,
    )

    assertion = client.fields("https://provider.example/revoke")["client_assertion"]

    token = (
        verified(assertion, RSA, "RS256")
        if secret is None
        else verified(assertion, jwk.OctKey.import_key(secret), "HS256")
    )
    assert token.claims["aud"] == wanted


def test_a_secret_can_sign_and_is_not_sent() -> None:
    """client_secret_jwt of OpenID Connect Core section 9, by HS256."""
    fields = credentials(None, "client_secret_jwt", secret=LONG_SECRET).fields(TOKEN_URL)

    assert fields.keys() == {"client_id", "client_assertion_type", "client_assertion"}
    token = verified(fields["client_assertion"], jwk.OctKey.import_key(LONG_SECRET), "HS256")
    assert token.claims["aud"] == TOKEN_URL
    assert token.claims["sub"] == "client"


def test_apple_s_secret_is_signed_by_the_team() -> None:
    """Sign in with Apple: a JWT of the team's key in place of the secret, far below six months."""
    fields = credentials(AppleKey("TEAM", "KEY", pem(EC)), "client_secret_post").fields(TOKEN_URL)

    assert fields.keys() == {"client_id", "client_secret"}
    token = verified(fields["client_secret"], EC, "ES256")
    assert token.header == {"typ": "JWT", "alg": "ES256", "kid": "KEY"}
    assert token.claims == {
        "iss": "TEAM",
        "iat": EPOCH,
        "exp": EPOCH + 86400,
        "aud": "https://appleid.apple.com",
        "sub": "client",
    }


def test_apple_s_secret_is_kept_until_an_hour_before_its_end() -> None:
    """Signing again each time is waste; a secret that ends under way is worse."""
    key = AppleKey("TEAM", "KEY", pem(EC))
    secret = key.client_secret("client", NOW)

    assert key.client_secret("client", NOW + timedelta(hours=23) - timedelta(seconds=1)) == secret
    renewed = key.client_secret("client", NOW + timedelta(hours=23))

    assert renewed != secret
    assert verified(renewed, EC, "ES256").claims["exp"] == EPOCH + 23 * 3600 + 86400


def test_apple_s_secret_is_kept_for_one_client_and_not_from_the_future() -> None:
    """A clock that was set back, or another client of the same team, needs another secret."""
    key = AppleKey("TEAM", "KEY", pem(EC))
    key.client_secret("client", NOW)

    assert verified(key.client_secret("other", NOW), EC, "ES256").claims["sub"] == "other"
    earlier = verified(key.client_secret("other", NOW - timedelta(hours=1)), EC, "ES256")
    assert earlier.claims["iat"] == EPOCH - 3600


def encrypted() -> str:
    """Return a key that asks for a password."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")).decode()


def short_rsa() -> str:
    """Return a key that RFC 7518 section 3.3 forbids."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - on purpose
    return pem_of(key)


def pem_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    """Return the private key as text."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        pytest.param("", "RS256", id="empty"),
        pytest.param("hidden-material", "RS256", id="no key"),
        pytest.param(pem(RSA)[:200] + "\n-----END PRIVATE KEY-----", "RS256", id="cut short"),
        pytest.param(RSA.as_pem(private=False).decode(), "RS256", id="public"),
        pytest.param(pem(EC), "RS256", id="another kind"),
        pytest.param(pem(jwk.ECKey.generate_key("P-384")), "ES256", id="another curve"),
        pytest.param(pem(jwk.OKPKey.generate_key("X25519")), "EdDSA", id="not for signing"),
        pytest.param(encrypted(), "ES256", id="encrypted"),
        pytest.param(short_rsa(), "PS256", id="too short"),
        pytest.param(None, "RS256", id="none"),
    ],
)
def test_a_bad_key_is_refused_at_once_and_not_shown(text: Any, algorithm: Any) -> None:
    """A key that cannot sign is a ValueError at construction, with nothing of the key in it."""
    with pytest.raises(ValueError, match="pem must be an unencrypted private key for") as caught:
        PrivateKey(text, algorithm=algorithm)

    shown = str(caught.value)
    assert shown == f"pem must be an unencrypted private key for {algorithm}, as PEM text"
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_apple_s_key_is_checked_as_well() -> None:
    """The contents of the file and nothing else."""
    with pytest.raises(ValueError, match="pem must be an unencrypted private key for ES256"):
        AppleKey("TEAM", "KEY", "AuthKey_KEY.p8")
    with pytest.raises(ValueError, match="team_id must not be empty"):
        AppleKey("", "KEY", pem(EC))


def test_an_unknown_algorithm_is_refused() -> None:
    """None and the shared-secret ones are no signatures of a private key."""
    for algorithm in ("none", "HS256", "RS1"):
        with pytest.raises(ValueError, match="algorithm must be one of RS256, PS256, ES256, EdDSA"):
            PrivateKey(pem(RSA), algorithm=algorithm)  # type: ignore[arg-type]


def test_no_key_is_in_a_repr() -> None:
    """Neither the key nor what it signed shows."""
    private, apple = PrivateKey(pem(EC), "key-1", "ES256"), AppleKey("TEAM", "KEY", pem(EC))
    secret = apple.client_secret("client", NOW)
    shown = [
        repr(private),
        repr(apple),
        repr(apple._minted),
        repr(credentials(private)),
        repr(credentials(apple, "client_secret_post")),
        repr(credentials(None, "client_secret_jwt", secret=LONG_SECRET)),
    ]

    body = pem(EC).splitlines()[1]
    for text in shown:
        assert body not in text
        assert secret not in text
        assert LONG_SECRET not in text
    assert repr(private).startswith("PrivateKey(pem='***', key_id='key-1', algorithm='ES256'")


@pytest.mark.parametrize(
    ("key", "secret", "method", "message"),
    [
        (None, None, "private_key_jwt", 'client_auth="private_key_jwt" needs a client_key'),
        ("private", "s", "private_key_jwt", "give a client_secret or a client_key, not both"),
        ("private", None, "client_secret_post", 'a PrivateKey is for client_auth="private_key_jwt"'),
        ("private", None, "none", 'a PrivateKey is for client_auth="private_key_jwt"'),
        ("apple", None, "client_secret_basic", 'an AppleKey is for client_auth="client_secret_post"'),
        ("apple", None, "private_key_jwt", 'an AppleKey is for client_auth="client_secret_post"'),
        ("apple", "s", "client_secret_post", "give a client_secret or a client_key, not both"),
        (None, None, "client_secret_jwt", "needs a client_secret"),
        (None, "short", "client_secret_jwt", "a client_secret that signs must have at least 32 bytes"),
        (None, "\ud800" * 40, "client_secret_jwt", "client_secret must be valid Unicode"),
    ],
)
def test_a_key_for_another_way_is_refused(key: Any, secret: Any, method: Any, message: str) -> None:
    """Each way of authenticating takes a secret or its own kind of key, and nothing that it ignores."""
    keys = {"private": PrivateKey(pem(EC), algorithm="ES256"), "apple": AppleKey("TEAM", "KEY", pem(EC))}
    with pytest.raises(ValueError, match=message):
        credentials(keys.get(key), method, secret=secret)


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without joserfc the error says what to install."""
    monkeypatch.setitem(sys.modules, "joserfc", None)
    monkeypatch.setitem(sys.modules, "joserfc.jwk", None)

    with pytest.raises(ModuleNotFoundError, match=r'pip install "extauth\[jwt\]"'):
        PrivateKey(pem(EC), algorithm="ES256")
    with pytest.raises(ModuleNotFoundError, match=r'pip install "extauth\[jwt\]"'):
        credentials(None, "client_secret_jwt", secret=LONG_SECRET)


def test_clients_without_a_key_do_not_import_joserfc() -> None:
    """An extra is for those who use it."""
    script = (
        "import sys; from extauth.adapters.oauth2 import OAuth2Provider;"
        "OAuth2Provider('p', client_id='c', client_secret='s', token_url='https://p.example/t');"
        "print('joserfc' in sys.modules)"
    )

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert told.stdout == "False\n"
