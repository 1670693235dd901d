"""The document by which an application says who it is (draft-ietf-oauth-client-id-metadata-document-00).

Its https URL is the client id. Authorization servers that take such ids fetch it, and nothing is registered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from extauth.adapters.discovery.registration import checked_redirect_uris
from extauth.adapters.oauth2 import PrivateKey
from extauth.domain.storable import scope_names

_NO_PART: Final = frozenset(' \\"<>^`{|}')
"""Characters of ASCII that a URL has none of (RFC 3986 section 2)."""


def client_document_url(value: str) -> str:
    """Return ``value`` unchanged if it may be a client id that is the URL of a document (section 3).

    :raises ValueError: if it is no https URL with a path, is not written in a URL's own characters, or has
        user info, a query, a fragment, or a segment of dots in its path. The draft advises against a query
        and forbids the rest.
    """
    parts = urlsplit(value)
    # The parser passes over some of these, and servers compare the id as it is written.
    written = value.startswith("https://") and value.isascii() and value.isprintable()
    dots = {".", ".."} & {unquote(segment) for segment in parts.path.split("/")}
    if not written or _NO_PART & set(value) or not _has_host(parts) or parts.path in {"", "/"} or dots:
        msg = (
            "the URL of a client document must begin with https://, be written in a URL's own"
            " characters, and have a path without segments of dots"
        )
        raise ValueError(msg)
    if parts.username is not None or "?" in value or "#" in value:
        msg = "the URL of a client document must have no user info, query or fragment"
        raise ValueError(msg)
    return value


def _has_host(parts: SplitResult) -> bool:
    try:
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def client_document(
    url: str,
    *,
    client_name: str,
    redirect_uris: Iterable[str],
    scopes: Iterable[str] = (),
    client_uri: str | None = None,
    logo_uri: str | None = None,
    client_key: PrivateKey | None = None,
    more_keys: Iterable[PrivateKey] = (),
) -> dict[str, Any]:
    """Return the document to serve at ``url``, as ``application/json``, with status 200 and no redirect.

    Give ``url`` as ``client_document_url`` and the same ``client_key`` to :func:`~.mcp.mcp_provider`. All its
    redirect URIs must be here, those of each server. With a key the client proves itself by
    ``private_key_jwt``, and the document has the public half; ``more_keys`` are others that are good
    as well, while a new key takes the place of an old one: servers keep the document for a while. A document
    can have no secret: everybody reads it.

    :raises ValueError: for a URL that cannot be a client id, redirect URIs that are none or not absolute, an
        empty name, or further keys without a first.
    """
    uris = checked_redirect_uris(redirect_uris)
    keys = [*([] if client_key is None else [client_key]), *more_keys]
    if not client_name:
        msg = "client_name must not be empty; users read it when they consent"
        raise ValueError(msg)
    if client_key is None and keys:
        msg = "more_keys need a client_key, which the client proves itself with"
        raise ValueError(msg)
    document: dict[str, Any] = {
        "client_id": client_document_url(url),
        "client_name": client_name,
        "redirect_uris": uris,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "private_key_jwt" if keys else "none",
    }
    optional = {
        "client_uri": client_uri,
        "logo_uri": logo_uri,
        "scope": " ".join(sorted(scope_names(scopes))) or None,
        "jwks": {"keys": [key.public_jwk() for key in keys]} if keys else None,
        "token_endpoint_auth_signing_alg": client_key.algorithm if client_key is not None else None,
    }
    return document | {name: value for name, value in optional.items() if value is not None}
