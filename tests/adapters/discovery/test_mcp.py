"""From an MCP server's URL to a provider."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from aiohttp import web
from joserfc.jwk import ECKey

from extauth import GrantOrigin, ProviderMisconfigured, ProviderUnavailable, TokenSet
from extauth.adapters.discovery import mcp_provider
from extauth.adapters.oauth2 import PrivateKey, TokenRequests, client_session
from extauth.domain.linking import AuthorizationRequest, ClientRegistration
from extauth.domain.outcomes import Exchanged

DOCUMENT = "https://app.example/oauth/client.json"
CALLBACK = "https://app.example/callback"
NOW = datetime(2030, 1, 1, tzinfo=UTC)
RESOURCE = "/.well-known/oauth-protected-resource"
SERVER = "/.well-known/oauth-authorization-server"


class Registrations:
    """A RegistrationStore in memory, with the port's conditions."""

    def __init__(self) -> None:
        self.kept: dict[str, ClientRegistration] = {}
        self.writes = 0

    async def registration(self, name: str) -> ClientRegistration | None:
        return self.kept.get(name)

    async def keep_registration(
        self, name: str, registration: ClientRegistration, *, instead_of: str | None = None
    ) -> ClientRegistration:
        self.writes += 1
        kept = self.kept.get(name)
        if kept is None or kept.client_id == instead_of:
            self.kept[name] = registration
        return self.kept[name]


@attrs.define
class FixedClock:
    """A wall clock that stands."""

    time: datetime = NOW

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def store():
    """An empty store."""
    return Registrations()


@pytest.fixture
def mcp(site):
    """An MCP server with its authorization server on the same host, which registers anybody."""
    site.publish(f"{RESOURCE}/mcp", {"resource": f"{site.url}/mcp", "authorization_servers": [site.url]})
    publish_server(site)
    register_all(site)
    return f"{site.url}/mcp"


def publish_server(site, **members) -> None:
    """Publish the authorization server's document."""
    registering = {
        "registration_endpoint": f"{site.url}/register",
        "token_endpoint_auth_methods_supported": ["none"],
    }
    site.publish(SERVER, site.server_document(site.url, **registering | members))


def register_all(
    site, gate: asyncio.Event | None = None, arrivals: int = 0, prefix: str = "client", **members
) -> None:
    """Register every client under a new id; with a gate, when that many have asked."""
    clients = 0

    async def register(_: web.Request) -> web.StreamResponse:
        nonlocal clients
        clients += 1
        client_id = f"{prefix}-{clients}"
        if gate is not None:
            if clients >= arrivals:
                gate.set()
            await gate.wait()
        return web.json_response({"client_id": client_id, **members}, status=201)

    site.pages["/register"] = register


def asked_for(site, path: str) -> int:
    """Return how often a path was asked for."""
    return sum(line.split()[1] == path for line in site.asked)


async def connected(url, store, **options):
    """Call mcp_provider with little to say."""
    return await mcp_provider(
        url,
        **{"redirect_uri": CALLBACK, "store": store, "client_name": "App", "clock": FixedClock(), **options},
    )


def authorization(provider) -> dict[str, list[str]]:
    """Return the query of an authorization request."""
    request = AuthorizationRequest(redirect_uri=CALLBACK, state="st", code_challenge="ch")
    return parse_qs(urlsplit(provider.authorization_url(request)).query)


async def refused(url, store, **options) -> str:
    """Return the reason why there is no provider."""
    with pytest.raises(ProviderMisconfigured) as caught:
        await connected(url, store, **options)
    return caught.value.reason


async def test_one_call(site, mcp, store):
    """An unknown server becomes a provider with a client of its own."""
    provider = await connected(mcp, store)
    host = urlsplit(site.url).netloc
    assert (provider.provider_id, provider.client_id) == (f"{host}~mcp", "client-1")
    assert provider.linking.pkce
    assert provider.linking.issuer == site.url
    assert list(store.kept) == [f"{site.url} {CALLBACK} {mcp}"]


