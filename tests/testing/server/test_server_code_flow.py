"""Connecting a person at the test server, by the letter of the standards."""

from __future__ import annotations

import pytest

from extauth.domain.link import Account
from extauth.testing import AuthorizationServer, Consent, ServerQuirks, VisitRefused
from tests.support.raw_client import (
    CALLBACK,
    Clock,
    api,
    ask,
    authorize,
    basic,
    challenged,
    connect,
    exchange,
    refresh,
    secret_of,
    serve,
)


async def test_code_becomes_tokens_that_work():
    """A person who says yes gives the client a code, and the code tokens for that person."""
    async with serve() as server:
        callback = await authorize(server, Consent.approve("alice"), state="s-1", scope="read write")
        answer = await exchange(server, callback)
        assert callback.url.startswith(f"{CALLBACK}?code=")
        assert (callback.posted, callback.params["state"]) == (False, "s-1")
        assert callback.params["iss"] == server.issuer
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        assert set(answer.json) == {"access_token", "token_type", "expires_in", "refresh_token"}
        assert await api(server, answer.json["access_token"]) == 200
        assert server.grants.live_refresh_tokens("alice") == {answer.json["refresh_token"]}


async def test_callback_keeps_what_the_redirect_uri_has():
    """The query of a redirect URI stays (RFC 6749 section 3.1.2)."""
    uri = "https://app.example/callback?tenant=a%20b"
    async with serve(server={"redirect_uris": [uri]}) as server:
        callback = await authorize(server, redirect_uri=uri)
        assert callback.params["tenant"] == "a b"
        unsaid = await authorize(server, redirect_uri=None)
        assert unsaid.url.startswith(uri)
        assert (await exchange(server, unsaid, redirect_uri=None)).status == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"client_id": "nobody"}, "invalid_client"),
        ({"redirect_uri": CALLBACK + "/"}, "invalid_redirect_uri"),
        ({"redirect_uri": "https://evil.example/"}, "invalid_redirect_uri"),
    ],
)
async def test_what_must_not_be_sent_back(change, code):
    """An unknown client or redirect URI is told to the person, never to the redirect URI."""
    async with serve() as server:
        with pytest.raises(VisitRefused) as refused:
            await authorize(server, **change)
        assert (refused.value.status, refused.value.code) == (400, code)


@pytest.mark.parametrize(
    ("change", "quirks", "error"),
    [
        ({"response_type": "token"}, {}, "unsupported_response_type"),
        ({"response_type": None}, {}, "invalid_request"),
        ({"response_mode": "fragment"}, {}, "invalid_request"),
        ({"scope": "read,write"}, {}, "invalid_scope"),
        ({"scope": "admin"}, {"known_scopes": frozenset({"read"})}, "invalid_scope"),
        ({"resource": "not-absolute"}, {}, "invalid_target"),
        ({"resource": "https://a.example/#part"}, {}, "invalid_target"),
        ({"resource": "https://b.example"}, {"known_resources": {"https://a.example"}}, "invalid_target"),
        ({"code_challenge": "x" * 43, "code_challenge_method": "plain"}, {}, "invalid_request"),
        ({"code_challenge": "x" * 43}, {}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, {}, "invalid_request"),
    ],
)
async def test_errors_that_are_sent_back(change, quirks, error):
    """Every other mistake comes to the redirect URI, with the state (RFC 6749 section 4.1.2.1)."""
    async with serve(**quirks) as server:
        callback = await authorize(server, state="s-2", **change)
        assert callback.params == {"error": error, "state": "s-2", "iss": server.issuer}


async def test_denied():
    """A person who says no gives the client an error, whether for once or for the whole test."""
    async with serve() as server:
        assert (await authorize(server, Consent.deny())).params["error"] == "access_denied"
        assert "code" in (await authorize(server)).params
        server.consent = Consent.deny()
        assert (await authorize(server)).params["error"] == "access_denied"
    assert server.grants.live_refresh_tokens() == frozenset()


async def test_fewer_scopes():
    """What was granted is told when it is not what was asked for (RFC 6749 section 5.1)."""
    async with serve() as server:
        fewer = await connect(server, Consent.approve("alice", scopes=["read", "other"]), scope="read write")
        assert fewer["scope"] == "read"
        assert "scope" not in await connect(server, scope="read write")
        again = await refresh(server, fewer["refresh_token"], scope="read write")
        assert again.said == (400, {"error": "invalid_scope"})
        assert (await refresh(server, fewer["refresh_token"], scope="read")).status == 200


