"""What each fault looks like on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import timedelta

import aiohttp
import pytest

from extauth.adapters.oauth2.http.transport import LONGEST_REPLY
from extauth.domain.token_set import TokenSet
from extauth.testing import AuthorizationServer, Fault, Faults


@pytest.fixture
async def server() -> AsyncGenerator[AuthorizationServer, None]:
    """A running server whose access tokens live 30 s, and whose clock stands."""
    async with AuthorizationServer(
        access_token_lifetime=timedelta(seconds=30), monotonic=lambda: 0.0
    ) as server:
        yield server


async def ask(server: AuthorizationServer, tokens: TokenSet) -> tuple[int, dict[str, str], str]:
    """Present the refresh token and return status, headers and body."""
    assert tokens.refresh_token is not None
    form = {
        "grant_type": "refresh_token",
        "refresh_token": tokens.refresh_token,
        "client_id": server.client_id,
        "client_secret": server.client_secret,
    }
    async with aiohttp.ClientSession() as http, http.post(server.token_url, data=form) as response:
        return response.status, dict(response.headers), await response.text()


@pytest.mark.parametrize(
    ("fault", "status", "body", "rotations"),
    [
        (Fault.UNAVAILABLE_BEFORE, 503, "Service Unavailable", 0),
        (Fault.UNAVAILABLE_AFTER, 503, "Service Unavailable", 1),
        (Fault.WRONG_CLIENT, 401, '"invalid_client"', 0),
        (Fault.ERROR_IN_200, 200, '"bad_refresh_token"', 0),
        (Fault.JUNK_BODY, 200, "<!doctype html>", 1),
        (Fault.FORM_ENCODED, 200, "&token_type=Bearer&expires_in=30&refresh_token=", 1),
        (Fault.OMITTED_REFRESH_TOKEN, 200, '"expires_in": 30}', 0),
        (Fault.EMPTY_REFRESH_TOKEN, 200, '"refresh_token": ""', 0),
        (Fault.EXPIRES_IN_MISSING, 200, '"token_type": "Bearer", "refresh_token"', 1),
        (Fault.EXPIRES_IN_STRING, 200, '"expires_in": "30"', 1),
        (Fault.EXPIRES_IN_ZERO, 200, '"expires_in": 0', 1),
        (Fault.EXPIRES_IN_NEGATIVE, 200, '"expires_in": -1', 1),
    ],
)
async def test_answers(server, fault, status, body, rotations):
    """Each fault has its status and body, and the refresh was carried out or was not; then it is over."""
    tokens = server.new_grant()
    server.faults.plan(fault)
    answer = await ask(server, tokens)
    assert answer[0] == status
    assert body in answer[2]
    assert (server.grants.rotations, server.presented) == (rotations, [tokens.refresh_token])
    assert (await ask(server, server.new_grant()))[0] == 200


async def test_rate_limit():
    """A rate limit says in whole seconds when to come again."""
    async with AuthorizationServer(faults=Faults(retry_after=timedelta(minutes=2))) as server:
        server.faults.plan(Fault.RATE_LIMITED)
        status, headers, _ = await ask(server, server.new_grant())
    assert (status, headers["Retry-After"]) == (429, "120")
    assert server.grants.exchanges == 0


async def test_oversized_body(server):
    """The body is longer than our client reads, and would be a success to one that reads on."""
    server.faults.plan(Fault.OVERSIZED_BODY)
    _, _, body = await ask(server, server.new_grant())
    assert len(body) > LONGEST_REPLY
    assert server.grants.live_refresh_tokens() == {json.loads(body)["refresh_token"]}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.LOST_REPLY, aiohttp.ClientConnectionError),
        (Fault.CUT_REPLY, aiohttp.ClientError),
    ],
)
async def test_connection_breaks_after_processing(server, fault, error):
    """The refresh is carried out, and the client gets no complete reply."""
    server.faults.plan(fault)
    with pytest.raises(error):
        await ask(server, server.new_grant())
    assert server.grants.rotations == 1


async def test_form_encoded_refusal(server):
    """A refusal takes the form of the fault too, and the status says that it is one."""
    tokens = server.new_grant()
    server.grants.revoke(tokens.refresh_token)
    server.faults.plan(Fault.FORM_ENCODED)
    status, headers, body = await ask(server, tokens)
    assert (status, body) == (400, "error=invalid_grant")
    assert headers["Content-Type"].startswith("application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    ("fault", "rotated_meanwhile"), [(Fault.DELAYED_BEFORE, 0), (Fault.DELAYED_AFTER, 1)]
)
async def test_delays(fault, rotated_meanwhile):
    """While the answer is delayed the refresh has happened, or has not, as was planned."""
    reached, opened = asyncio.Event(), asyncio.Event()

    async def pause(seconds: float) -> None:
        if seconds:
            assert seconds == 3
            reached.set()
            await opened.wait()

    async with AuthorizationServer(faults=Faults(delay=timedelta(seconds=3)), pause=pause) as server:
        server.faults.plan(fault)
        asking = asyncio.create_task(ask(server, server.new_grant()))
        await reached.wait()
        assert server.grants.rotations == rotated_meanwhile
        assert not asking.done()
        opened.set()
        assert (await asking)[0] == 200


async def test_what_http_cannot_play(server):
    """A refused connection is refused as a fault: at once, or by a 500 if it is planned later."""
    with pytest.raises(ValueError, match="NOT_SENT"):
        AuthorizationServer(faults=Faults(rates={Fault.NOT_SENT: 0.1}))
    server.faults.plan(Fault.NOT_SENT)
    assert (await ask(server, server.new_grant()))[0] == 500


async def test_repeated_answer_says_how_long_is_left():
    """A pair that is given again says how long its access token still works, not its whole life."""
    now = 0.0
    async with AuthorizationServer(
        access_token_lifetime=timedelta(seconds=30), reuse="replay_window", monotonic=lambda: now
    ) as server:
        tokens = server.new_grant()
        first = json.loads((await ask(server, tokens))[2])
        now = 12.5
        again = json.loads((await ask(server, tokens))[2])
        assert again == {**first, "expires_in": 17}
        now = 29.9
        assert json.loads((await ask(server, tokens))[2])["expires_in"] == 1