async def test_every_request_names_the_resource(site, mcp, store):
    """Authorization, code exchange and refresh say which server the token is for (RFC 8707)."""
    provider = await connected(mcp, store)
    assert authorization(provider)["resource"] == [mcp]
    site.publish("/token", {"access_token": "a", "token_type": "Bearer"})
    assert isinstance(
        await provider.exchange_code("code", redirect_uri=CALLBACK, code_verifier="v"), Exchanged
    )
    assert isinstance(await provider.refresh(TokenSet("a", "r")), Exchanged)
    forms = [parse_qs(body.decode()) for body in site.bodies[-2:]]
    assert [form["grant_type"] for form in forms] == [["authorization_code"], ["refresh_token"]]
    assert [form["resource"] for form in forms] == [[mcp], [mcp]]


REFERENCE_SDK = ["client_secret_post", "client_secret_basic"]
OTHERS = ["client_secret_basic", "client_secret_post", "none", "private_key_jwt"]


@pytest.mark.parametrize(
    ("expected", "listed", "requests"),
    [
        ("c", REFERENCE_SDK, {}),
        (None, OTHERS, {}),
        (None, ["client_secret_basic"], {}),
        (None, ["none", "client_secret_basic"], {}),
        (None, REFERENCE_SDK, {"requests": TokenRequests()}),
        ("c", OTHERS, {"requests": TokenRequests(names_client=True)}),
    ],
)
async def test_what_stands_beside_http_basic(site, mcp, store, *, expected, listed, requests):
    """The client's id, with an empty secret where a token is revoked, at servers like those made with the
    reference SDK; nothing at others, unless the application has rules of its own."""
    publish_server(
        site,
        token_endpoint_auth_methods_supported=listed,
        revocation_endpoint=f"{site.url}/revoke",
    )
    site.publish("/token", {"access_token": "at", "refresh_token": "rt"})
    site.publish("/revoke", {})
    client = {"client_id": "c", "client_secret": "s", "client_auth": "client_secret_basic"}
    provider = await connected(mcp, store, **client, **requests)
    before = len(site.bodies)

    await provider.exchange_code("code", redirect_uri=CALLBACK)
    await provider.refresh(TokenSet("at", refresh_token="rt"))
    assert await provider.revoke(TokenSet("at", refresh_token="rt"))

    assert all(fields["Authorization"].startswith("Basic ") for fields in site.headers[before:])
    sent = [parse_qs(body.decode(), keep_blank_values=True) for body in site.bodies[before:]]
    assert [fields.get("client_id", [None])[0] for fields in sent] == [expected] * 4
    secret = None if expected is None else ""
    assert [fields.get("client_secret", [None])[0] for fields in sent] == [None, None, secret, secret]


@pytest.mark.parametrize(("listed", "expected"), [(REFERENCE_SDK, "c"), (OTHERS, None)])
async def test_a_revocation_that_takes_http_basic_alone(site, mcp, store, listed, expected):
    """A client that sends its secret in the body elsewhere sends both there only where the SDK would."""
    publish_server(
        site,
        token_endpoint_auth_methods_supported=listed,
        revocation_endpoint=f"{site.url}/revoke",
        revocation_endpoint_auth_methods_supported=["client_secret_basic"],
    )
    site.publish("/revoke", {})
    provider = await connected(mcp, store, client_id="c", client_secret="s", client_auth="client_secret_post")

    assert await provider.revoke(TokenSet("at", refresh_token="rt"))

    assert all(fields["Authorization"].startswith("Basic ") for fields in site.headers[-2:])
    sent = [parse_qs(body.decode(), keep_blank_values=True) for body in site.bodies[-2:]]
    assert [fields.get("client_id", [None])[0] for fields in sent] == [expected] * 2


