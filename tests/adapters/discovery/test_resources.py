"""Discovering the authorization servers of a protected resource."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from extauth import ProviderMisconfigured, ProviderUnavailable
from extauth.adapters.discovery import ResourceMetadata, discover_resource

WELL_KNOWN = "/.well-known/oauth-protected-resource"
ISSUER = "https://auth.example"


def challenging(site, path: str, *challenges: str) -> None:
    """Let a path ask for a token, one header line a challenge."""

    async def answer(_: web.Request) -> web.StreamResponse:
        response = web.Response(status=401)
        for challenge in challenges:
            response.headers.add("WWW-Authenticate", challenge)
        return response

    site.pages[path] = answer


def document(resource: str, **members) -> dict[str, object]:
    """Return a good document about a resource."""
    return {"resource": resource, "authorization_servers": [ISSUER], **members}


async def refused(url: str, **options) -> str:
    """Return the reason why nothing was discovered."""
    with pytest.raises(ProviderMisconfigured) as caught:
        await discover_resource(url, **options)
    return caught.value.reason


async def test_by_the_challenge(site):
    """The document that a Bearer challenge points to is read, and the challenge's scopes are kept."""
    url = f"{site.url}/mcp"
    challenging(
        site,
        "/mcp",
        'Basic realm="x"',
        f'Bearer realm="y", Bearer resource_metadata="{site.url}/about", scope="b a b"',
    )
    site.publish(
        "/about", document(url, authorization_servers=[ISSUER, f"{ISSUER}/2"], scopes_supported=["z"])
    )
    assert await discover_resource(url) == ResourceMetadata(
        resource=url,
        authorization_servers=(ISSUER, f"{ISSUER}/2"),
        scopes_supported=("z",),
        challenged_scopes=("b", "a"),
    )
    assert site.asked == ["GET /mcp", "GET /about"]
    assert "Authorization" not in site.headers[0]


async def test_by_a_challenge_that_the_application_got(site):
    """With a challenge at hand the resource is not asked again."""
    site.publish("/about", document(f"{site.url}/mcp"))
    challenge = f'Bearer resource_metadata="{site.url}/about"'
    found = await discover_resource(f"{site.url}/mcp", challenge=challenge)
    assert found.challenged_scopes is None
    assert site.asked == ["GET /about"]


async def test_by_the_well_known_url_with_the_path(site):
    """Without a hint the document is at the well-known URL with the path; a scope still counts."""
    challenging(site, "/mcp", 'Bearer scope="a"')
    site.publish(f"{WELL_KNOWN}/mcp", document(f"{site.url}/mcp"))
    assert (await discover_resource(f"{site.url}/mcp")).challenged_scopes == ("a",)
    assert site.asked == ["GET /mcp", f"GET {WELL_KNOWN}/mcp"]


async def test_by_the_well_known_url_of_the_origin(site):
    """The origin's document is the last resort."""
    site.publish(WELL_KNOWN, document(f"{site.url}/mcp"))
    assert (await discover_resource(f"{site.url}/mcp")).resource == f"{site.url}/mcp"
    assert site.asked == ["GET /mcp", f"GET {WELL_KNOWN}/mcp", f"GET {WELL_KNOWN}"]


@pytest.mark.parametrize("named", ["", "/"])
@pytest.mark.parametrize("hinted", [False, True])
async def test_the_whole_host_is_for_the_application_to_name(site, named, hinted):
    """A token for all of a host goes to the owner of one of its paths only if the application says so."""
    if hinted:
        challenging(site, "/mcp", f'Bearer resource_metadata="{site.url}{WELL_KNOWN}"')
    site.publish(WELL_KNOWN, document(site.url + named))
    with pytest.raises(ProviderMisconfigured, match=f"give resource='{site.url}'") as caught:
        await discover_resource(f"{site.url}/mcp")
    assert caught.value.reason == "resource_mismatch"
    found = await discover_resource(f"{site.url}/mcp", resource=site.url)
    assert found.resource == site.url + named


async def test_another_host_is_never_the_resource(site):
    """Whatever the application says: the token would be sent to the URL."""
    with pytest.raises(ValueError, match="on the host of the URL"):
        await discover_resource(f"{site.url}/mcp", resource="https://other.example")
    assert site.asked == []


