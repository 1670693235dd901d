"""From the URL of a protected resource to the authorization servers that give tokens for it (RFC 9728)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, final

import attrs
from aiohttp import ClientSession

from extauth.adapters.discovery.fetching import Allow, Fetcher, Missing, fetching
from extauth.adapters.discovery.members import invalid, text, texts
from extauth.adapters.discovery.servers import DEFAULT_TIMEOUTS
from extauth.adapters.discovery.well_known import (
    issuer_url,
    origin,
    resource_document,
    resource_uri,
    same_resource,
)
from extauth.adapters.oauth2 import HttpTimeouts, Reach
from extauth.domain.challenges import parse_challenges
from extauth.domain.errors import ProviderMisconfigured, ProviderUnavailable
from extauth.domain.outcomes import ADDRESS_NOT_ALLOWED


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


_NOT_ASKED: Final = frozenset({"insecure_url", "url_not_allowed", ADDRESS_NOT_ALLOWED})
"""Of a URL that no request goes to. A server behind a proxy that ends TLS calls its own document http."""


@final
@attrs.frozen
class _Hint:
    """What a 401 says about where to go (RFC 9728 section 5.1)."""

    document: str | None = None
    scopes: tuple[str, ...] | None = None


async def discover_resource(
    resource_url: str,
    *,
    resource: str | None = None,
    challenge: str | None = None,
    session: ClientSession | None = None,
    timeouts: HttpTimeouts = DEFAULT_TIMEOUTS,
    allow: Allow | None = None,
    reach: Reach | None = None,
) -> ResourceMetadata:
    """Find out which authorization servers give tokens for a resource.

    ``challenge`` is the ``WWW-Authenticate`` of a 401 that the application got; without it the resource is
    asked once, by GET and without a token. The document is at the ``resource_metadata`` of a Bearer
    challenge, or else, also where that is gone or none to send requests to, at the well-known URL with the
    resource's path, or else at that of its origin.

    The document must name exactly the resource asked for (RFC 9728 section 3.3): a token for the whole host
    must not go to whoever has a path of it. Other ways of writing the same URL make no difference, such as a
    slash in place of an empty path. Where the document names more, such as the host, and all of that is the
    same owner's, give ``resource``: what it names, on the same host.

    ``session``, ``timeouts``, ``allow`` and ``reach`` are as for :func:`~.servers.discover`, and so is
    cancellation.

    :raises ValueError: if ``resource_url`` is no https URL (http on loopback) without fragment, or
        ``resource`` is on another host.
    :raises ProviderMisconfigured: ``no_metadata``, ``resource_mismatch``, ``invalid_metadata``,
        ``insecure_url``, ``url_not_allowed``, ``address_not_allowed`` or ``document_too_long``.
    :raises ProviderUnavailable: if the resource cannot be reached, or may have a document another time.
    """
    url = resource_uri(resource_url)
    expected = expected_resource(url, resource)
    async with fetching(session, timeouts, allow, named=url, reach=reach) as fetcher:
        return await resource_found(fetcher, url, expected, challenge)


def expected_resource(url: str, resource: str | None) -> str:
    """Return what the document of a URL must name.

    :raises ValueError: if the application says one on another host.
    """
    if resource is None:
        return url
    expected = resource_uri(resource)
    if origin(expected) != origin(url):
        msg = "resource must be on the host of the URL: a token for it would be sent there"
        raise ValueError(msg)
    return expected


async def resource_found(
    fetcher: Fetcher, url: str, expected: str, challenge: str | None, *, otherwise: str | None = None
) -> ResourceMetadata:
    """Do what :func:`discover_resource` does, with a fetcher and canonical URLs.

    ``otherwise`` is the issuer of a resource that has no document.
    """
    if challenge is None:
        challenge = await fetcher.challenges(url, "protected resource")
    hint = _hint(challenge or "")
    trouble: ProviderUnavailable | None = None
    unusable: ProviderMisconfigured | None = None
    for document in _documents(url, expected, hint):
        try:
            found = await fetcher.document(document, "metadata of the protected resource")
        except ProviderMisconfigured as error:
            if error.reason not in _NOT_ASKED:
                raise
            unusable = unusable or error
            continue
        if not isinstance(found, Missing):
            return _metadata(found, expected, hint.scopes)
        trouble = trouble or found.trouble
    if trouble is not None:
        raise trouble
    if otherwise is not None:
        return ResourceMetadata(
            resource=expected, authorization_servers=(otherwise,), challenged_scopes=hint.scopes
        )
    if unusable is not None:
        raise unusable
    msg = "the protected resource publishes no metadata (RFC 9728)"
    raise ProviderMisconfigured(msg, reason="no_metadata")


def _hint(challenge: str) -> _Hint:
    bearer = [found.params for found in parse_challenges(challenge) if found.scheme == "bearer"]
    for params in sorted(bearer, key=lambda params: "resource_metadata" not in params):
        scopes = tuple(dict.fromkeys(params.get("scope", "").split()))
        return _Hint(params.get("resource_metadata") or None, scopes or None)
    return _Hint()


def _documents(url: str, expected: str, hint: _Hint) -> Iterator[str]:
    hinted = [] if hint.document is None else [hint.document]
    yield from dict.fromkeys([*hinted, *(resource_document(each) for each in (url, expected, origin(url)))])


def check_named(named: str | None, expected: str) -> str:
    """Return the resource that a document names, as it is written there.

    :raises ProviderMisconfigured: with ``resource_mismatch`` if it is another one than expected.
    """
    if named is not None and same_resource(named, expected):
        return named
    msg = "the document is about another resource than the one asked for"
    host = origin(expected)
    if named is not None and same_resource(named, host):
        msg += (
            f": about all of {host}. If nobody else has a path there, who would get tokens for all of it,"
            f" give resource={host!r}"
        )
    raise ProviderMisconfigured(msg, reason="resource_mismatch")


def _metadata(
    members: Mapping[str, object], expected: str, challenged: tuple[str, ...] | None
) -> ResourceMetadata:
    named = check_named(text(members, "resource"), expected)
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
