"""What real servers were seen to do, each as the kit's server does it on the wire."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from extauth.testing import Consent, Refusal
from tests.support.pairs import together
from tests.support.raw_client import (
    Clock,
    api,
    ask,
    authorize,
    basic,
    bearer,
    connect,
    exchange,
    refresh,
    serve,
)

INSTANT = datetime(2031, 1, 1, tzinfo=UTC)
GONE = (400, {"error": "invalid_grant"})


async def rotated(server, token):
    """Return the refresh token that presenting this one gives."""
    return (await refresh(server, token)).json["refresh_token"]


async def test_a_consumed_token_is_refused_and_nothing_dies():
    """The commonest: sequential reuse is refused, and the newest pair lives on."""
    async with serve(server={"reuse": "refused"}) as server:
        first = server.new_grant().refresh_token
        second = await rotated(server, first)
        assert (await refresh(server, first)).said == GONE
        assert (await refresh(server, second)).status == 200
        assert server.grants.families_revoked == 0


async def test_the_previous_token_works_until_its_successor_is_used():
    """Each use of the previous token gives another successor in place of the last; the first use of that one
    ends it."""
    async with serve(server={"reuse": "until_successor"}) as server:
        first = server.new_grant().refresh_token
        forgotten = await rotated(server, first)
        second = await rotated(server, first)
        assert (await refresh(server, forgotten)).said == GONE
        third = await rotated(server, second)
        assert (await refresh(server, first)).said == GONE
        assert server.grants.refreshable(third)
        assert server.grants.families_revoked == 0


@pytest.mark.parametrize(("window", "later"), [(60, 200), (0, 400)])
async def test_a_refresh_spends_the_token_and_gives_no_other(window, later):
    """There is an access token only; within the grace the old refresh token gives further ones."""
    clock = Clock()
    options = {"reuse": "spent", "replay_window": timedelta(seconds=window)}
    async with serve(clock, server=options) as server:
        token = server.new_grant().refresh_token
        answer = await refresh(server, token)
        assert "refresh_token" not in answer.json
        assert server.accepts(answer.json["access_token"])
        assert server.grants.live_refresh_tokens() == frozenset()
        clock.seconds += 30
        assert (await refresh(server, token)).status == later
        clock.seconds += 30
        assert (await refresh(server, token)).said == GONE
        assert server.accepts(answer.json["access_token"])


async def test_rotation_late_in_a_tokens_life():
    """A refresh token is given out again until it is so old; what rotated it kills by reuse."""
    clock = Clock()
    async with serve(clock, rotates_after=timedelta(hours=7)) as server:
        first = server.new_grant().refresh_token
        clock.seconds += 7 * 3600 - 1
        assert await rotated(server, first) == first
        clock.seconds += 1
        second = await rotated(server, first)
        assert second != first
        assert (await refresh(server, first)).said == GONE
        assert server.grants.revoked(second)


@pytest.mark.parametrize(
    ("quirks", "answers", "winner_lives"),
    [
        ({}, [200, 400], False),
        ({"forgives_pairs": True}, [200, 400], True),
        ({"forgives_pairs": True, "pair_loser": Refusal("server_error", 500)}, [200, 500], True),
    ],
)
async def test_two_at_the_same_moment(quirks, answers, winner_lives):
    """Of two requests that arrive before either is processed one wins; what becomes of the other is not
    what becomes of one that comes later."""
    async with serve(server=together(2), **quirks) as server:
        first = server.new_grant().refresh_token
        pair = await asyncio.gather(refresh(server, first), refresh(server, first))
        assert sorted(answer.status for answer in pair) == answers
        winner = next(answer.json["refresh_token"] for answer in pair if answer.status == 200)
        assert server.grants.refreshable(winner) is winner_lives
        assert (await refresh(server, first)).said == GONE
        assert server.grants.revoked(winner)


async def test_the_loser_of_a_pair_alone_gets_its_own_answer():
    """The same reuse is answered 500 at the same moment, and refused later."""
    quirks = {"pair_loser": Refusal("server_error", 500)}
    async with serve(server={**together(2), "reuse": "refused"}, **quirks) as server:
        first = server.new_grant().refresh_token
        pair = await asyncio.gather(refresh(server, first), refresh(server, first))
        assert sorted(answer.status for answer in pair) == [200, 500]
        assert (await refresh(server, first)).said == GONE


async def test_a_wrong_secret_spends_the_token():
    """The client is refused, and its refresh token used up all the same."""
    async with serve(wrong_secret_spends=True) as server:
        token = server.new_grant().refresh_token
        assert (await refresh(server, token, client_secret="wrong")).status == 401
        assert (await refresh(server, token)).said == GONE


async def test_a_consent_kills_what_was_granted_before():
    """Before the new code is exchanged; another account's grants live."""
    async with serve(consent_revokes=True) as server:
        tokens = {name: await connect(server, Consent.approve(name)) for name in ("alice", "bob")}
        await authorize(server, Consent.approve("alice"))
        assert not server.accepts(tokens["alice"]["access_token"])
        assert (await refresh(server, tokens["alice"]["refresh_token"])).said == GONE
        assert (await refresh(server, tokens["bob"]["refresh_token"])).status == 200


