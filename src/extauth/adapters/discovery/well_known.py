"""Where metadata documents are published (RFC 8414 section 3.1, RFC 9728 section 3.1)."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from extauth.adapters.oauth2.http.endpoint import endpoint_url

_DEFAULT_PORTS = {"http": 80, "https": 443}


def issuer_url(value: str) -> str:
    """Return ``value`` unchanged if it may be an issuer identifier (RFC 8414 section 2).

    :raises ValueError: if it is no https URL (http on loopback), or has user info, a query or a fragment.
    """
    if "?" in endpoint_url(value, "issuer"):
        msg = "issuer must not contain a query (?...); remove it"
        raise ValueError(msg)
    return value


def resource_uri(value: str) -> str:
    """Return the canonical form of a resource's URL (RFC 8707 section 2).

    Scheme and host in lower case, without the scheme's own port, and without the slash of an empty path.

    :raises ValueError: if it is no https URL (http on loopback), or has user info or a fragment.
    """
    parts = urlsplit(endpoint_url(value, "resource"))
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if parts.port is not None and parts.port != _DEFAULT_PORTS[scheme]:
        host = f"{host}:{parts.port}"
    path = "" if parts.path == "/" and not parts.query else parts.path
    return urlunsplit((scheme, host, path, parts.query, ""))


def same_resource(named: str, resource: str) -> bool:
    """Whether a text is a resource's URL, whose canonical form is given, in whatever way it is written."""
    try:
        return resource_uri(named) == resource
    except ValueError:
        return False


def origin(url: str) -> str:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _inserted(url: str, name: str) -> str:
    parts = urlsplit(url)
    path = "" if parts.path == "/" else parts.path
    return urlunsplit((parts.scheme, parts.netloc, f"/.well-known/{name}{path}", parts.query, ""))


def server_documents(issuer: str) -> dict[str, str]:
    """Return where an authorization server may publish its metadata, in the order to look, with a name each.

    The name is inserted between host and path (RFC 8414 section 3.1), for OpenID Connect also appended to the
    path (OpenID Connect Discovery 1.0 section 4). A slash at the end of the issuer is left out first.
    """
    stem = issuer.removesuffix("/")
    found = {
        _inserted(stem, "oauth-authorization-server"): "oauth-authorization-server",
        _inserted(stem, "openid-configuration"): "openid-configuration",
    }
    return found | {f"{stem}/.well-known/openid-configuration": "openid-configuration after the path"}


def resource_document(resource: str) -> str:
    """Return where a resource publishes its metadata (RFC 9728 section 3.1)."""
    return _inserted(resource, "oauth-protected-resource")