@pytest.mark.parametrize("listed", [REFERENCE_SDK, OTHERS, ["none"]])
async def test_a_public_client_revokes_with_an_empty_secret(site, mcp, store, listed):
    """Whatever ways the server lists: the reference SDK wants the field, and others pass over it."""
    publish_server(
        site,
        token_endpoint_auth_methods_supported=listed,
        revocation_endpoint=f"{site.url}/revoke",
    )
    site.publish("/revoke", {})
    provider = await connected(mcp, store, client_id="c", client_auth="none")

    assert await provider.revoke(TokenSet("at", refresh_token="rt"))

    sent = [parse_qs(body.decode(), keep_blank_values=True) for body in site.bodies[-2:]]
    assert [(fields["client_id"], fields["client_secret"]) for fields in sent] == [(["c"], [""])] * 2


async def test_rules_of_the_application_are_kept(site, mcp, store):
    """Rules that the application gives are used, with the resource added."""
    from extauth.adapters.oauth2.token.authorization_request import AuthorizationRules

    provider = await connected(
        mcp,
        store,
        provider_id="wiki",
        authorization=AuthorizationRules(params={"prompt": "consent"}, pkce="off"),
        requests=TokenRequests(refresh_params={"x": "y"}),
    )
    query = authorization(provider)
    assert (provider.provider_id, provider.linking.pkce) == ("wiki", True)
    assert (query["prompt"], query["resource"]) == (["consent"], [mcp])
    site.publish("/token", {"access_token": "a", "token_type": "Bearer"})
    await provider.refresh(TokenSet("a", "r"))
    form = parse_qs(site.bodies[-1].decode())
    assert (form["x"], form["resource"]) == (["y"], [mcp])


async def test_a_restart_finds_the_client_again(site, mcp, store):
    """A client is registered once for an issuer and redirect URI, and is only read from then on, as long as
    what is wanted is no more than it was registered for."""
    first = await connected(mcp, store, scopes=["some", "more"])
    again = await connected(mcp, store, scopes=["more"])
    assert store.writes == 1
    other = await connected(mcp, store, redirect_uri="https://other.example/cb")
    assert [p.client_id for p in (first, again, other)] == ["client-1", "client-1", "client-2"]
    assert asked_for(site, "/register") == 2


async def test_replicas_end_with_the_same_client(site, mcp, store):
    """Replicas that register at the same moment go on with one client, the one that is kept."""
    register_all(site, asyncio.Event(), arrivals=3)
    providers = await asyncio.gather(*(connected(mcp, store) for _ in range(3)))
    assert asked_for(site, "/register") == 3
    (kept,) = store.kept.values()
    assert {provider.client_id for provider in providers} == {kept.client_id}


async def test_an_expired_secret_is_replaced(site, mcp, store):
    """A client is used until its secret expires, then replaced; replicas agree on the new one, too."""
    publish_server(site, token_endpoint_auth_methods_supported=["client_secret_post"])
    expires_at = int((NOW + timedelta(hours=1)).timestamp())
    register_all(site, client_secret="s", client_secret_expires_at=expires_at)
    await connected(mcp, store)
    before = await connected(mcp, store, clock=FixedClock(NOW + timedelta(minutes=59)))
    assert (before.client_id, asked_for(site, "/register")) == ("client-1", 1)
    register_all(site, asyncio.Event(), arrivals=2, prefix="later", client_secret="t")
    later = FixedClock(NOW + timedelta(hours=1))
    after = await asyncio.gather(*(connected(mcp, store, clock=later) for _ in range(2)))
    former, kept = sorted(store.kept.values(), key=lambda each: each.client_id)
    assert (former.client_id, former.client_secret) == ("client-1", "s")
    assert kept.client_id in {"later-1", "later-2"}
    assert {provider.client_id for provider in after} == {kept.client_id}
    assert kept.client_secret == "t"


