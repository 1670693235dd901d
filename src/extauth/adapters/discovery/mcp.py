"""From the URL of an MCP server to a provider that gets tokens for it, in one call.

The authorization part of the Model Context Protocol, revisions 2025-06-18 to 2026-07-28: RFC 9728 to find
the authorization server, RFC 8414 or OpenID Connect Discovery to read it, a client that was registered by
hand, has a document or registers itself (RFC 7591), PKCE, and the resource indicator of RFC 8707 on every
request.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack, cast
from urllib.parse import urlsplit

import attrs
from aiohttp import ClientSession

from extauth.adapters.discovery.client_document import client_document_url as checked_document_url
from extauth.adapters.discovery.fetching import Allow, Fetcher, fetching
from extauth.adapters.discovery.mcp_resource import mcp_resource
from extauth.adapters.discovery.metadata import PKCE_METHOD, ServerMetadata
from extauth.adapters.discovery.registered_clients import KeptClients, registration_name
from extauth.adapters.discovery.registration import register_client
from extauth.adapters.discovery.resources import ResourceMetadata, expected_resource
from extauth.adapters.discovery.servers import DEFAULT_TIMEOUTS, server_found
from extauth.adapters.discovery.well_known import origin, resource_uri, same_resource
from extauth.adapters.oauth2 import ClientAuth, HttpTimeouts, OAuth2Provider, Reach
from extauth.adapters.oauth2.client.client_auth import HTTP_BASIC
from extauth.adapters.oauth2.options import AuthenticatedOptions
from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules
from extauth.adapters.oauth2.token.request_rules import TokenRequests
from extauth.clock import SystemClock
from extauth.domain.acting import acting
from extauth.domain.actors import REGISTERING
from extauth.domain.errors import ProviderMisconfigured
from extauth.domain.hidden import Hidden
from extauth.domain.linking import OFFLINE_ACCESS, ClientRegistration
from extauth.domain.linking_ports import RegistrationStore
from extauth.domain.ports import WallClock


async def mcp_provider(
    server_url: str,
    *,
    redirect_uri: str,
    store: RegistrationStore,
    client_name: str,
    provider_id: str | None = None,
    scopes: Iterable[str] | None = None,
    may_ask: Iterable[str] | None = None,
    resource: str | None = None,
    unlisted: bool = False,
    issuer: str | None = None,
    client_id: str | None = None,
    client_secret: str | None = None,
    client_document_url: str | None = None,
    forget: str | None = None,
    initial_access_token: str | None = None,
    challenge: str | None = None,
    session: ClientSession | None = None,
    timeouts: HttpTimeouts = DEFAULT_TIMEOUTS,
    allow: Allow | None = None,
    reach: Reach | None = None,
    clock: WallClock = SystemClock(),  # noqa: B008 - has no state
    **keywords: Unpack[AuthenticatedOptions],
) -> OAuth2Provider:
    """Return a provider for a remote MCP server.

    Its client is, in this order: the ``client_id`` that the application registered by hand; the application's
    ``client_document_url``, where the authorization server takes such ids
    (:func:`~.client_document.client_document` makes the document); one that registers itself.

    That is done once and kept in ``store`` for the issuer, ``redirect_uri`` and the server: what a user has
    consented to for one server is asked again for another. Replicas that call this at the same moment end
    with the same client, and a restart finds it again. Here, and when a user begins, another one is
    registered where its secret has expired, where it was registered for less than is wanted now, and where
    the server has forgotten it (:func:`~extauth.domain.registered_clients.why_replaced`): that is asked for,
    at most once a minute, by a refresh with a made-up token. ``forget`` is the id of a client to replace in
    any case; a replica that finds another one in the store by then takes that. Links keep the client that
    they were made with until the user connects again, so keep ``store`` open while the provider is used.

    ``provider_id`` is by default made of the server's host and path (:func:`mcp_provider_id`). ``scopes``
    are by default what the server's challenge asks for, or else all that its metadata lists, and
    ``offline_access`` where the authorization server lists that. The client is registered for those and for
    what the application ``may_ask`` for one day, by default all that the server's metadata lists: a scope
    that a client was not registered for is refused to it (``invalid_scope``).

    ``issuer`` chooses one of the server's authorization servers, the first by default; give it with a
    ``client_secret``, so that the secret goes nowhere else whatever the server says one day, and for a server
    that publishes nothing about itself, as before the revision of 2025-06-18. Where such a one has no path,
    its host is taken for its issuer.

    ``initial_access_token`` is as for :func:`~.registration.register_client`, ``challenge`` as for
    :func:`~.resources.discover_resource`, and ``session``, ``timeouts``, ``allow`` and ``reach`` as for
    :func:`~.servers.discover`; give ``reach="public"`` where a user typed ``server_url`` in. ``keywords`` are
    those of ``OAuth2Provider``.

    The server's metadata must name exactly ``server_url``, or else ``resource``, as for
    :func:`~.resources.discover_resource`. An authorization server that lists its resources must list it;
    since it may leave some out (RFC 9728 section 4), ``unlisted`` allows one that is not there.

    Every authorization, code exchange and refresh names the server as ``resource`` (RFC 8707). Under HTTP
    Basic the client's id is in the body too where the server lists ``client_secret_post`` before it, as those
    made with the reference SDK do, which want that; ``requests=TokenRequests(names_client=...)`` says
    otherwise. A revocation has a ``client_secret``, be it empty, unless Basic stands alone;
    ``revocation=...`` replaces that. A cancelled call may leave a client at the authorization server that
    nobody knows, and nothing else.

    :raises ValueError: for a URL that is no https URL (http on loopback), a secret without a client id, one
        str as scopes, or what ``OAuth2Provider`` refuses.
    :raises ProviderMisconfigured: ``pkce_unsupported`` if the authorization server does not say that it has
        S256, which MCP demands; ``pushed_requests_only``; ``resource_not_listed`` if it does not list the
        server; ``issuer_mismatch`` if ``issuer`` is none of the server's; and what discovery and registration
        raise.
    :raises ProviderUnavailable: if one of the servers cannot be reached.
    :raises StoreUnavailable: if the store fails.
    """
    given_secret, initial_token = Hidden(client_secret), Hidden(initial_access_token)
    del client_secret, initial_access_token  # tools that report errors show the local variables of each frame
    server = resource_uri(server_url)
    if given_secret.value is not None and client_id is None:
        msg = "client_secret needs the client_id that it belongs to"
        raise ValueError(msg)
    _check_collections(scopes=scopes, may_ask=may_ask)
    document = None if client_document_url is None else checked_document_url(client_document_url)
    expected = expected_resource(server, resource)
    async with fetching(session, timeouts, allow, named=server, reach=reach) as fetcher:
        # Who owns all of the host owns its authorization server. A path's owner need not.
        otherwise = origin(expected) if issuer is None and expected == origin(expected) else issuer
        found = await mcp_resource(fetcher, server, expected, challenge, otherwise)
        metadata = await _authorization_server(fetcher, found, issuer)
    if not unlisted:
        check_listed(metadata, expected)
    wanted = _scopes(found, metadata) if scopes is None else tuple(scopes)
    options: dict[str, Any] = {"session": session, **cast("dict[str, Any]", keywords)}

    def provider_with(
        client_id: str, secret: Hidden[str | None], client_auth: ClientAuth | None
    ) -> OAuth2Provider:
        given: dict[str, Any] = {"client_auth": client_auth, **options}
        if document is not None and client_id != document and "client_auth" not in keywords:
            given.pop("client_key", None)  # the document's; another client proves itself otherwise
        requests = keywords.get("requests", TokenRequests(names_client=metadata.wants_client_named))
        way = given["client_auth"] or metadata.choose_client_auth(secret.value)
        # The reference SDK refuses a revocation without the field. Elsewhere an empty one is as good as none
        # (RFC 6749 section 3.2), but where Basic must stand alone.
        alone = way in HTTP_BASIC and not requests.names_client
        return attrs.evolve(metadata, revocation_wants_secret=not alone).provider(
            mcp_provider_id(server) if provider_id is None else provider_id,
            client_id=client_id,
            client_secret=secret.value,
            scopes=wanted,
            resource=expected,
            **{**given, **_with_resource(found.resource, keywords, requests)},
        )

    if client_id is not None:
        return provider_with(client_id, given_secret, None)
    if document is not None and metadata.takes_client_documents:
        return provider_with(
            document, given_secret, "none" if keywords.get("client_key") is None else "private_key_jwt"
        )

    async def register(asked: frozenset[str]) -> ClientRegistration:
        fresh = await register_client(
            metadata,
            redirect_uris=[redirect_uri],
            client_name=client_name,
            scopes=asked,
            initial_access_token=initial_token.value,
            session=session,
            timeouts=timeouts,
            allow=allow,
        )
        return attrs.evolve(fresh, scopes=asked)

    def registered(client: ClientRegistration) -> OAuth2Provider:
        return provider_with(
            client.client_id, Hidden(client.client_secret), cast("ClientAuth", client.client_auth)
        )

    clients = KeptClients(
        acting(store, REGISTERING),
        registration_name(metadata.issuer, redirect_uri, expected),
        f"{metadata.issuer} {redirect_uri}",
        register,
        registered,
        scopes={*wanted, *(found.scopes_supported if may_ask is None else may_ask)},
        listed={*found.scopes_supported, *metadata.scopes_supported},
        clock=clock,
    )
    return await clients.present(forget)


def mcp_provider_id(server_url: str) -> str:
    """Return the provider id that an MCP server gets by default: its host, port, path and query.

    ``https://mcp.example.com/v1/mcp`` is ``mcp.example.com~v1~mcp``: a slash would name one of several links.

    :raises ValueError: as :func:`mcp_provider` for the URL.
    """
    parts = urlsplit(resource_uri(server_url))
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return parts.netloc + path.replace("~", "%7E").replace("/", "~")


def _check_collections(**scopes: Iterable[str] | None) -> None:
    for name, given in scopes.items():
        if isinstance(given, str):
            msg = f"{name} must be a collection of scope names, not one str"
            raise ValueError(msg)  # noqa: TRY004 - one exception type for every refused value


def _with_resource(resource: str, keywords: AuthenticatedOptions, requests: TokenRequests) -> dict[str, Any]:
    rules = keywords.get("authorization", AuthorizationRules())
    named = {"resource": resource}
    return {
        "authorization": attrs.evolve(rules, pkce="required", params={**rules.params, **named}),
        "requests": attrs.evolve(
            requests,
            code_params={**requests.code_params, **named},
            refresh_params={**requests.refresh_params, **named},
        ),
    }


async def _authorization_server(
    fetcher: Fetcher, resource: ResourceMetadata, issuer: str | None
) -> ServerMetadata:
    chosen = resource.authorization_servers[0] if issuer is None else issuer
    if chosen not in resource.authorization_servers:
        msg = "the MCP server no longer names this issuer as one of its authorization servers"
        raise ProviderMisconfigured(msg, reason="issuer_mismatch")
    try:
        metadata = await server_found(fetcher, chosen)
    except ProviderMisconfigured as error:
        # Resources often write the issuer with a slash for the empty path, or without. The document's own
        # way of writing it counts from here on, and it is asked for again in just that way.
        if error.reason != "issuer_mismatch" or chosen.removesuffix("/") != origin(chosen):
            raise
        metadata = await server_found(fetcher, origin(chosen) + "/" * (not chosen.endswith("/")))
    if PKCE_METHOD not in (metadata.code_challenge_methods or ()):
        msg = "the authorization server does not say that it supports PKCE with S256, which MCP demands"
        raise ProviderMisconfigured(msg, reason="pkce_unsupported")
    metadata.check_requests()
    if metadata.authorization_endpoint is None:
        msg = "the authorization server has no authorization endpoint"
        raise ProviderMisconfigured(msg, reason="invalid_metadata")
    return metadata


def check_listed(metadata: ServerMetadata, resource: str) -> None:
    """Refuse a resource that names an authorization server which does not know it (RFC 9728 section 4).

    :raises ProviderMisconfigured: with ``resource_not_listed``.
    """
    listed = metadata.protected_resources
    if listed is None or any(same_resource(each, resource) for each in listed):
        return
    msg = (
        "the authorization server lists its resources, and the MCP server is none of them; if you know that"
        " it leaves some out, give unlisted=True"
    )
    raise ProviderMisconfigured(msg, reason="resource_not_listed")


def _scopes(resource: ResourceMetadata, metadata: ServerMetadata) -> tuple[str, ...]:
    wanted = resource.challenged_scopes or resource.scopes_supported
    offline = (OFFLINE_ACCESS,) if OFFLINE_ACCESS in metadata.scopes_supported else ()
    return tuple(dict.fromkeys((*wanted, *offline)))
