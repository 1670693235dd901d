"""How the application proves who it is to a token endpoint (RFC 6749 section 2.3).

The way is fixed for each provider and never tried out: probing would present a refresh token twice.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Final, Literal, TypeAlias, final, get_args
from urllib.parse import quote

import attrs

from extauth.adapters.oauth2.client.client_keys import AppleKey, ClientKey, PrivateKey, SecretKey
from extauth.clock import SystemClock
from extauth.domain.hidden import Hidden
from extauth.domain.ports import WallClock
from extauth.domain.storable import storable_text

ClientAuth: TypeAlias = Literal[
    "client_secret_basic",
    "client_secret_post",
    "none",
    "client_secret_jwt",
    "private_key_jwt",
    "client_secret_bearer",
    "secret_key_basic",
    "client_assertion",
    "client_secret_basic_raw",
]
"""The first five are of the OAuth token endpoint authentication methods registry (RFC 7591 section 2); the
last two of those sign.

``client_secret_bearer`` sends the secret as a bearer token. ``secret_key_basic`` sends it as the user name
of HTTP Basic, with an empty password and without the client's id. ``client_assertion`` sends it as if it
were a signed assertion, without the id as well. ``client_secret_basic_raw`` is HTTP Basic with the id and
the secret as they are: ``client_secret_basic`` form-encodes both first, as RFC 6749 section 2.3.1 says, which
many servers do not undo. It matters only if they have characters other than letters, digits and ``_.-~``.
Which of the two a server takes is for its documentation to say: a wrong proof may spend the token that it
comes with.
"""

AssertionAudience: TypeAlias = Literal["issuer", "token_endpoint", "endpoint"]
"""Whom signed assertions are for; see :attr:`~..token.request_rules.TokenRequests.assertion_audience`."""

_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
HTTP_BASIC: Final = frozenset({"client_secret_basic", "client_secret_basic_raw", "secret_key_basic"})
_NAMELESS: Final = HTTP_BASIC | {"client_assertion"}
"""Ways that need no ``client_id`` among the fields."""


def _encoded(text: str) -> str:
    return quote(text, safe="")


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def _signer(credentials: ClientCredentials) -> PrivateKey | SecretKey | None:
    if credentials.method == "private_key_jwt" and isinstance(credentials.key, PrivateKey):
        return credentials.key
    if credentials.method == "client_secret_jwt" and credentials.client_secret is not None:
        return SecretKey(credentials.client_secret)
    return None


@final
@attrs.frozen
class ClientCredentials:
    """A client registration and the way it authenticates.

    :raises ValueError: for an unknown way, an empty id, a secret or key that is missing, or one that the
        way would not use. The message never contains the secret.
    """

    client_id: str
    client_secret: str | None = attrs.field(repr=False)
    method: ClientAuth
    key: ClientKey | None = None
    """For ``private_key_jwt``, or an :class:`AppleKey` that makes the secret of ``client_secret_post``."""
    token_endpoint: str = ""
    issuer: str | None = None
    """Whom signed assertions are for at every endpoint, if it is known and ``audience`` says nothing else."""
    audience: AssertionAudience = "issuer"
    clock: WallClock = attrs.field(default=SystemClock(), repr=False, eq=False)
    """Dates signed assertions."""
    named: bool = False
    """Whether ``client_id`` is among the fields also where a header has it. It alone authenticates nobody
    and is allowed (RFC 6749 section 3.2.1), but some servers take it for a second way of authenticating."""
    _signer: PrivateKey | SecretKey | None = attrs.field(
        init=False, repr=False, eq=False, default=attrs.Factory(_signer, takes_self=True)
    )

    def __attrs_post_init__(self) -> None:
        if not storable_text(self.client_id, "client_id"):
            msg = "client_id must not be empty"
            raise ValueError(msg)
        if self.method not in get_args(ClientAuth):
            msg = f"client_auth must be one of {', '.join(get_args(ClientAuth))}"
            raise ValueError(msg)
        self._check_key()
        if self.method == "none":
            if self.client_secret is not None:
                msg = 'client_auth="none" sends no client_secret; leave it out or choose another way'
                raise ValueError(msg)
        elif self.key is not None:
            if self.client_secret is not None:
                msg = "give a client_secret or a client_key, not both"
                raise ValueError(msg)
        elif self.client_secret is None or not storable_text(self.client_secret, "client_secret"):
            proof = (
                "client_secret, or an AppleKey" if self.method == "client_secret_post" else "client_secret"
            )
            msg = f'client_auth="{self.method}" needs a {proof}; a public client gives client_auth="none"'
            raise ValueError(msg)
        if self.method == "client_secret_basic_raw" and ":" in self.client_id:
            msg = (
                'client_auth="client_secret_basic_raw" needs a client_id without a colon (RFC 7617 section 2)'
            )
            raise ValueError(msg)

    def _check_key(self) -> None:
        match self.key:
            case PrivateKey() if self.method != "private_key_jwt":
                msg = f'a PrivateKey is for client_auth="private_key_jwt", not "{self.method}"'
            case AppleKey() if self.method != "client_secret_post":
                msg = f'an AppleKey is for client_auth="client_secret_post", not "{self.method}"'
            case None if self.method == "private_key_jwt":
                msg = 'client_auth="private_key_jwt" needs a client_key, a PrivateKey'
            case _:
                return
        raise ValueError(msg)

    def headers(self) -> dict[str, str]:
        """Return the request headers that authenticate the client."""
        match self.method:
            case "client_secret_basic" | "client_secret_basic_raw" | "secret_key_basic":
                return self.basic_headers() or {}
            case "client_secret_bearer":
                return {"Authorization": f"Bearer {self.client_secret}"}
            case _:
                return {}

    def basic_headers(self) -> dict[str, str] | None:
        """Return the headers of HTTP Basic whatever the way, or None for a client without a secret."""
        if self.client_secret is None:
            return None
        if self.method == "secret_key_basic":
            return _basic(self.client_secret, "")
        if self.method == "client_secret_basic_raw":
            return _basic(self.client_id, self.client_secret)
        # Both parts are form-encoded first, so that a colon in the id cannot move the boundary
        # (RFC 6749 section 2.3.1).
        # A space is %20, as servers read it that decode a form and those that decode a URI.
        return _basic(_encoded(self.client_id), _encoded(self.client_secret))

    def suspicion(self) -> str | None:
        """Say how this way of authenticating may be why a server does not know the client, if it may be.

        It is never tried another way: a wrong proof may spend the token that it comes with.
        """
        both = Hidden(f"{self.client_id}{self.client_secret}")
        if _encoded(both.value) == both.value:
            return None
        changed = (
            "form encoding (RFC 6749 section 2.3.1) changes characters of the id or the secret, and this"
        )
        match self.method:
            case "client_secret_basic":
                return (
                    f'{changed} server may not undo that: give client_auth="client_secret_post" if its'
                    ' documentation has that, or else "client_secret_basic_raw"'
                )
            case "client_secret_basic_raw":
                return f'{changed} server may want them encoded: then give client_auth="client_secret_basic"'
            case _:
                return None

    def posted_fields(self) -> dict[str, str] | None:
        """Return the fields that prove it by its secret whatever the way, or None without a secret."""
        if self.client_secret is None:
            return None
        return {"client_id": self.client_id, "client_secret": self.client_secret}

    def fields(self, endpoint: str) -> dict[str, str]:
        """Return the fields of the body that name or authenticate the client to this endpoint.

        Signed assertions are made anew each time: they count from now and work once.
        """
        nameless = self.method in _NAMELESS and not self.named
        return {**({} if nameless else {"client_id": self.client_id}), **self._proof(endpoint)}

    def _audience(self, endpoint: str) -> str:
        match self.audience:
            case "issuer":
                # The URL of an endpoint is what the server's metadata says: a malicious one could name
                # another's token endpoint and show the assertion there.
                return self.issuer or self.token_endpoint
            case "token_endpoint":
                return self.token_endpoint
            case "endpoint":
                return endpoint

    def _proof(self, endpoint: str) -> dict[str, str]:
        if self._signer is not None:
            assertion = self._signer.assertion(self.client_id, self._audience(endpoint), self.clock.now())
            return {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": assertion}
        if isinstance(self.key, AppleKey):
            return {"client_secret": self.key.client_secret(self.client_id, self.clock.now())}
        if self.client_secret is not None and self.method == "client_secret_post":
            return {"client_secret": self.client_secret}
        if self.client_secret is not None and self.method == "client_assertion":
            return {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": self.client_secret}
        return {}