async def test_a_client_authenticates_as_it_was_registered(site, mcp, store):
    """The way that the registration came back with is used, whatever else the server has, through the
    application's session."""
    publish_server(site, token_endpoint_auth_methods_supported=["client_secret_post", "client_secret_basic"])
    register_all(site, client_secret="s", token_endpoint_auth_method="client_secret_basic")
    site.publish("/token", {"access_token": "a", "token_type": "Bearer"})
    async with client_session(reach="loopback", headers={"X-Ours": "yes"}) as session:
        provider = await connected(mcp, store, session=session)
        await provider.refresh(TokenSet("a", "r"))
    assert "client_secret" not in parse_qs(site.bodies[-1].decode())
    assert b64decode(site.headers[-1]["Authorization"].removeprefix("Basic ")) == b"client-1:s"
    assert {headers.get("X-Ours") for headers in site.headers} == {"yes"}


async def test_one_str_as_scopes(site, mcp, store):
    """One str instead of a collection is refused before anything is sent."""
    with pytest.raises(ValueError, match="collection"):
        await connected(mcp, store, scopes="read")
    assert site.asked == []


async def test_a_client_that_was_registered_by_hand(site, mcp, store):
    """A client id that is given is used; nothing is registered or kept."""
    publish_server(site, registration_endpoint=None, token_endpoint_auth_methods_supported=None)
    provider = await connected(mcp, store, client_id="ours", client_secret="s", issuer=site.url)
    assert (provider.client_id, store.kept) == ("ours", {})
    with pytest.raises(ValueError, match="client_id"):
        await connected(mcp, store, client_secret="s")


async def test_no_way_to_a_client(site, mcp, store):
    """Without registration and without a client id there is no provider."""
    publish_server(site, registration_endpoint=None)
    assert await refused(mcp, store) == "registration_unsupported"


@pytest.mark.parametrize("methods", [None, [], ["plain"]])
async def test_pkce_is_demanded(site, mcp, store, methods):
    """A server that does not say that it has S256 is refused before anything is registered."""
    publish_server(site, code_challenge_methods_supported=methods)
    assert await refused(mcp, store) == "pkce_unsupported"
    assert asked_for(site, "/register") == 0


async def test_requests_that_must_be_pushed(site, mcp, store):
    """So is one that takes authorization requests in no other way (RFC 9126)."""
    publish_server(site, require_pushed_authorization_requests=True)
    assert await refused(mcp, store) == "pushed_requests_only"
    assert asked_for(site, "/register") == 0


async def test_an_authorization_endpoint_is_demanded(site, mcp, store):
    """A server that users cannot be sent to is refused before anything is registered."""
    publish_server(site, authorization_endpoint=None)
    assert await refused(mcp, store) == "invalid_metadata"
    assert asked_for(site, "/register") == 0


@pytest.mark.parametrize(
    ("published", "asked"),
    [
        (('Bearer scope="c"', ["l"], []), (None, "c")),
        (("Bearer", ["l", "m"], []), (None, "l m")),
        (("Bearer", ["l"], ["offline_access"]), (None, "l offline_access")),
        (("Bearer", None, []), (None, None)),
        (('Bearer scope="c"', ["l"], ["offline_access"]), (["g"], "g")),
        (('Bearer scope="c"', ["l"], ["offline_access"]), ([], None)),
    ],
)
async def test_scopes(site, mcp, store, published, asked):
    """The application's scopes, or the challenge's, or those that are listed, in this order; and a
    scope for refresh tokens where there is one."""
    (challenge, listed, offered), (given, wanted) = published, asked
    resource = {"resource": mcp, "authorization_servers": [site.url], "scopes_supported": listed}
    site.publish(f"{RESOURCE}/mcp", resource)
    publish_server(site, scopes_supported=offered)
    provider = await connected(mcp, store, scopes=given, challenge=challenge)
    assert authorization(provider).get("scope") == (wanted and [wanted])


