"""``extauth testing serve`` as whoever tests in another language has it: a process and HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from extauth.cli.main import main
from extauth.cli.quirk_values import quirks_of
from extauth.testing import Refusal

COMMAND = [sys.executable, "-m", "extauth.cli.main", "testing", "serve"]


@pytest.fixture
def serve():
    """Begin the server and return its process and what it printed; it is ended afterwards."""
    processes = []

    def begin(*arguments):
        process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True)
        processes.append(process)
        return process, json.loads(process.stdout.readline())

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


async def tokens(session, told, **fields):
    """Ask the token endpoint, and return its status and answer."""
    client = {name: told[name] for name in ("client_id", "client_secret")}
    async with session.post(told["token_url"], data={**fields, **client}) as answer:
        return answer.status, await answer.json(content_type=None) if answer.status != 503 else {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_a_client_in_any_language(serve, number):
    """By what it prints a client gets tokens, is refused as it was asked to be, and ends it cleanly."""
    uri = "http://127.0.0.1:9/callback"
    process, told = serve(
        "--client-id=app",
        "--client-secret=not-a-secret",
        f"--redirect-uri={uri}",
        "--lifetime=7",
        "--fault=unavailable_before",
        "--reuse=refused",
        "--quirk=sends_iss=true",
    )
    assert (told["client_id"], told["client_secret"], told["redirect_uris"]) == ("app", "not-a-secret", [uri])
    async with aiohttp.ClientSession() as session:
        query = {"response_type": "code", "client_id": "app", "redirect_uri": uri, "state": "s"}
        async with session.get(told["authorize_url"], params=query, allow_redirects=False) as page:
            callback = parse_qs(urlsplit(page.headers["Location"]).query)
        code = {"grant_type": "authorization_code", "code": callback["code"][0], "redirect_uri": uri}
        status, given = await tokens(session, told, **code)
        if status == 503:  # the fault is the first request's
            status, given = await tokens(session, told, **code)
        assert (status, given["expires_in"]) == (200, 7)
        refresh = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
        answers = [(await tokens(session, told, **refresh))[0] for _ in range(3)]
        assert sorted(answers[:2]) in ([200, 400], [200, 503])
        assert answers[-1] == 400
    process.send_signal(number)
    assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == 0


async def test_a_device_of_a_client_without_a_secret(serve):
    """Whoever opens the page that the device names says yes, and the device gets tokens."""
    _, told = serve("--client-id=app", "--quirk=client_auth=none")
    async with aiohttp.ClientSession() as session:
        async with session.post(told["device_authorization_url"], data={"client_id": "app"}) as answer:
            device = await answer.json()
        async with session.get(device["verification_uri_complete"]) as page:
            assert (page.status, "You said yes" in await page.text()) == (200, True)
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "client_id": "app"}
        form["device_code"] = device["device_code"]
        async with session.post(told["token_url"], data=form) as answer:
            assert (answer.status, "refresh_token" in await answer.json()) == (200, True)


def test_a_port_that_is_taken(serve):
    """It says so, and exits with the code of a deployment that must be mended."""
    _, told = serve()
    port = urlsplit(told["token_url"]).port
    second = subprocess.run([*COMMAND, f"--port={port}"], capture_output=True, text=True, check=False)
    assert (second.returncode, second.stdout) == (5, "")
    assert second.stderr.startswith("extauth: testing: it cannot listen there: ")
    assert len(second.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--quirk=colour=blue"], "no habit of a server is called colour"),
        (["--quirk=sends_iss"], "write NAME=VALUE"),
        (["--quirk=sends_iss=maybe"], "sends_iss must be true or false"),
        (["--quirk=client_auth=nome"], "secret_assertion, not nome"),
        (["--fault=bad_luck"], "no fault of a server is called 'bad_luck'; there are lost_reply, "),
        (["--fault-rate=bad_luck=1"], "no fault of a server is called 'bad_luck'; there are lost_reply, "),
        (["--fault-rate=lost_reply=often"], "such as lost_reply=0.1"),
        (["--fault-rate=lost_reply=2"], "at most 1"),
        (["--port=65536"], "up to 65535"),
        (["--port=http"], "up to 65535"),
        (["--lifetime=0"], "lifetime"),
    ],
)
def test_a_slip_is_told(capsys, arguments, told):
    """Nothing is begun, and the message names what is wrong."""
    with pytest.raises(SystemExit) as ended:
        main(["testing", "serve", *arguments])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_the_values_of_habits():
    """Spans, refusals, sets and limits are given as JSON has them."""
    quirks = quirks_of(
        {
            "code_lifetime": 5,
            "dead_refresh_token": {"code": "bad_refresh_token", "status": 200},
            "wrong_client": "nobody",
            "client_limit": [5, 1],
            "client_auth": ["client_secret_post"],
            "expiry": {},
            "error_shape": "slack",
            "rotates_after": None,
        }
    )
    assert quirks.code_lifetime == timedelta(seconds=5)
    assert quirks.dead_refresh_token == Refusal("bad_refresh_token", 200)
    assert quirks.wrong_client == Refusal("nobody")
    assert quirks.client_limit == (5, timedelta(seconds=1))
    assert quirks.client_auth == frozenset({"client_secret_post"})
    assert (quirks.expiry, quirks.error_shape, quirks.rotates_after) == ({}, "slack", None)
