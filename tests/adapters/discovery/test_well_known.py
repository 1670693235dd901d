"""Where documents are looked for."""

from __future__ import annotations

import pytest

from extauth.adapters.discovery import mcp_provider_id
from extauth.adapters.discovery.well_known import (
    issuer_url,
    resource_document,
    resource_uri,
    server_documents,
)


@pytest.mark.parametrize(
    ("issuer", "urls"),
    [
        (
            "https://a.example/tenant",
            [
                "https://a.example/.well-known/oauth-authorization-server/tenant",
                "https://a.example/.well-known/openid-configuration/tenant",
                "https://a.example/tenant/.well-known/openid-configuration",
            ],
        ),
        (
            "https://a.example/t/v2/",
            [
                "https://a.example/.well-known/oauth-authorization-server/t/v2",
                "https://a.example/.well-known/openid-configuration/t/v2",
                "https://a.example/t/v2/.well-known/openid-configuration",
            ],
        ),
        *(
            (
                issuer,
                [
                    "https://a.example:8443/.well-known/oauth-authorization-server",
                    "https://a.example:8443/.well-known/openid-configuration",
                ],
            )
            for issuer in ("https://a.example:8443", "https://a.example:8443/")
        ),
    ],
)
def test_order_of_server_documents(issuer, urls):
    """RFC 8414's place first, then OpenID Connect's, inserted and appended, none twice."""
    assert list(server_documents(issuer)) == urls


@pytest.mark.parametrize(
    ("resource", "document"),
    [
        ("https://m.example", "https://m.example/.well-known/oauth-protected-resource"),
        ("https://m.example/a/mcp", "https://m.example/.well-known/oauth-protected-resource/a/mcp"),
        ("https://m.example/mcp/", "https://m.example/.well-known/oauth-protected-resource/mcp/"),
        ("https://m.example/mcp?t=1", "https://m.example/.well-known/oauth-protected-resource/mcp?t=1"),
    ],
)
def test_place_of_a_resource_document(resource, document):
    """The name is inserted between host and path, and a query is kept (RFC 9728 section 3.1)."""
    assert resource_document(resource) == document


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("HTTPS://MCP.Example.com/MCP", "https://mcp.example.com/MCP"),
        ("https://mcp.example.com/", "https://mcp.example.com"),
        ("https://mcp.example.com:443/mcp/", "https://mcp.example.com/mcp/"),
        ("https://mcp.example.com:8443", "https://mcp.example.com:8443"),
        ("https://[2001:DB8::1]:8443/a%2Fb?q=1", "https://[2001:db8::1]:8443/a%2Fb?q=1"),
        ("http://localhost:80/mcp", "http://localhost/mcp"),
        ("https://mcp.example.com/?q=/", "https://mcp.example.com/?q=/"),
    ],
)
def test_canonical_resource(written, canonical):
    """Scheme and host in lower case, no needless port, no slash for an empty path; a path stays as it is."""
    assert resource_uri(written) == canonical


@pytest.mark.parametrize(
    "url", ["mcp.example.com", "https://m.example#x", "http://m.example", "https://u:p@m.example", ""]
)
def test_refused_resources(url):
    """A resource has a scheme, no fragment, no user info, and secrets may go there."""
    with pytest.raises(ValueError):
        resource_uri(url)


@pytest.mark.parametrize(
    "url", ["https://a.example?x=1", "https://a.example#x", "http://a.example", "a.example"]
)
def test_refused_issuers(url):
    """An issuer is an https URL with neither query nor fragment (RFC 8414 section 2)."""
    with pytest.raises(ValueError):
        issuer_url(url)


def test_default_provider_ids_differ():
    """Servers that differ in host, port, path or query get ids of their own, without a slash."""
    urls = [
        "https://h",
        "https://h:8443",
        "https://h/8443",
        "https://h/a/b",
        "https://h/a~b",
        "https://h/a?b",
        "https://h/a",
    ]
    ids = [mcp_provider_id(url) for url in urls]
    assert ids == ["h", "h:8443", "h~8443", "h~a~b", "h~a%7Eb", "h~a?b", "h~a"]