@pytest.mark.parametrize(
    "named",
    ["https://good.example", "{url}", "{url}/", "{url}/mcp/", "{url}/MCP", "{url}/other", "mcp", "", None],
)
async def test_another_resource_is_refused(site, named):
    """Whoever owns a path speaks for that path alone: a document of its own about more is refused."""
    challenging(site, "/mcp", f'Bearer resource_metadata="{site.url}/about"')
    site.publish("/about", document(named and named.format(url=site.url)))
    assert await refused(f"{site.url}/mcp") == "resource_mismatch"


@pytest.mark.parametrize(
    "servers",
    [None, [], "https://a.example", [7], ["http://a.example"], ["https://a.example?x=1"], [ISSUER, "x"]],
)
async def test_unusable_authorization_servers(site, servers):
    """Authorization servers are a list of issuer identifiers, at least one."""
    site.publish(WELL_KNOWN, document(site.url, authorization_servers=servers))
    assert await refused(site.url) == "invalid_metadata"


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/about", "file:///etc/passwd", "about", "https://user@a.example/about"]
)
async def test_a_hint_to_somewhere_insecure(site, url):
    """No request goes to a URL that is not https, whatever a challenge says."""
    challenging(site, "/mcp", f'Bearer resource_metadata="{url}"')
    assert await refused(f"{site.url}/mcp") == "insecure_url"
    assert site.asked == ["GET /mcp", f"GET {WELL_KNOWN}/mcp", f"GET {WELL_KNOWN}"]


async def test_a_hint_that_a_proxy_has_made_insecure(site):
    """A server behind one that ends TLS calls its own document http: it is where it has to be."""
    challenging(site, "/mcp", 'Bearer resource_metadata="http://mcp.example/about", scope="a"')
    site.publish(f"{WELL_KNOWN}/mcp", document(f"{site.url}/mcp"))
    found = await discover_resource(f"{site.url}/mcp")
    assert found.challenged_scopes == ("a",)
    assert site.asked == ["GET /mcp", f"GET {WELL_KNOWN}/mcp"]


async def test_other_schemes_are_passed_over(site):
    """Only a Bearer challenge says where the metadata for Bearer tokens is."""
    challenging(site, "/mcp", f'Other resource_metadata="{site.url}/about", scope="a"')
    site.publish("/about", document(f"{site.url}/mcp"))
    site.publish(f"{WELL_KNOWN}/mcp", document(f"{site.url}/mcp"))
    assert (await discover_resource(f"{site.url}/mcp")).challenged_scopes is None
    assert site.asked == ["GET /mcp", f"GET {WELL_KNOWN}/mcp"]


async def test_a_hint_to_nothing(site):
    """A document that is gone from where the challenge says is looked for at the well-known places."""
    challenging(site, "/mcp", f'Bearer resource_metadata="{site.url}/about", scope="a"')
    site.publish(f"{WELL_KNOWN}/mcp", document(f"{site.url}/mcp"))
    assert (await discover_resource(f"{site.url}/mcp")).challenged_scopes == ("a",)
    assert site.asked == ["GET /mcp", "GET /about", f"GET {WELL_KNOWN}/mcp"]


async def test_a_hint_to_another_resources_document(site):
    """What is there counts: a document about something else is no reason to look elsewhere."""
    challenging(site, "/mcp", f'Bearer resource_metadata="{site.url}/about"')
    site.publish("/about", document(f"{site.url}/another"))
    site.publish(f"{WELL_KNOWN}/mcp", document(f"{site.url}/mcp"))
    assert await refused(f"{site.url}/mcp") == "resource_mismatch"


async def test_nothing_is_published(site):
    """A resource without a document is told apart from one that is away."""
    assert await refused(f"{site.url}/mcp") == "no_metadata"
    site.page(WELL_KNOWN, lambda: web.Response(status=503))
    with pytest.raises(ProviderUnavailable):
        await discover_resource(f"{site.url}/mcp")


async def test_a_stream_is_not_read(site):
    """A resource that answers an unauthorized GET with an endless stream does not hold discovery up."""
    never = asyncio.Event()

    async def streams(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await never.wait()
        return response

    site.pages["/mcp"] = streams
    site.publish(f"{WELL_KNOWN}/mcp", document(f"{site.url}/mcp"))
    assert (await discover_resource(f"{site.url}/mcp")).resource == f"{site.url}/mcp"
    never.set()


async def test_the_application_judges_urls(site):
    """``allow`` is asked of the URL in a challenge before a request goes there."""
    challenging(site, "/mcp", f'Bearer resource_metadata="{site.url}/about"')
    allowed = {f"{site.url}/mcp"}
    assert await refused(f"{site.url}/mcp", allow=allowed.__contains__) == "url_not_allowed"
    assert site.asked == ["GET /mcp"]