async def test_code_works_once():
    """A code that comes again revokes what it gave (RFC 6749 section 4.1.2)."""
    async with serve() as server:
        callback = await authorize(server)
        tokens = (await exchange(server, callback)).json
        assert (await exchange(server, callback)).said == (400, {"error": "invalid_grant"})
        assert await api(server, tokens["access_token"]) == 401
        assert (await refresh(server, tokens["refresh_token"])).status == 400
        assert server.codes_reused == 1


async def test_code_expires():
    """A code works for a minute."""
    clock = Clock()
    async with serve(clock) as server:
        in_time, late = await authorize(server), await authorize(server)
        clock.seconds += 59.9
        assert (await exchange(server, in_time)).status == 200
        clock.seconds += 0.1
        assert (await exchange(server, late)).said == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize("redirect_uri", ["https://app.example/other", None])
async def test_code_belongs_to_its_redirect_uri(redirect_uri):
    """The redirect URI must be said again, exactly (RFC 6749 section 4.1.3)."""
    async with serve() as server:
        callback = await authorize(server)
        answer = await exchange(server, callback, redirect_uri=redirect_uri)
        assert answer.said == (400, {"error": "invalid_grant"})
        assert (await exchange(server, callback)).status == 200


async def test_code_and_refresh_token_belong_to_their_client():
    """Another client can use neither, and its try harms nobody."""
    async with serve() as server:
        registered = await ask("POST", server.registration_url, json={"redirect_uris": [CALLBACK]})
        other = basic(registered.json["client_id"], registered.json["client_secret"])
        callback = await authorize(server)
        form = {"grant_type": "authorization_code", "code": callback.params["code"], "redirect_uri": CALLBACK}
        stolen = await ask("POST", server.token_url, data=form, headers=other)
        assert stolen.said == (400, {"error": "invalid_grant"})
        tokens = (await exchange(server, callback)).json
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        stolen = await ask("POST", server.token_url, data=form, headers=other)
        assert stolen.said == (400, {"error": "invalid_grant"})
        assert server.grants.exchanges == 0
        assert (await refresh(server, tokens["refresh_token"])).status == 200


async def test_pkce():
    """A code that was asked for with a challenge needs its verifier, and only such a code takes one."""
    async with serve() as server:
        verifier, challenge = challenged()
        callback = await authorize(server, **challenge)
        for wrong in (challenged()[0], "short", None):
            assert (await exchange(server, callback, code_verifier=wrong)).json == {"error": "invalid_grant"}
        assert (await exchange(server, callback, code_verifier=verifier)).status == 200
        bare = await authorize(server)
        assert (await exchange(server, bare, code_verifier=verifier)).json == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    ("pkce", "challenge", "code"),
    [
        ("required", False, False),
        ("required", True, True),
        ("refused", True, False),
        ("refused", False, True),
        ("public_only", True, False),
        ("public_only", False, True),
    ],
)
async def test_pkce_modes(pkce, challenge, code):
    """A provider may insist on a challenge, or refuse it."""
    async with serve(pkce=pkce) as server:
        callback = await authorize(server, **(challenged()[1] if challenge else {}))
        assert ("code" in callback.params) is code


async def test_pkce_ignored():
    """A provider that does not know PKCE takes any verifier."""
    async with serve(pkce="ignored") as server:
        callback = await authorize(server, **challenged()[1])
        assert (await exchange(server, callback, code_verifier="whatever")).status == 200


async def test_pkce_dropped():
    """A provider that forgets the challenge refuses its verifier, and takes the code without one."""
    async with serve(pkce="dropped") as server:
        verifier, challenge = challenged()
        callback = await authorize(server, **challenge)
        refused = await exchange(server, callback, code_verifier=verifier)
        assert refused.json == {"error": "invalid_grant"}
        assert (await exchange(server, await authorize(server))).status == 200


async def test_public_client_needs_pkce():
    """A client without a secret must send a challenge (RFC 9700 section 2.1.1)."""
    async with serve() as server:
        asked = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
        client = (await ask("POST", server.registration_url, json=asked)).json
        assert "client_secret" not in client
        bare = await authorize(server, client_id=client["client_id"])
        assert bare.params["error"] == "invalid_request"
        verifier, challenge = challenged()
        callback = await authorize(server, client_id=client["client_id"], **challenge)
        answer = await exchange(
            server, callback, client_id=client["client_id"], client_secret=None, code_verifier=verifier
        )
        assert answer.status == 200