async def test_the_resource_is_named_as_it_names_itself(site, mcp, store):
    """A server whose host publishes for all its paths gets the host if the application says so."""
    del site.pages[f"{RESOURCE}/mcp"]
    site.publish(RESOURCE, {"resource": f"{site.url}/", "authorization_servers": [site.url]})
    with pytest.raises(ProviderMisconfigured, match=f"give resource='{site.url}'"):
        await connected(mcp, store)
    provider = await connected(mcp, store, resource=site.url)
    assert authorization(provider)["resource"] == [f"{site.url}/"]
    assert provider.origin.resource == site.url


async def test_a_grant_belongs_to_the_server(site, mcp, store):
    """The origin of its links names the MCP server, in canonical form."""
    provider = await connected(mcp, store)
    assert provider.origin == GrantOrigin("client-1", f"{site.url}/token", mcp)


@pytest.mark.parametrize("listed", [[], ["{url}/other", "x"], ["{url}/mcp/"], ["https://other.example/mcp"]])
async def test_a_server_that_is_not_listed(site, mcp, store, listed):
    """An authorization server that lists its resources must list this one (RFC 9728 section 4)."""
    publish_server(site, protected_resources=[each.format(url=site.url) for each in listed])
    assert await refused(mcp, store) == "resource_not_listed"
    assert asked_for(site, "/register") == 0
    assert (await connected(mcp, store, unlisted=True)).client_id == "client-1"


async def test_a_server_that_is_listed(site, mcp, store):
    """However the URL is written."""
    publish_server(site, protected_resources=["https://other.example", mcp.replace("http:", "HTTP:")])
    assert (await connected(mcp, store)).client_id == "client-1"


async def test_each_server_has_a_client_of_its_own(site, mcp, store):
    """Also at the same authorization server: what a user consented to for one is asked again for another."""
    site.publish(f"{RESOURCE}/b", {"resource": f"{site.url}/b", "authorization_servers": [site.url]})
    found = [(await connected(url, store)).client_id for url in (mcp, f"{site.url}/b", mcp)]
    assert found == ["client-1", "client-2", "client-1"]


async def test_a_client_that_servers_shared_is_kept(site, mcp, store):
    """Links made before each server had a client of its own go on with the client that they belong to."""
    shared = ClientRegistration(issuer=site.url, client_id="shared", redirect_uris=(CALLBACK,))
    store.kept[f"{site.url} {CALLBACK} {mcp}"] = shared
    found = [(await connected(mcp, store)).client_id for _ in range(2)]
    assert found == ["shared", "shared"]
    assert store.kept[f"{site.url} {CALLBACK} {mcp}"] == shared
    assert asked_for(site, "/register") == 0


@pytest.mark.parametrize(("listed", "published"), [("/", ""), ("", "/"), ("/", "/")])
async def test_a_slash_at_the_end_of_an_issuer(site, mcp, store, listed, published):
    """An issuer without a path may be listed with a slash or without; its document decides."""
    site.publish(f"{RESOURCE}/mcp", {"resource": mcp, "authorization_servers": [site.url + listed]})
    publish_server(site, issuer=site.url + published)
    provider = await connected(mcp, store)
    assert provider.linking.issuer == site.url + published
    assert list(store.kept) == [f"{site.url}{published} {CALLBACK} {mcp}"]


async def test_another_issuer_is_refused(site, mcp, store):
    """An authorization server that names itself otherwise is refused, and nothing is registered."""
    publish_server(site, issuer="https://evil.example")
    assert await refused(mcp, store) == "issuer_mismatch"
    assert asked_for(site, "/register") == 0


