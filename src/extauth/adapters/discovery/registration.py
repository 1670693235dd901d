"""Registering a client at an authorization server (RFC 7591)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import urlsplit

from aiohttp import ClientSession

from extauth.adapters.discovery.fetching import Allow, Answer, fetching
from extauth.adapters.discovery.members import instant, required_text, text, texts
from extauth.adapters.discovery.metadata import WITH_SECRET, ServerMetadata
from extauth.adapters.discovery.servers import DEFAULT_TIMEOUTS
from extauth.adapters.oauth2 import ClientAuth, HttpTimeouts
from extauth.adapters.oauth2.http.endpoint import endpoint_url
from extauth.domain.errors import ProviderMisconfigured
from extauth.domain.hidden import Hidden, NamesOnly
from extauth.domain.linking import ClientRegistration
from extauth.domain.storable import scope_names

_REFUSALS: Final = frozenset(
    {
        "invalid_redirect_uri",
        "invalid_client_metadata",
        "invalid_software_statement",
        "unapproved_software_statement",
    }
)
"""RFC 7591 section 3.2.2."""
_CLOSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


async def register_client(
    metadata: ServerMetadata,
    *,
    redirect_uris: Iterable[str],
    client_name: str,
    scopes: Iterable[str] = (),
    initial_access_token: str | None = None,
    software_id: str | None = None,
    software_version: str | None = None,
    software_statement: str | None = None,
    client_uri: str | None = None,
    session: ClientSession | None = None,
    timeouts: HttpTimeouts = DEFAULT_TIMEOUTS,
    allow: Allow | None = None,
) -> ClientRegistration:
    """Register a client for the authorization code flow, with refresh tokens.

    A public client where the server has those, wherever in its list: with a secret that expires every link
    would be lost, a secret can leak, and PKCE guards the codes. Otherwise one with a secret, in the body if
    the server lists that. What counts is what the server answers. ``initial_access_token`` is for servers
    that do not let everybody register (section 3).

    Each call makes another client, so keep what it returns. The request is sent once; when its answer is
    lost, or the call is cancelled, a client may exist that nobody knows, which does no harm. ``session``,
    ``timeouts`` and ``allow`` are as for :func:`~.servers.discover`, and what was said there of addresses
    holds here too.

    :raises ValueError: for redirect URIs that are none or not absolute, or an empty name.
    :raises ProviderMisconfigured: if the server does not register clients (``registration_unsupported``) or
        not this one: its error code (section 3.2.2), ``registration_not_allowed`` or
        ``registration_failed``; or if its answer is unusable: ``invalid_metadata`` or
        ``client_auth_unsupported``.
    :raises ProviderUnavailable: if the server cannot be reached or may register the client another time.
    """
    headers = NamesOnly({"Authorization": f"Bearer {initial_access_token}"} if initial_access_token else {})
    del initial_access_token  # tools that report errors show the local variables of each frame
    asked = _request(metadata, redirect_uris, client_name, scopes)
    more = {
        "client_uri": client_uri,
        "software_id": software_id,
        "software_version": software_version,
        "software_statement": software_statement,
    }
    asked |= {name: value for name, value in more.items() if value is not None}
    if metadata.registration_endpoint is None:
        msg = (
            "the provider does not let clients register themselves; register one by hand, give its client_id"
        )
        raise ProviderMisconfigured(msg, reason="registration_unsupported")
    endpoint = metadata.registration_endpoint
    async with fetching(session, timeouts, allow, named=endpoint, reach=metadata.reach) as fetcher:
        answer = await fetcher.post(endpoint, "registration endpoint", asked, headers)
    return _registration(_accepted(answer), metadata.issuer, asked)


def checked_redirect_uris(redirect_uris: Iterable[str]) -> list[str]:
    """Return the redirect URIs of a client.

    :raises ValueError: if there are none, one is not absolute, or they are one str.
    """
    if isinstance(redirect_uris, str):
        msg = "redirect_uris must be a collection of URIs, not one str"
        raise ValueError(msg)  # noqa: TRY004 - one exception type for every refused value
    uris = list(redirect_uris)
    if not uris or not all(urlsplit(uri).scheme for uri in uris):
        msg = "redirect_uris must be absolute, and at least one"
        raise ValueError(msg)
    return uris


def _request(
    metadata: ServerMetadata, redirect_uris: Iterable[str], client_name: str, scopes: Iterable[str]
) -> dict[str, object]:
    uris = checked_redirect_uris(redirect_uris)
    if not client_name:
        msg = "client_name must not be empty; users read it when they consent"
        raise ValueError(msg)
    asked: dict[str, object] = {
        "client_name": client_name,
        "redirect_uris": uris,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": _wanted_auth(metadata),
        # OpenID providers take a client for a web application otherwise, and refuse http on loopback.
        "application_type": "web" if all(urlsplit(uri).scheme == "https" for uri in uris) else "native",
    }
    if wanted := scope_names(scopes):
        asked["scope"] = " ".join(sorted(wanted))
    return asked


def _wanted_auth(metadata: ServerMetadata) -> ClientAuth:
    return "none" if "none" in metadata.client_auth_methods else metadata.choose_client_auth("unknown yet")


def _accepted(answer: Answer) -> dict[str, object]:
    if answer.trouble is not None:
        raise answer.trouble
    members = answer.members or {}
    if answer.status in {HTTPStatus.OK, HTTPStatus.CREATED} and "client_id" in members:
        return members
    otherwise = "registration_not_allowed" if answer.status in _CLOSED else "registration_failed"
    reason = next((code for code in _REFUSALS if code == members.get("error")), otherwise)
    msg = f"the provider did not register the client: {reason}, with status {answer.status}"
    raise ProviderMisconfigured(msg, reason=reason)


def _registration(
    members: Mapping[str, object], issuer: str, asked: Mapping[str, object]
) -> ClientRegistration:
    wanted = cast("list[str]", asked["redirect_uris"])
    given = texts(members, "redirect_uris")
    if given is not None and not set(wanted) <= set(given):
        msg = "the provider registered other redirect URIs than those asked for"
        raise ProviderMisconfigured(msg, reason="invalid_redirect_uri")
    method = text(members, "token_endpoint_auth_method") or _unsaid(asked, members)
    if method not in {"none", *WITH_SECRET}:
        msg = "the provider registered a way of authenticating that was not asked for"
        raise ProviderMisconfigured(msg, reason="client_auth_unsupported")
    secret, expires_at = Hidden[str | None](None), None
    if method != "none":
        secret = Hidden(required_text(members, "client_secret"))
        expires_at = instant(members, "client_secret_expires_at")
    uri = text(members, "registration_client_uri")
    token = Hidden(text(members, "registration_access_token"))
    managed = uri is not None and token.value is not None and _secure(uri)
    return ClientRegistration(
        issuer=issuer,
        client_id=required_text(members, "client_id"),
        client_secret=secret.value,
        client_secret_expires_at=expires_at,
        client_auth=method,
        redirect_uris=tuple(wanted),
        registration_uri=uri if managed else None,
        registration_token=token.value if managed else None,
    )


def _unsaid(asked: Mapping[str, object], members: Mapping[str, object]) -> str:
    """Return how the client authenticates where the answer does not say, as it should (section 3.2.1)."""
    wanted = cast("str", asked["token_endpoint_auth_method"])
    if text(members, "client_secret") is None:
        return "none"
    return "client_secret_basic" if wanted == "none" else wanted


def _secure(uri: str) -> bool:
    try:
        endpoint_url(uri, "registration_client_uri")
    except ValueError:
        return False
    return True