async def test_form_post():
    """With response_mode=form_post the callback is a form that the page posts by itself."""
    async with serve() as server:
        callback = await authorize(server, response_mode="form_post", state='"><script>')
        assert (callback.posted, callback.url) == (True, CALLBACK)
        assert callback.params["state"] == '"><script>'
        assert (await exchange(server, callback)).status == 200


async def test_accounts_are_who_they_are():
    """Each visit may be another account; a new grant may be, too."""
    ann = Account("42", "ann", "Ann A.", "https://pictures.example/ann")
    async with serve() as server:
        await connect(server, Consent.approve(ann))
        await connect(server, Consent.approve("bob"))
        server.new_grant(account=ann)
        server.new_grant("carol")
        sizes = [len(server.grants.live_refresh_tokens(each)) for each in ("42", "bob", "carol")]
        assert sizes == [2, 1, 1]


async def test_visit_goes_to_this_server_only():
    """A URL of somebody else is not opened."""
    async with serve() as server:
        with pytest.raises(ValueError, match="not of this server"):
            await server.visit("https://other.example/authorize?client_id=x")


async def test_resources():
    """Tokens are for the resources that were asked for, and one refresh token serves each (RFC 8707)."""
    async with serve() as server:
        one, two = f"{server.resource_url}/one", f"{server.resource_url}/two"
        tokens = await connect(server)
        first = (await refresh(server, tokens["refresh_token"], resource=one)).json
        second = (await refresh(server, first["refresh_token"], resource=two)).json
        assert [await api(server, first["access_token"], path) for path in ("/one", "/two", "")] == [
            200,
            401,
            401,
        ]
        assert await api(server, second["access_token"], "/two") == 200
        assert await api(server, tokens["access_token"], "/two") == 200
        wrong = await refresh(server, second["refresh_token"], resource="relative")
        assert wrong.said == (400, {"error": "invalid_target"})
        assert server.grants.rotations == 2
        # A replay for another resource is a replay all the same.
        assert (await refresh(server, tokens["refresh_token"], resource=two)).status == 400
        assert server.grants.families_revoked == 1


async def test_resources_of_a_grant_are_its_limit():
    """A refresh cannot ask for a resource that the person was not asked about."""
    async with serve() as server:
        one, two = f"{server.resource_url}/one", f"{server.resource_url}/two"
        tokens = await connect(server, resource=one)
        assert await api(server, tokens["access_token"], "/two") == 401
        wrong = await refresh(server, tokens["refresh_token"], resource=two)
        assert wrong.said == (400, {"error": "invalid_target"})
        again = (await refresh(server, tokens["refresh_token"])).json
        assert await api(server, again["access_token"], "/one") == 200
        assert await api(server, again["access_token"], "/two") == 401


async def test_replay_window_and_resources():
    """Inside a replay window, another resource gets an access token of its own and the same refresh token."""
    clock = Clock()
    server = AuthorizationServer(reuse="replay_window", monotonic=clock, quirks=ServerQuirks())
    async with server:
        tokens = await connect(server)
        one = f"{server.resource_url}/one"
        bare = (await refresh(server, tokens["refresh_token"])).json
        other = (await refresh(server, tokens["refresh_token"], resource=one)).json
        same = (await refresh(server, tokens["refresh_token"])).json
        assert bare["refresh_token"] == other["refresh_token"] == same["refresh_token"]
        assert bare["access_token"] == same["access_token"] != other["access_token"]


def test_no_secret_is_fixed_or_shown():
    """Two servers share no id and no secret, and neither state nor callback shows one."""
    first, second = AuthorizationServer(), AuthorizationServer()
    assert first.client_id != second.client_id
    assert first.client_secret != second.client_secret
    assert first.client_secret not in repr(first._state)


async def test_callback_shows_no_code():
    """A callback that is printed shows neither code nor state."""
    async with serve() as server:
        callback = await authorize(server, state="very-secret")
        assert callback.params["code"] not in repr(callback)
        assert "very-secret" not in repr(callback)
        assert secret_of(server)["client_secret"] not in repr(server._state)
