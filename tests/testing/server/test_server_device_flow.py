"""The device flow at the test server (RFC 8628)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from extauth.testing import Consent
from extauth.testing.server.grant_types import DEVICE_GRANT
from tests.support.raw_client import Clock, api, ask, refresh, secret_of, serve


async def begin(server, **fields):
    """Return the codes of a new device."""
    answer = await ask("POST", server.device_authorization_url, data=secret_of(server) | fields)
    assert answer.status == 200, answer.text
    return answer.json


async def poll(server, codes, **fields):
    """Ask for the device's tokens."""
    form = {"grant_type": DEVICE_GRANT, "device_code": codes["device_code"], **secret_of(server), **fields}
    return await ask("POST", server.token_url, data=form)


async def test_approved():
    """A device waits, and is given tokens once when the person has said yes."""
    clock = Clock()
    async with serve(clock) as server:
        codes = await begin(server, scope="read write")
        assert codes["verification_uri_complete"].endswith(codes["user_code"])
        assert (codes["expires_in"], codes["interval"]) == (600, 5)
        assert (await poll(server, codes)).said == (400, {"error": "authorization_pending"})
        server.approve_device(codes["user_code"].lower().replace("-", ""), "alice", scopes=["read"])
        clock.seconds += 5
        answer = await poll(server, codes)
        assert (answer.status, answer.json["scope"]) == (200, "read")
        assert await api(server, answer.json["access_token"]) == 200
        assert (await refresh(server, answer.json["refresh_token"])).status == 200
        assert len(server.grants.live_refresh_tokens("alice")) == 1
        clock.seconds += 5
        assert (await poll(server, codes)).said == (400, {"error": "invalid_grant"})
        assert server.device_polls == ["authorization_pending", None, "invalid_grant"]


async def test_the_page_that_a_person_opens():
    """It takes the code that it is given, or asks for it, and answers as the server's consent says."""
    async with serve(Clock()) as server:
        for consent, answer in (
            (Consent.approve("alice", scopes=["read"]), (200, "read")),
            (Consent.deny(), (400, "access_denied")),
        ):
            codes = await begin(server, scope="read write")
            server.consent = consent
            asking = await ask("GET", codes["verification_uri"])
            assert (asking.status, 'name="user_code"' in asking.text) == (200, True)
            wrong = await ask("GET", f"{codes['verification_uri']}?user_code=XXXX-XXXX")
            assert (wrong.status, "No device" in wrong.text) == (404, True)
            said = await ask("GET", codes["verification_uri_complete"])
            assert (said.status, "You said" in said.text) == (200, True)
            polled = await poll(server, codes)
            assert (polled.status, polled.json.get("scope") or polled.json["error"]) == answer


async def test_too_fast():
    """Each poll that comes too early adds 5 seconds to the interval, even when the person has said yes."""
    clock = Clock()
    async with serve(clock) as server:
        codes = await begin(server)
        server.approve_device(codes["user_code"])
        assert (await poll(server, codes)).status == 200
        codes = await begin(server)
        await poll(server, codes)
        server.approve_device(codes["user_code"])
        clock.seconds += 4.9
        assert (await poll(server, codes)).json == {"error": "slow_down"}
        clock.seconds += 9.9
        assert (await poll(server, codes)).json == {"error": "slow_down"}
        clock.seconds += 15
        assert (await poll(server, codes)).status == 200


async def test_denied():
    """A person may say no."""
    async with serve() as server:
        codes = await begin(server)
        server.deny_device(codes["user_code"])
        assert (await poll(server, codes)).said == (400, {"error": "access_denied"})


async def test_expired():
    """Codes die after their lifetime, whatever the person said."""
    clock = Clock()
    async with serve(clock, device_lifetime=timedelta(seconds=60)) as server:
        codes = await begin(server)
        server.approve_device(codes["user_code"])
        clock.seconds += 60
        assert codes["expires_in"] == 60
        assert (await poll(server, codes)).said == (400, {"error": "expired_token"})


async def test_what_is_refused():
    """Unknown codes, wrong clients, unknown scopes and resources are refused with their codes."""
    async with serve(known_scopes=frozenset({"read"})) as server:
        codes = await begin(server, scope="read")
        assert (await poll(server, {"device_code": "device-x"})).json == {"error": "invalid_grant"}
        assert (await poll(server, {"device_code": ""})).json == {"error": "invalid_request"}
        assert (await poll(server, codes, client_secret="wrong")).status == 401
        url, good = server.device_authorization_url, secret_of(server)
        assert (await ask("POST", url, data=good | {"client_secret": "wrong"})).status == 401
        assert (await ask("POST", url, data=good | {"scope": "x"})).json == {"error": "invalid_scope"}
        assert (await ask("POST", url, data=good | {"resource": "x"})).json == {"error": "invalid_target"}
        assert (await ask("POST", url, json=good)).json == {"error": "invalid_request"}
        with pytest.raises(LookupError):
            server.approve_device("XXXX-XXXX")


async def test_resource():
    """A device's tokens are for the resources that it asked for."""
    async with serve() as server:
        codes = await begin(server, resource=f"{server.resource_url}/one")
        server.approve_device(codes["user_code"])
        token = (await poll(server, codes)).json["access_token"]
        assert [await api(server, token, path) for path in ("/one", "/two")] == [200, 401]


async def test_quirks():
    """A provider may ask no secret, not tell the interval, and have its own name for the URI."""
    async with serve(
        device_proof=False, device_interval=None, device_uri_member="verification_url", error_status=200
    ) as server:
        alone = {"client_id": server.client_id}
        codes = (await ask("POST", server.device_authorization_url, data=alone)).json
        assert {"interval", "verification_uri"}.isdisjoint(codes)
        assert codes["verification_url"].startswith(server.issuer)
        form = {"grant_type": DEVICE_GRANT, "device_code": codes["device_code"], **alone}
        pending = await ask("POST", server.token_url, data=form)
        assert pending.said == (200, {"error": "authorization_pending"})
        assert (await ask("POST", server.token_url, data=form)).json == {"error": "slow_down"}
        unknown = await ask("POST", server.device_authorization_url, data={"client_id": "x"})
        assert unknown.json == {"error": "invalid_client"}
