"""Whether a client proves who it is, in the ways that the server accepts."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypeAlias, final
from urllib.parse import unquote_plus

import attrs

from extauth.testing.server.clients import Client, Clients
from extauth.testing.server.json_values import is_list
from extauth.testing.server.quirks import ClientProof, ServerQuirks
from extauth.testing.server.signing import verified

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""RFC 7523 section 2.2."""

_SIGNATURES = ("RS256", "PS256", "ES256")

Offer: TypeAlias = tuple[ClientProof, str | None, str]
"""A way of proving, the client id that goes with it (None: the proof itself says it), and the proof."""


def two_proofs(header: str | None, fields: Mapping[str, str]) -> bool:
    """Whether more than one way is used in one request, which RFC 6749 section 2.3 forbids."""
    return sum([header is not None, "client_secret" in fields, "client_assertion" in fields]) > 1


@final
@attrs.frozen
class ProofRules:
    """What a proof must be at one moment."""

    quirks: ServerQuirks
    audiences: frozenset[str]
    """``aud`` of a client's JWT is one of them, unless the quirks say otherwise."""
    now: datetime
    only: frozenset[ClientProof] | None = None
    """The proofs that this endpoint accepts, whoever shows them; None: those of the client."""


def client_of(
    header: str | None, fields: Mapping[str, str], clients: Clients, rules: ProofRules
) -> Client | None:
    """Return the client that proves who it is; None if none does."""
    for proof, client_id, given in _offers(header, fields, rules.quirks):
        for client in clients:
            accepted = rules.only or client.proofs or rules.quirks.client_auth
            named = client_id is None or _same(client_id, client.id)
            if proof in accepted and named and _proves(proof, given, client, rules):
                return client
    return None


def _offers(header: str | None, fields: Mapping[str, str], quirks: ServerQuirks) -> Iterator[Offer]:
    """Yield what the request may be meant as."""
    client_id = fields.get(quirks.client_id_field)
    if header is not None:
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "bearer":
            yield "bearer_secret", client_id, rest
        elif scheme.lower() == "basic" and (pair := _basic(rest)) is not None:
            yield "client_secret_basic", *pair
            if not pair[1]:
                yield "basic_user", client_id, pair[0]
    elif (secret := fields.get("client_secret")) is not None:
        if client_id is not None:
            yield "client_secret_post", client_id, secret
            yield "es256_secret", client_id, secret
    elif (assertion := fields.get("client_assertion")) is not None:
        if fields.get("client_assertion_type") == JWT_BEARER:
            yield "private_key_jwt", client_id, assertion
            yield "secret_assertion", client_id, assertion
    elif client_id is not None:
        yield "none", client_id, ""


def _proves(proof: ClientProof, given: str, client: Client, rules: ProofRules) -> bool:
    if proof == "none":
        return True
    if proof == "private_key_jwt":
        return _asserts(given, client, rules, once=True)
    if proof == "es256_secret":
        return _asserts(given, client, rules, once=False)
    return client.secret is not None and _same(given, client.secret)


def _asserts(token: str, client: Client, rules: ProofRules, *, once: bool) -> bool:
    """Whether this is a JWT of the client's (RFC 7523 section 3); with ``once``, one not seen before."""
    signed = None if client.key is None else verified(token, client.key, _SIGNATURES if once else ("ES256",))
    if signed is None:
        return False
    quirks = rules.quirks
    header, claims = signed
    expires, jti, audience = claims.get("exp"), claims.get("jti"), claims.get("aud")
    wanted = {quirks.assertion_audience} if quirks.assertion_audience else rules.audiences
    named = audience if is_list(audience) else [audience]
    good = (
        claims.get("iss") == (quirks.assertion_issuer or client.id)
        and claims.get("sub") == client.id
        and any(each in wanted for each in named)
        and isinstance(expires, int | float)
        and expires > rules.now.timestamp()
        and header.get("kid") == (quirks.assertion_key_id or header.get("kid"))
    )
    if not good or not once:
        return good
    if not isinstance(jti, str) or jti in client.assertions_used:
        return False
    client.assertions_used.add(jti)
    return True


def _basic(encoded: str) -> tuple[str, str] | None:
    """Return client id and secret from a Basic header, in which both are form-encoded."""
    try:
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (unquote_plus(client_id), unquote_plus(secret)) if colon else None


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