async def test_an_issuer_with_a_path_is_not_its_origin(site, mcp, store):
    """When a tenant's document is another's, the origin's is no way out."""
    tenant = f"{site.url}/tenant"
    site.publish(f"{RESOURCE}/mcp", {"resource": mcp, "authorization_servers": [tenant]})
    site.publish(f"{SERVER}/tenant", site.server_document(site.url))
    assert await refused(mcp, store) == "issuer_mismatch"
    assert asked_for(site, SERVER) == 0


async def test_a_chosen_issuer(site, mcp, store):
    """An application can choose one of several issuers, and no other."""
    site.publish(
        f"{RESOURCE}/mcp", {"resource": mcp, "authorization_servers": ["https://first.example", site.url]}
    )
    assert (await connected(mcp, store, issuer=site.url)).linking.issuer == site.url
    assert await refused(mcp, store, issuer="https://third.example") == "issuer_mismatch"


def without_a_stream(site, challenge: str | None) -> None:
    """Answer GET with 405, whoever asks, and a message with a 401 of that challenge, or with success."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=405)
        if challenge is None:
            return web.json_response({"jsonrpc": "2.0", "id": 1, "result": {}})
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    site.pages["/mcp"] = answer


async def test_a_server_that_challenges_messages_alone(site, mcp, store):
    """One without a stream does not say by GET where its document is; a client's first message asks it."""
    site.publish("/about", {"resource": mcp, "authorization_servers": [site.url]})
    del site.pages[f"{RESOURCE}/mcp"]
    without_a_stream(site, f'Bearer resource_metadata="{site.url}/about", scope="b"')
    provider = await connected(mcp, store)
    assert provider.scopes == ("b",)
    [message] = [json.loads(body) for body in site.bodies if b"jsonrpc" in body]
    assert (message["method"], message["params"]["clientInfo"]["name"]) == ("initialize", "extauth")


async def test_no_message_where_the_document_is_where_it_has_to_be(site, mcp, store):
    """What is published at the well-known URL is read, and nothing is sent."""
    without_a_stream(site, 'Bearer resource_metadata="https://other.example/about"')
    assert (await connected(mcp, store)).client_id == "client-1"
    assert "POST /mcp" not in site.asked


@pytest.mark.parametrize("challenge", [None, "Bearer"])
async def test_a_server_that_does_not_say_by_a_message_either(site, mcp, store, challenge):
    """It publishes nothing, or needs no token."""
    del site.pages[f"{RESOURCE}/mcp"]
    without_a_stream(site, challenge)
    assert await refused(mcp, store) == "no_metadata"


async def test_a_server_that_publishes_nothing(site, mcp, store):
    """Its authorization server is the one that the application says; nobody guesses it of a path."""
    del site.pages[f"{RESOURCE}/mcp"]
    assert await refused(mcp, store) == "no_metadata"
    provider = await connected(mcp, store, issuer=site.url)
    assert (provider.linking.issuer, authorization(provider)["resource"]) == (site.url, [mcp])


async def test_a_whole_host_that_publishes_nothing(site, mcp, store):
    """It is its own authorization server, as before the revision of 2025-06-18."""
    del site.pages[f"{RESOURCE}/mcp"]
    provider = await connected(site.url, store)
    assert (provider.linking.issuer, authorization(provider)["resource"]) == (site.url, [site.url])


@pytest.mark.parametrize(
    ("options", "registered"),
    [
        ({}, "admin read write"),
        ({"scopes": ["read"]}, "admin read write"),
        ({"scopes": ["read"], "may_ask": ["write"]}, "read write"),
        ({"scopes": ["read"], "may_ask": []}, "read"),
    ],
)
async def test_a_client_is_registered_for_all_that_it_may_ask_for(site, mcp, store, options, registered):
    """More than it asks of users at first: one that was not registered for a scope never gets it."""
    site.publish(
        f"{RESOURCE}/mcp",
        {
            "resource": mcp,
            "authorization_servers": [site.url],
            "scopes_supported": ["read", "write", "admin"],
        },
    )
    await connected(mcp, store, **options)
    assert json.loads(site.bodies[-1])["scope"] == registered


