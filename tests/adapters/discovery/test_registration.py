"""Registering a client."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime

import attrs
import pytest
from aiohttp import web

from extauth import ProviderMisconfigured, ProviderUnavailable
from extauth.adapters.discovery import ServerMetadata, register_client
from extauth.adapters.discovery.fetching import Answer
from extauth.domain.linking import ClientRegistration

CALLBACK = "https://app.example/callback"


@pytest.fixture
def metadata(site):
    """A server that registers public clients."""
    return ServerMetadata(
        issuer=site.url,
        token_endpoint=f"{site.url}/token",
        registration_endpoint=f"{site.url}/register",
        client_auth_methods=("client_secret_post", "none"),
    )


async def registered(metadata, **options) -> ClientRegistration:
    """Register a client with little to say."""
    return await register_client(metadata, **{"redirect_uris": [CALLBACK], "client_name": "App", **options})


async def refused(metadata, **options) -> ProviderMisconfigured:
    """Return why no client was registered."""
    with pytest.raises(ProviderMisconfigured) as caught:
        await registered(metadata, **options)
    return caught.value


async def test_a_public_client(site, metadata):
    """The request says what the client is, once; what comes back is what is used."""
    site.publish("/register", {"client_id": "c1", "token_endpoint_auth_method": "none"}, status=201)
    assert await registered(metadata, scopes={"b", "a"}) == ClientRegistration(
        issuer=site.url, client_id="c1", client_auth="none", redirect_uris=(CALLBACK,)
    )
    assert site.asked == ["POST /register"]
    assert site.headers[0]["Content-Type"] == "application/json"
    assert "Authorization" not in site.headers[0]
    assert json.loads(site.bodies[0]) == {
        "client_name": "App",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "application_type": "web",
        "scope": "a b",
    }


@pytest.mark.parametrize(
    ("supported", "asked"),
    [
        (("client_secret_basic",), "client_secret_basic"),
        (("client_secret_post", "client_secret_basic"), "client_secret_post"),
        (("client_secret_basic", "client_secret_post"), "client_secret_post"),
        (("private_key_jwt", "client_secret_post"), "client_secret_post"),
        (("client_secret_basic", "none"), "none"),
    ],
)
async def test_the_way_of_authenticating(site, metadata, supported, asked):
    """A public client where those are supported, else a secret in the body, else Basic."""
    site.publish("/register", {"client_id": "c", "client_secret": "s", "token_endpoint_auth_method": asked})
    found = await registered(attrs.evolve(metadata, client_auth_methods=supported))
    assert json.loads(site.bodies[0])["token_endpoint_auth_method"] == found.client_auth == asked
    assert found.client_secret == (None if asked == "none" else "s")


async def test_no_way_of_authenticating(site, metadata):
    """A server that takes clients with keys only is told of before anything is sent."""
    error = await refused(attrs.evolve(metadata, client_auth_methods=("private_key_jwt",)))
    assert error.reason == "client_auth_unsupported"
    assert site.asked == []


async def test_a_server_may_choose_otherwise(site, metadata):
    """A secret that was not asked for is used as the server says, and so is its end."""
    site.publish(
        "/register",
        {
            "client_id": "c",
            "client_secret": "hush",
            "client_secret_expires_at": 1893456000,
            "token_endpoint_auth_method": "client_secret_post",
            "redirect_uris": ["https://other.example", CALLBACK],
            "registration_client_uri": f"{site.url}/register/c",
            "registration_access_token": "hush too",
        },
    )
    found = await registered(metadata)
    assert found == ClientRegistration(
        issuer=site.url,
        client_id="c",
        client_secret="hush",
        client_secret_expires_at=datetime(2030, 1, 1, tzinfo=UTC),
        client_auth="client_secret_post",
        redirect_uris=(CALLBACK,),
        registration_uri=f"{site.url}/register/c",
        registration_token="hush too",
    )
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("answer", "client_auth"),
    [
        ({"client_id": "c"}, "none"),
        ({"client_id": "c", "client_secret": ""}, "none"),
        ({"client_id": "c", "client_secret": "s"}, "client_secret_basic"),
    ],
)
async def test_a_server_that_does_not_say_how(site, metadata, answer, client_auth):
    """A client whose method is left out has the default one if it was given a secret."""
    site.publish("/register", answer)
    assert (await registered(metadata)).client_auth == client_auth


@pytest.mark.parametrize("value", [0, None, 10**18])
async def test_a_secret_that_never_expires(site, metadata, value):
    """0 is never, and so is an end beyond all dates."""
    site.publish("/register", {"client_id": "c", "client_secret": "s", "client_secret_expires_at": value})
    assert (await registered(metadata)).client_secret_expires_at is None


async def test_a_fault_in_another_member_loses_no_registration(site, metadata):
    """The client exists by then, and its secret is shown this once."""
    answer = b'{"client_id": "c", "client_secret": "s", "client_name": "Ren\xe9"}'
    site.page("/register", lambda: web.Response(body=answer, status=201, headers={"Link": "a" * 60_000}))
    assert (await registered(metadata)).client_secret == "s"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"client_id": 7}, "invalid_metadata"),
        ({"client_id": ""}, "invalid_metadata"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "invalid_metadata"),
        ({"client_secret": "s", "client_secret_expires_at": "soon"}, "invalid_metadata"),
        ({"client_secret": "s", "client_secret_expires_at": True}, "invalid_metadata"),
        ({"client_secret": "s", "client_secret_expires_at": -1}, "invalid_metadata"),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "client_auth_unsupported"),
        ({"token_endpoint_auth_method": "private_key_jwt", "client_secret": "s"}, "client_auth_unsupported"),
        ({"redirect_uris": ["https://other.example"]}, "invalid_redirect_uri"),
    ],
)
async def test_unusable_answers(site, metadata, members, reason):
    """A registration that could not work is refused rather than kept."""
    site.publish("/register", {"client_id": "c", **members}, status=201)
    assert (await refused(metadata)).reason == reason


async def test_an_insecure_management_url_is_dropped(site, metadata):
    """A registration is not managed where its token would be sent in the clear."""
    members = {"registration_client_uri": "http://a.example", "registration_access_token": "t"}
    site.publish("/register", {"client_id": "c", **members})
    found = await registered(metadata)
    assert (found.registration_uri, found.registration_token) == (None, None)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, {"error": "invalid_redirect_uri"}, "invalid_redirect_uri"),
        (400, {"error": "invalid_client_metadata", "error_description": "text"}, "invalid_client_metadata"),
        (400, {"error": "unapproved_software_statement"}, "unapproved_software_statement"),
        (400, {"error": "text of the provider"}, "registration_failed"),
        (401, {"error": "invalid_token"}, "registration_not_allowed"),
        (403, "<html>", "registration_not_allowed"),
        (404, "", "registration_failed"),
        (201, "<html>", "registration_failed"),
        (302, "", "registration_failed"),
        (400, {"client_id": "c"}, "registration_failed"),
    ],
)
async def test_refusals(site, metadata, status, body, reason):
    """Each refusal has a stable reason, and the provider's own words go nowhere."""
    site.publish("/register", body, status=status)
    error = await refused(metadata)
    assert error.reason == reason
    assert repr(error.reason) == repr(reason)
    assert "text" not in str(error)
    assert len(site.asked) == 1


