"""From an issuer identifier to what its authorization server publishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
from aiohttp import ClientSession

from extauth.adapters.discovery.fetching import Allow, Fetcher, Missing, fetching
from extauth.adapters.discovery.metadata import ServerMetadata, server_metadata
from extauth.adapters.discovery.well_known import issuer_url, server_documents
from extauth.adapters.oauth2 import HttpTimeouts, Reach
from extauth.domain.errors import ConfigurationError, ExtAuthError, ProviderMisconfigured, ProviderUnavailable

DEFAULT_TIMEOUTS: Final = HttpTimeouts()

_WELL_KNOWN: Final = "/.well-known/"
_OPTIONAL_ENDPOINTS: Final = (
    "registration_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
    "device_authorization_endpoint",
    "userinfo_endpoint",
)


async def discover(
    issuer: str,
    *,
    session: ClientSession | None = None,
    timeouts: HttpTimeouts = DEFAULT_TIMEOUTS,
    allow: Allow | None = None,
    reach: Reach | None = None,
) -> ServerMetadata:
    """Ask an authorization server what it is like (RFC 8414, OpenID Connect Discovery 1.0).

    The well-known URLs are asked in the order that :func:`~.well_known.server_documents` gives, and the
    first usable document counts. It must name exactly ``issuer``. Where it is an OpenID provider's and
    names no userinfo endpoint, a later document of the same issuer fills in the endpoints that are missing,
    if there is one now. No redirect is followed. ``timeouts`` are for each request; there are at most three.

    Requests go to public addresses only, judged on the address that is connected to, and to those of this
    machine where ``issuer`` names one: ``reach="public"`` is without this exception, for an ``issuer`` that a
    user typed in. ``allow`` is asked of every URL before a request goes there and of every endpoint that is
    named, and returns whether it is one to send requests to. It has the whole say: what it allows may have
    any address, unless ``reach`` says less. The metadata remembers this for the provider that is made of it.

    Through ``session``, which is not closed, or one of its own. A session must be made with
    :func:`~extauth.adapters.oauth2.client_session` and this ``reach``; behind its proxy, which addresses are
    reached is the proxy's to say. A cancelled call leaves nothing behind.

    :raises ValueError: if ``issuer`` is no https URL (http on loopback) without query and fragment,
        or a document's own address, or a session that is not fit.
    :raises ProviderMisconfigured: if no document is usable: ``no_metadata`` (there is none),
        ``issuer_mismatch``, ``invalid_metadata``, ``insecure_url``, ``url_not_allowed``,
        ``address_not_allowed`` or ``document_too_long``.
    :raises ProviderUnavailable: if the server cannot be reached, or may have a document another time.
    """
    if _WELL_KNOWN in issuer_url(issuer):
        msg = "issuer is what the document at this address names so: give it without /.well-known/..."
        raise ValueError(msg)
    async with fetching(session, timeouts, allow, named=issuer, reach=reach) as fetcher:
        return await server_found(fetcher, issuer)


async def server_found(fetcher: Fetcher, issuer: str) -> ServerMetadata:
    """Do what :func:`discover` does, with a fetcher."""
    missing: list[str] = []
    unusable: ConfigurationError | None = None
    trouble: ProviderUnavailable | None = None
    documents = iter(server_documents(issuer).items())
    for url, name in documents:
        try:
            found = await fetcher.document(url, "authorization server")
            if not isinstance(found, Missing):
                metadata = server_metadata(found, issuer, fetcher.usable, reach=fetcher.reach)
                return await _completed(fetcher, metadata, [later for later, _ in documents])
        except ProviderMisconfigured as error:
            unusable = unusable or error
            continue
        trouble = trouble or found.trouble
        missing.append(f"{name}: {found.why}")
    # A document that may come back is worth waiting for; and a wrong one says more than none.
    failures: tuple[ExtAuthError | None, ...] = (trouble, unusable)
    for failure in failures:
        if failure is not None:
            raise failure
    msg = f"the authorization server publishes no metadata ({'; '.join(missing)})"
    raise ProviderMisconfigured(msg, reason="no_metadata")


async def _completed(fetcher: Fetcher, metadata: ServerMetadata, later: Sequence[str]) -> ServerMetadata:
    if not metadata.openid or metadata.userinfo_endpoint is not None:
        return metadata
    for url in later:
        try:
            found = await fetcher.document(url, "authorization server")
            if not isinstance(found, Missing):
                other = server_metadata(found, metadata.issuer, fetcher.usable, reach=fetcher.reach)
                missing = [name for name in _OPTIONAL_ENDPOINTS if getattr(metadata, name) is None]
                return attrs.evolve(metadata, **{name: getattr(other, name) for name in missing})
        except (ProviderMisconfigured, ProviderUnavailable):
            continue  # what was found already is usable as it is
    return metadata