async def test_a_client_that_the_server_forgot(site, mcp, store):
    """Another one takes its place, once for all replicas; and nothing does that is not the forgotten one."""
    first = (await connected(mcp, store)).client_id
    assert (await connected(mcp, store, forget="another")).client_id == first
    replicas = await asyncio.gather(*(connected(mcp, store, forget=first) for _ in range(3)))
    assert {replica.client_id for replica in replicas} == {(await connected(mcp, store)).client_id} != {first}
    registered = asked_for(site, "/register")
    assert (await connected(mcp, store, forget=first)).client_id != first
    assert asked_for(site, "/register") == registered


async def test_a_client_with_a_document(site, mcp, store):
    """Where the server takes such ids the document's URL is the id, and nothing is registered."""
    publish_server(site, client_id_metadata_document_supported=True)
    provider = await connected(mcp, store, client_document_url=DOCUMENT)
    assert authorization(provider)["client_id"] == [DOCUMENT]
    assert (asked_for(site, "/register"), store.kept) == (0, {})


async def test_a_server_that_takes_no_document(site, mcp, store):
    """The client is registered there, as if it had none; one that was registered by hand goes before both."""
    assert (await connected(mcp, store, client_document_url=DOCUMENT)).client_id == "client-1"
    publish_server(site, client_id_metadata_document_supported=True)
    by_hand = await connected(mcp, store, client_document_url=DOCUMENT, client_id="by-hand")
    assert by_hand.client_id == "by-hand"


async def test_the_key_of_a_document_that_is_not_taken(site, mcp, store):
    """It is the document's: a client that registered itself proves itself otherwise."""
    key = PrivateKey(ECKey.generate_key("P-256").as_pem(private=True).decode(), algorithm="ES256")
    given = {"client_document_url": DOCUMENT, "client_key": key}
    assert (await connected(mcp, store, **given)).client_id == "client-1"
    publish_server(site, client_id_metadata_document_supported=True)
    assert (await connected(mcp, store, **given)).client_id == DOCUMENT


async def test_what_is_no_client_document(site, mcp, store):
    """Said before anything is asked."""
    with pytest.raises(ValueError, match="URL of a client document"):
        await connected(mcp, store, client_document_url="http://app.example/client.json")
    assert site.asked == []


async def test_servers_that_are_away(site, mcp, store):
    """A server that is away leaves nothing behind, and another call finds it again."""
    site.page(SERVER, lambda: web.Response(status=503))
    with pytest.raises(ProviderUnavailable):
        await connected(mcp, store)
    assert store.kept == {}
    publish_server(site)
    assert (await connected(mcp, store)).client_id == "client-1"


async def test_the_application_judges_urls(site, mcp, store):
    """``allow`` is asked about everything: resource, authorization server and registration endpoint."""
    seen: list[str] = []

    def allow(url: str) -> bool:
        seen.append(url)
        return True

    await connected(mcp, store, allow=allow)
    paths = ("/mcp", f"{RESOURCE}/mcp", SERVER, "/token", "/authorize", "/register")
    assert {site.url + path for path in paths} <= set(seen)
    assert await refused(mcp, store, allow=lambda url: not url.endswith("/register")) == "url_not_allowed"


@pytest.mark.parametrize(("expires_at", "registrations"), [(1_000_000_000, 2), (32_503_680_000, 1)])
async def test_expiry_is_by_the_wall_clock(site, mcp, store, expires_at, registrations):
    """Unless a clock is given, the system's says whether a secret has expired."""
    publish_server(site, token_endpoint_auth_methods_supported=["client_secret_post"])
    register_all(site, client_secret="s", client_secret_expires_at=expires_at)
    for _ in range(2):
        await mcp_provider(mcp, redirect_uri=CALLBACK, store=store, client_name="App")
    assert asked_for(site, "/register") == registrations