async def test_no_registration_endpoint(metadata):
    """A server that registers nobody is told of, with what to do."""
    error = await refused(attrs.evolve(metadata, registration_endpoint=None))
    assert error.reason == "registration_unsupported"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_trouble_passes(site, metadata, status):
    """A server that has trouble of its own may register the client another time; it is asked once."""
    site.publish("/register", {"error": "invalid_redirect_uri"}, status=status)
    with pytest.raises(ProviderUnavailable):
        await registered(metadata)
    assert len(site.asked) == 1


async def test_a_lost_answer_is_not_asked_for_again(site, metadata):
    """A request whose answer is lost is not sent a second time."""

    async def breaks(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    site.pages["/register"] = breaks
    with pytest.raises(ProviderUnavailable):
        await registered(metadata)
    assert len(site.asked) == 1


async def test_an_initial_access_token(site, metadata):
    """The token that lets this client register goes into the header, and what else is known into the body."""
    site.publish("/register", {"client_id": "c"})
    await registered(
        metadata,
        initial_access_token="let-me",
        client_uri="https://app.example",
        software_id="app",
        software_version="1",
        software_statement="signed",
    )
    assert site.headers[0]["Authorization"] == "Bearer let-me"
    sent = json.loads(site.bodies[0])
    assert (sent["client_uri"], sent["software_id"]) == ("https://app.example", "app")
    assert (sent["software_version"], sent["software_statement"]) == ("1", "signed")


@pytest.mark.parametrize("uri", ["http://localhost:3000/cb", "http://127.0.0.1/cb", "com.example.app:/cb"])
async def test_a_native_application(site, metadata, uri):
    """A callback that is not https makes a native application, for servers that tell them apart."""
    site.publish("/register", {"client_id": "c"})
    await registered(metadata, redirect_uris=[uri])
    assert json.loads(site.bodies[0])["application_type"] == "native"


@pytest.mark.parametrize(
    "options",
    [
        {"redirect_uris": []},
        {"redirect_uris": CALLBACK},
        {"redirect_uris": ["/cb"]},
        {"client_name": ""},
        {"scopes": "a"},
    ],
)
async def test_bad_arguments(site, metadata, options):
    """What no server can accept is refused before anything is sent."""
    with pytest.raises(ValueError):
        await registered(metadata, **options)
    assert site.asked == []


async def test_what_is_registered_can_be_read(site, metadata):
    """The client's id and its way of authenticating are no secrets; its secret is one."""
    site.publish(
        "/register",
        {"client_id": "c-1", "client_secret": "find-me", "token_endpoint_auth_method": "client_secret_post"},
        status=201,
    )
    shown = repr(await registered(metadata))
    assert "'c-1'" in shown
    assert "'client_secret_post'" in shown
    assert "find-me" not in shown


def test_an_answer_shows_no_secret():
    """The registered client's secret and token stay out of its repr, and so out of tracebacks with values."""
    members: dict[str, object] = {"client_secret": "find-me", "registration_access_token": "find-me"}
    assert "find-me" not in repr(Answer(status=201, members=members, trouble=None))


async def test_an_answer_that_is_read_late_counts(site, metadata, monkeypatch):
    """The loop was blocked past every bound; the client exists by then, and nobody else knows its id."""
    loop_time = time.monotonic

    async def answer(_):
        monkeypatch.setattr(time, "monotonic", lambda: loop_time() + 60)
        await asyncio.sleep(0)  # in this turn everything is due
        for _ in range(100):
            await asyncio.sleep(0)
        return web.json_response({"client_id": "c1", "token_endpoint_auth_method": "none"}, status=201)

    site.pages["/register"] = answer
    client = await registered(metadata)
    assert client.client_id == "c1"
