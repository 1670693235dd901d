"""From the URL of a protected resource to the authorization servers that give tokens for it (RFC 9728)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import final

import attrs
from aiohttp import ClientSession

from extauth.adapters.discovery.challenges import parse_challenges
from extauth.adapters.discovery.fetching import Allow, Fetcher, Missing, fetching
from extauth.adapters.discovery.members import invalid, text, texts
from extauth.adapters.discovery.servers import DEFAULT_TIMEOUTS
from extauth.adapters.discovery.well_known import (
    issuer_url,
    origin,
    resource_document,
    resource_uri,
)
from extauth.adapters.oauth2 import HttpTimeouts, Reach
from extauth.domain.errors import ProviderMisconfigured, ProviderUnavailable


@final
@attrs.frozen(kw_only=True)
class ResourceMetadata:
    """A protected resource, as its metadata document describes it (RFC 9728 section 2)."""

    resource: str
    """Its identifier, to be sent as the resource indicator (RFC 8707)."""
    authorization_servers: tuple[str, ...]
    """Issuer identifiers, at least one, in the document's order."""
    scopes_supported: tuple[str, ...] = ()
    challenged_scopes: tuple[str, ...] | None = None
    """The scopes that the challenge of a 401 asked for; None where it named none."""


@final
@attrs.frozen
class _Hint:
    """What a 401 says about where to go (RFC 9728 section 5.1)."""

    document: str | None = None
    scopes: tuple[str, ...] | None = None


async def discover_resource(
    resource_url: str,
    *,
    challenge: str | None = None,
    session: ClientSession | None = None,
    timeouts: HttpTimeouts = DEFAULT_TIMEOUTS,
    allow: Allow | None = None,
    reach: Reach | None = None,
) -> ResourceMetadata:
    """Find out which authorization servers give tokens for a resource.

    ``challenge`` is the ``WWW-Authenticate`` of a 401 that the application got; without it the resource is
    asked once, by GET and without a token. The document is at the ``resource_metadata`` of a Bearer
    challenge, or else at the well-known URL with the resource's path, or else at that of its origin.

    The document must name the resource asked for (RFC 9728 section 3.3). From the origin's well-known URL it
    may name the origin: whoever answers there speaks for the whole host, while a path's owner does
    not. Other ways of writing the same URL make no difference, such as a slash in place of an empty path.

    ``session``, ``timeouts``, ``allow`` and ``reach`` are as for :func:`~.servers.discover`, and so is
    cancellation.

    :raises ValueError: if ``resource_url`` is no https URL (http on loopback) without fragment.
    :raises ProviderMisconfigured: ``no_metadata``, ``resource_mismatch``, ``invalid_metadata``,
        ``insecure_url``, ``url_not_allowed``, ``address_not_allowed`` or ``document_too_long``.
    :raises ProviderUnavailable: if the resource cannot be reached, or may have a document another time.
    """
    resource = resource_uri(resource_url)
    async with fetching(session, timeouts, allow, named=resource, reach=reach) as fetcher:
        return await resource_found(fetcher, resource, challenge)


async def resource_found(fetcher: Fetcher, resource: str, challenge: str | None) -> ResourceMetadata:
    """Do what :func:`discover_resource` does, with a fetcher and a canonical URL."""
    if challenge is None:
        challenge = await fetcher.challenges(resource, "protected resource")
    hint = _hint(challenge or "")
    trouble: ProviderUnavailable | None = None
    for url in _documents(resource, hint):
        found = await fetcher.document(url, "metadata of the protected resource")
        if not isinstance(found, Missing):
            return _metadata(found, resource, url, hint.scopes)
        trouble = trouble or found.trouble
    if trouble is not None:
        raise trouble
    msg = "the protected resource publishes no metadata (RFC 9728)"
    raise ProviderMisconfigured(msg, reason="no_metadata")


def _hint(challenge: str) -> _Hint:
    bearer = [found.params for found in parse_challenges(challenge) if found.scheme == "bearer"]
    for params in sorted(bearer, key=lambda params: "resource_metadata" not in params):
        scopes = tuple(dict.fromkeys(params.get("scope", "").split()))
        return _Hint(params.get("resource_metadata") or None, scopes or None)
    return _Hint()


def _documents(resource: str, hint: _Hint) -> Iterator[str]:
    if hint.document is not None:
        yield hint.document
        return
    yield from dict.fromkeys((resource_document(resource), resource_document(origin(resource))))


def _canonical(named: str) -> str | None:
    try:
        return resource_uri(named)
    except ValueError:
        return None


def _metadata(
    members: Mapping[str, object], resource: str, url: str, challenged: tuple[str, ...] | None
) -> ResourceMetadata:
    named = text(members, "resource")
    spoken_for = {resource}
    if url == resource_document(origin(resource)):
        spoken_for.add(origin(resource))
    if named is None or _canonical(named) not in spoken_for:
        msg = "the document is about another resource than the one asked for"
        raise ProviderMisconfigured(msg, reason="resource_mismatch")
    return ResourceMetadata(
        resource=named,
        authorization_servers=_issuers(members, "authorization_servers"),
        scopes_supported=texts(members, "scopes_supported") or (),
        challenged_scopes=challenged,
    )


def _issuers(members: Mapping[str, object], name: str) -> tuple[str, ...]:
    try:
        issuers = tuple(issuer_url(issuer) for issuer in texts(members, name) or ())
    except ValueError:
        issuers = ()
    if not issuers:
        raise invalid(name)
    return issuers