async def test_access_tokens_of_one_second_are_equal():
    """JWTs without an id: equal within a second and a grant, and else not."""
    at = [INSTANT]
    options = {"now": lambda: at[0]}
    async with serve(server=options, jwt_access_tokens=True, jwt_ids=False) as server:
        alice, bob = server.new_grant("alice"), server.new_grant("bob")
        at[0] += timedelta(milliseconds=900)
        answer = (await refresh(server, alice.refresh_token)).json
        assert answer["access_token"] == alice.access_token != bob.access_token
        assert answer["refresh_token"] != alice.refresh_token
        assert server.accepts(alice.access_token)
        at[0] += timedelta(milliseconds=100)
        later = (await refresh(server, answer["refresh_token"])).json
        assert later["access_token"] != alice.access_token


async def test_the_client_id_must_stand_in_the_body():
    """Also beside HTTP Basic, where the standard wants it once."""
    async with serve(client_id_in_body=True) as server:
        token = server.new_grant().refresh_token
        form = {"grant_type": "refresh_token", "refresh_token": token}
        header = basic(server.client_id, server.client_secret)
        answer = await ask("POST", server.token_url, data=form, headers=header)
        assert answer.said == (400, {"error": "invalid_request"})
        named = form | {"client_id": server.client_id}
        assert (await ask("POST", server.token_url, data=named, headers=header)).status == 200


@pytest.mark.parametrize("at", ["token_url", "revoke_url"])
async def test_the_client_id_must_not_stand_beside_basic(at):
    """Where that counts as a second proof. Each proof alone is as good as ever."""
    async with serve(basic_stands_alone=True) as server:
        header = basic(server.client_id, server.client_secret)
        named = {"client_id": server.client_id}

        async def said(form, headers):
            token = server.new_grant().refresh_token
            form = {"grant_type": "refresh_token", "refresh_token": token, "token": token, **form}
            return await ask("POST", getattr(server, at), data=form, headers=headers)

        assert (await said(named, header)).said == (400, {"error": "invalid_request"})
        assert (await said({}, header)).status == 200
        assert (await said(named | {"client_secret": server.client_secret}, {})).status == 200


async def test_only_scopes_that_were_registered():
    """A client that registered for some gets no others; one that said nothing may ask for any."""
    async with serve(registered_scopes_only=True) as server:
        for said, expected in (({"scope": "read"}, "invalid_scope"), ({}, None)):
            metadata = {"redirect_uris": ["https://app.example/callback"], **said}
            client = (await ask("POST", server.registration_url, json=metadata)).json
            whose = {"client_id": client["client_id"]}
            assert "code" in (await authorize(server, scope="read", **whose)).params
            assert (await authorize(server, scope="read write", **whose)).params.get("error") == expected


@pytest.mark.parametrize(("named", "rest"), [(True, ', scope="calendar mail"'), (False, "")])
async def test_an_api_that_needs_more(named, rest):
    """A token without the scopes is answered 403, which may or may not say what is missing."""
    quirks = {"api_scopes": {"mail", "calendar"}, "names_missing_scopes": named}
    async with serve(**quirks) as server:
        token = server.new_grant(scopes=["mail"]).access_token
        answer = await ask("GET", server.resource_url, headers=bearer(token))
        challenge = f'Bearer error="insufficient_scope"{rest}'
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (403, challenge)
        assert await api(server, server.new_grant(scopes=["mail", "calendar", "x"]).access_token) == 200


async def test_no_issuer_in_errors():
    """It is promised, sent with codes, and missing in errors."""
    async with serve(iss_in_errors=False) as server:
        assert (await authorize(server)).params["iss"] == server.issuer
        assert (await authorize(server, Consent.deny())).params == {"error": "access_denied"}
        promised = (await ask("GET", f"{server.url}/.well-known/oauth-authorization-server")).json
        assert promised["authorization_response_iss_parameter_supported"] is True


@pytest.mark.parametrize(("shape", "body"), [("empty", ""), ("text", "Unauthorized")])
async def test_refusals_without_members(shape, body):
    """An error answer may be a status and nothing more, or plain text."""
    dead = Refusal("invalid_grant", 401, "Unauthorized")
    async with serve(error_shape=shape, dead_refresh_token=dead) as server:
        answer = await refresh(server, "rt-x")
        assert (answer.status, answer.text) == (401, body)
        assert answer.headers["Content-Type"].startswith("text/plain")


async def test_throttled_with_a_header_of_its_own():
    """A refusal may have any headers; this is where some servers say how long to wait."""
    throttled = Refusal("slow_down", 429, headers={"X-Retry-After": "40"})
    async with serve(throttled=throttled, refresh_limit=(1, timedelta(minutes=1))) as server:
        answer = await refresh(server, await rotated(server, server.new_grant().refresh_token))
        assert (answer.status, answer.headers["X-Retry-After"]) == (429, "40")
        assert "Retry-After" not in answer.headers


async def test_offline_access_needs_consent():
    """Without ``prompt=consent`` the scope is taken and silently brings no refresh token."""
    quirks = {"offline_scope": "offline_access", "offline_params": {"prompt": "consent"}}
    async with serve(**quirks) as server:
        for params, expected in (({}, False), ({"prompt": "consent"}, True)):
            callback = await authorize(server, scope="read offline_access", **params)
            assert ("refresh_token" in (await exchange(server, callback)).json) is expected
