"""Which redirect URIs a provider may use, so that no server's code can be taken to another one. Pure.

A server that a user was led to connect can send the browser on to an honest one, with the state of its own
flow. The honest server's code then comes back as its own, and would be sent to it (mix-up, RFC 9700 section
4.4, and the attacks on integration platforms of draft-ietf-oauth-security-topics-update-03). Neither PKCE nor
a client secret helps. Distinct redirect URIs do, and so does ``iss`` in each answer (RFC 9207).
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import TypeAlias, cast, final
from urllib.parse import quote, unquote, urlsplit

import attrs

from extauth.domain.linking_ports import LinkingProvider
from extauth.domain.one_line import one_line
from extauth.domain.wrong_types import UrlObject
from extauth.services.linking.redirect_uri_form import (
    DEFAULT_PORTS,
    checked_redirect_uri,
    is_loopback,
    own_parameters,
    split_uri,
)

_Uris: TypeAlias = Collection[str] | Collection[UrlObject]
GivenRedirectUris: TypeAlias = _Uris | Mapping[str, str | UrlObject | _Uris]
"""The only redirect URIs of a service, or those of each provider by its id."""


@final
@attrs.frozen
class Server:
    """An authorization server, as far as others could be mixed up with it."""

    name: str
    sends_issuer: bool = False

    def is_rival_of(self, other: Server) -> bool:
        """Whether an answer of the one can pass for one of the other: two servers, of which not both say whom
        their answers are from."""
        return self.name != other.name and not (self.sends_issuer and other.sends_issuer)


def server_of(provider: LinkingProvider) -> Server:
    """Return the authorization server of a provider; one of its own if there is no telling."""
    traits, origin = provider.linking, provider.origin
    name = traits.server or traits.issuer
    if name is None and origin is not None:
        name = urlsplit(origin.token_endpoint).netloc.lower()
    return Server(name or f"the provider {provider.provider_id}", traits.sends_issuer)


def rivals_at(redirect_uri: str, provider_id: str, servers: Mapping[str, Server]) -> list[str]:
    """Return the providers that a provider must not share the redirect URI with, and could; none if it may
    use it.

    It may if nobody is its rival, or if the URI is its server's own: it names one of that server's providers,
    and none of its rivals. So of two rivals at most one may use a URI.
    """
    own = servers[provider_id]
    rivals = {each for each, server in servers.items() if own.is_rival_of(server)}
    named = named_in(redirect_uri, servers)
    if any(servers[each].name == own.name for each in named) and not named & rivals:
        return []
    return sorted(rivals)


def named_in(redirect_uri: str, provider_ids: Iterable[str]) -> set[str]:
    """Return those of the ids that are a whole segment of the URI's path or a value in its query; if there
    are none, those that are a label of its host."""
    ids = set(provider_ids)
    parts = split_uri(redirect_uri)
    values = {value for _, value in own_parameters(redirect_uri)}
    host = (parts.hostname or "").split(".")
    return ids & {*_segments(parts.path), *values} or {each for each in ids if each.lower() in host}


def normalised(redirect_uri: str) -> Hashable:
    """Return what is the same for two redirect URIs that a server or a browser may take for one.

    The port of a loopback URI does not count: an application may have another one each time that it starts
    (RFC 8252 section 7.3).
    """
    parts = split_uri(redirect_uri)
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    port = None if is_loopback(host) or parts.port == DEFAULT_PORTS.get(scheme) else parts.port
    return scheme, host, port, tuple(_segments(parts.path or "/")), frozenset(own_parameters(redirect_uri))


@final
class RedirectUris:
    """What one service accepts.

    :raises ValueError: for URIs that cannot be one, for an id of no provider, and for one URI of providers
        that could be mixed up.
    """

    def __init__(
        self, providers: Mapping[str, LinkingProvider], given: GivenRedirectUris | None = None
    ) -> None:
        self._providers = providers
        self._only: frozenset[str] | None = None
        self._of: dict[str, frozenset[str]] | None = None
        """Each provider's own, where the application says which are."""
        if isinstance(given, str | UrlObject):
            msg = "redirect_uris must be a collection of URIs or a mapping by provider id, not one str"
            raise ValueError(msg)  # noqa: TRY004 - one exception type for every refused value
        if isinstance(given, Mapping):
            by_id = cast("Mapping[str, str | UrlObject | _Uris]", given)
            self._of = {each: _checked(uris) for each, uris in by_id.items()}
            self._check_ids()
            self._check_distinct()
        elif given is not None:
            self._only = _checked(given)

    def check(self, provider_id: str, redirect_uri: str) -> None:
        """Refuse a redirect URI that the provider must not use.

        :raises ValueError: for it; the message says what to do.
        """
        checked_redirect_uri(redirect_uri)
        if self._of is not None:
            if redirect_uri not in self._of.get(provider_id, ()):
                msg = f"redirect_uri is none of those that redirect_uris has for {provider_id!r}"
                raise ValueError(msg)
            return
        if self._only is not None and redirect_uri not in self._only:
            msg = "redirect_uri is none of the redirect_uris that this service was given"
            raise ValueError(msg)
        if rivals := rivals_at(redirect_uri, provider_id, self._servers()):
            raise mixable(redirect_uri, provider_id, rivals)

    def needs_location(self) -> bool:
        """Whether a callback must show which redirect URI it came to: distinct ones alone do not help."""
        servers = self._servers().values()
        return len({each.name for each in servers}) > 1 and not all(each.sends_issuer for each in servers)

    def _servers(self) -> dict[str, Server]:
        return {each: server_of(provider) for each, provider in self._providers.items()}

    def _check_ids(self) -> None:
        if unknown := (self._of or {}).keys() - self._providers.keys():
            names = ", ".join(repr(each) for each in sorted(map(str, unknown)))
            msg = f"redirect_uris is by the providers' ids, and this service has no {names}"
            raise ValueError(msg)

    def _check_distinct(self) -> None:
        servers = self._servers()
        users: dict[Hashable, list[str]] = {}
        for provider_id, uris in (self._of or {}).items():
            for uri in uris:
                others = users.setdefault(normalised(uri), [])
                if rivals := [each for each in others if servers[each].is_rival_of(servers[provider_id])]:
                    raise mixable(uri, provider_id, rivals)
                others.append(provider_id)


def mixable(redirect_uri: str, provider_id: str, rivals: Iterable[str]) -> ValueError:
    """Return the error of a redirect URI that rivals could share."""
    msg = (
        f"{provider_id} cannot share the redirect URI {redirect_uri} with {', '.join(rivals)}: they are at"
        " different authorization servers, and one could get a code of another's (mix-up, RFC 9700 section"
        " 4.4). Give each provider one of its own with its id in the path, such as"
        f" .../callback/{quote(provider_id, safe='~')}, and register exactly that one at the provider; or say"
        f" whose each is with redirect_uris={{{provider_id!r}: '...', ...}}"
    )
    return ValueError(one_line(msg))


def _checked(uris: str | UrlObject | _Uris) -> frozenset[str]:
    return frozenset(map(checked_redirect_uri, [uris] if isinstance(uris, str | UrlObject) else uris))


def _segments(path: str) -> list[str]:
    """Return the segments of a path as a browser asks for it: decoded, and without ``.`` and ``..``."""
    segments: list[str] = []
    for segment in map(unquote, path.split("/")):
        if segment == "..":
            del segments[max(1, len(segments) - 1) :]
        elif segment != ".":
            segments.append(segment)
    return segments
