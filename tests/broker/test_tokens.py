"""``/v1/token/``: who gets a token, and what is said to others."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pytest

from extauth import LinkKey
from extauth.broker.tokens import TokenEndpoint
from tests.broker.site import SECRETS

TOKEN = "/v1/token/example/alice"


async def current(site, user="alice"):
    """Return the token that is stored."""
    link = await site.auth.store.get(LinkKey("example", user))
    return link.tokens.access_token


async def test_a_caller_gets_a_token(site):
    """With its expiry, and to be kept by nobody on the way."""
    answer = await site.ask("reader", "GET", TOKEN)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    told = answer.json
    expires_at = datetime.fromisoformat(told.pop("expires_at"))
    assert expires_at.utcoffset() == timedelta(0)
    assert told == {
        "provider": "example",
        "user": "alice",
        "access_token": await current(site),
        "token_type": "Bearer",
        "scopes": [],
    }


async def test_a_refused_token_becomes_another(site):
    """Once, however many callers say so."""
    token = await current(site)
    for _ in range(2):
        answer = await site.ask("reader", "POST", TOKEN, json={"rejected": token})
        assert (answer.status, answer.json["access_token"]) == (200, await current(site))
    assert (site.server.grants.exchanges, await current(site) != token) == (1, True)


async def test_a_token_that_lasts(site):
    """One that works for less is refreshed first."""
    assert (await site.ask("reader", "GET", f"{TOKEN}?valid_for=7200")).status == 200
    assert site.server.grants.exchanges == 1


@pytest.mark.parametrize(
    "query",
    [
        "valid_for=0",
        "valid_for=x",
        "valid_for=1&valid_for=2",
        "valid_for=9999999999",
        "valid_for=0000000019999999999999999999",
        "other=1",
        "x",
        "resource",
    ],
)
async def test_a_query_that_is_none(site, query):
    """It is refused, and not passed over."""
    answer = await site.ask("reader", "GET", f"{TOKEN}?{query}")
    assert (answer.status, answer.code) == (400, "invalid_request")


@pytest.mark.parametrize(
    "body", ["", "x", "[]", "{}", '{"rejected": ""}', '{"rejected": "x", "y": 1}', "[" * 9999]
)
async def test_a_body_that_is_none(site, body):
    """Nothing is refreshed."""
    answer = await site.ask("reader", "POST", TOKEN, data=body)
    assert (answer.status, answer.code, site.server.grants.exchanges) == (400, "invalid_request", 0)


async def test_a_body_without_end(site):
    """It is not read on and on."""
    answer = await site.ask("reader", "POST", TOKEN, data=b"x" * 70_000)
    assert (answer.status, answer.code) == (413, "body_too_long")


@pytest.mark.parametrize(
    ("caller", "target", "status", "code"),
    [
        (None, TOKEN, 401, "unauthenticated"),
        ("sender", TOKEN, 403, "forbidden"),
        ("reader", "/v1/token/example/bob", 403, "forbidden"),
        ("reader", "/v1/token/example%2Fwork/alice", 403, "forbidden"),
        ("reader", "/v1/token/nowhere/alice", 403, "forbidden"),
        ("other", TOKEN, 403, "forbidden"),
        ("other", "/v1/token/example/bob", 404, "link_not_found"),
        ("reader", "/v1/token/example", 404, "not_found"),
        ("reader", f"{TOKEN}/", 404, "not_found"),
        ("reader", "/v2/token/example/alice", 404, "not_found"),
        ("reader", "/v1/token//alice", 404, "not_found"),
        ("reader", "/v1/token/example/%ff", 400, "invalid_request"),
    ],
)
async def test_who_gets_none(site, caller, target, status, code):
    """Nothing is allowed that is not said, and who may not ask does not learn what there is."""
    answer = await site.ask(caller, "GET", target)
    assert (answer.status, answer.code) == (status, code)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer x", "Basic {secret}", "{secret}", "Bearer {secret}x", "Bearer sha256:0"],
)
async def test_a_secret_that_is_none(site, authorization):
    """Only the whole secret in its scheme will do."""
    headers = {"Authorization": authorization.format(secret=SECRETS["reader"])}
    assert (await site.ask(None, "GET", TOKEN, headers=headers)).code == "unauthenticated"


async def test_a_user_of_this_machine_is_known_by_the_socket(site):
    """Without a secret, and only there; a secret that is shown is looked at."""
    assert (await site.ask(None, "GET", TOKEN, by_socket=True)).status == 200
    assert (await site.ask(None, "GET", TOKEN)).status == 401
    wrong = await site.ask(None, "GET", TOKEN, by_socket=True, headers={"Authorization": "Bearer wrong"})
    assert wrong.code == "unauthenticated"


async def test_errors_say_what_to_do(site):
    """The reason of a grant that was ended, and when to try again."""
    token = await current(site)
    site.server.grants.revoke_subject("alice")
    answer = await site.ask("reader", "POST", TOKEN, json={"rejected": token})
    assert (answer.status, answer.code, answer.json["reason"]) == (
        409,
        "reauthorization_required",
        "invalid_grant",
    )
    assert answer.json["type"] == "urn:extauth:broker:reauthorization_required"
    assert token not in answer.body.decode()


async def test_the_log_has_no_secret(site, caplog):
    """Nor a user or a path: who asked, for which provider, and what came of it."""
    caplog.set_level(logging.DEBUG)
    await site.ask("reader", "GET", f"{TOKEN}?valid_for=60")
    await site.ask("reader", "POST", TOKEN, json={"rejected": await current(site)})
    await site.ask("sender", "GET", "/v1/proxy/example/alice/private?key=private")
    ours = [each.getMessage() for each in caplog.records if each.name.startswith("extauth.broker")]
    assert [each.rpartition(" in ")[0] for each in ours] == [
        "GET token example for reader: 200",
        "POST token example for reader: 200",
        "GET proxy example for sender: 200",
    ]
    for hidden in (*SECRETS.values(), await current(site), "private"):
        assert hidden not in caplog.text


async def test_a_caller_that_has_gone(site, caplog, monkeypatch):
    """Is nobody's mistake."""

    async def gone(*_):
        raise ConnectionResetError

    monkeypatch.setattr(TokenEndpoint, "handle", gone)
    assert (await site.ask("reader", "GET", TOKEN)).code == "internal"
    assert "mistake" not in caplog.text


async def test_the_probe(site):
    """It needs no secret, says no more than the status, and is not for browsers."""
    assert (await site.ask(None, "GET", "/v1/health")).status == 200
    refused = await site.ask(None, "GET", "/v1/health", headers={"Origin": "http://127.0.0.1"})
    assert refused.code == "browser_refused"
