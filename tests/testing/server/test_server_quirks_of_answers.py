"""What providers' token endpoints answer, each as it is on the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from extauth.testing import AuthorizationServer, Consent, Fault, Refusal, ServerQuirks
from tests.support.raw_client import Clock, api, ask, authorize, connect, exchange, refresh, secret_of, serve

INSTANT = datetime(2031, 1, 1, tzinfo=UTC)
EPOCH = int(INSTANT.timestamp())


async def refreshed(server, **fields):
    """Return the answer to a first refresh."""
    return await refresh(server, server.new_grant(scopes=["read", "write"]).refresh_token, **fields)


async def test_form_unless_asked():
    """Class 3: the answer is form-encoded unless the request accepts JSON; errors are, too."""
    async with serve(answers="form_unless_asked") as server:
        answer = await refreshed(server)
        assert answer.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
        assert server.accepts(answer.form["access_token"])
        assert (await refresh(server, "rt-x")).form == {"error": "invalid_grant"}
        form = {"grant_type": "refresh_token", "refresh_token": answer.form["refresh_token"]}
        headers = {"Accept": "application/json"}
        again = await ask("POST", server.token_url, data=form | secret_of(server), headers=headers)
        assert server.accepts(again.json["access_token"])


async def test_form_as_plain_text():
    """Class 3: the answer is form-encoded whatever is asked for, and says that it is plain text."""
    async with serve(answers="form", form_content_type="text/plain", expiry={"expires": "seconds"}) as server:
        answer = await refreshed(server)
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.form["expires"] == "3600"


GITHUB = {
    "error_status": 200,
    "dead_refresh_token": Refusal("bad_refresh_token", message="The refresh token is incorrect."),
    "dead_code": Refusal("bad_verification_code"),
    "wrong_client": Refusal("incorrect_client_credentials"),
}


async def test_error_in_200():
    """Class 4: every error comes with status 200, in the provider's own codes."""
    async with serve(**GITHUB) as server:
        described = "The refresh token is incorrect."
        assert (await refresh(server, "rt-x")).said == (
            200,
            {"error": "bad_refresh_token", "error_description": described},
        )
        wrong = await refresh(server, "rt-x", client_secret="wrong")
        assert wrong.said == (200, {"error": "incorrect_client_credentials"})
        form = {"grant_type": "authorization_code", "code": "x", **secret_of(server)}
        assert (await ask("POST", server.token_url, data=form)).json == {"error": "bad_verification_code"}
        assert (await refreshed(server)).status == 200


@pytest.mark.parametrize(
    ("shape", "refusal", "status", "body"),
    [
        (
            "slack",
            Refusal("invalid_refresh_token", 200),
            200,
            {"ok": False, "error": "invalid_refresh_token"},
        ),
        (
            "hubspot",
            Refusal("BAD_REFRESH_TOKEN", message="missing or invalid"),
            400,
            {"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid", "category": "BAD_REQUEST"},
        ),
        (
            "fitbit",
            Refusal("invalid_grant", message="m"),
            400,
            {"errors": [{"errorType": "invalid_grant", "message": "m"}], "success": False},
        ),
        (
            "twitch",
            Refusal("x", message="Invalid refresh token"),
            400,
            {"status": 400, "message": "Invalid refresh token"},
        ),
        (
            "linkedin",
            Refusal("x", 401, "Revoked"),
            401,
            {"serviceErrorCode": 65600, "message": "Revoked", "status": 401},
        ),
        (
            "facebook",
            Refusal("x", message="Expired"),
            400,
            {"error": {"message": "Expired", "type": "OAuthException", "code": 190}},
        ),
        ("oauth", Refusal("invalid_grant", 403), 403, {"error": "invalid_grant"}),
        ("oauth", Refusal("unauthorized_client"), 400, {"error": "unauthorized_client"}),
        (
            "oauth",
            Refusal("invalid_grant", members={"error_subtype": "invalid_rapt"}),
            400,
            {"error": "invalid_grant", "error_subtype": "invalid_rapt"},
        ),
    ],
)
async def test_error_shapes_and_statuses(shape, refusal, status, body):
    """Classes 4, 5 and 6: a dead refresh token is told in the provider's shape, status and code."""
    async with serve(error_shape=shape, dead_refresh_token=refusal) as server:
        assert (await refresh(server, "rt-x")).said == (status, body)
        assert ("ok" in (await refreshed(server)).json) is (shape == "slack")


@pytest.mark.parametrize(
    ("expiry", "members"),
    [
        ({}, {}),
        ({"expires_in": "string"}, {"expires_in": "3600"}),
        ({"expires_in": "zero"}, {"expires_in": 0}),
        ({"expires_in": "milliseconds"}, {"expires_in": 3_600_000}),
        (
            {"expires_in": "seconds", "expires_at": "epoch"},
            {"expires_in": 3600, "expires_at": EPOCH + 3600},
        ),
        ({"expires_on": "epoch_string"}, {"expires_on": str(EPOCH + 3600)}),
        ({"expires_at": "iso8601"}, {"expires_at": f"{INSTANT + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"}),
    ],
)
async def test_expiry(expiry, members):
    """Classes 13 and 14: how and whether an answer says when the access token expires."""
    async with serve(expiry=expiry, server={"now": lambda: INSTANT}) as server:
        told = (await refreshed(server)).json
        assert {name: value for name, value in told.items() if name.startswith("expires")} == members


@pytest.mark.parametrize(
    ("expiry", "told"), [({"expires_in": "zero"}, True), ({"expires_in": "seconds"}, False)]
)
async def test_never(expiry, told):
    """Class 12: access tokens that never expire, with a zero for it or nothing."""
    clock = Clock()
    async with serve(clock, never_expires=True, expiry=expiry) as server:
        answer = (await refreshed(server)).json
        assert ("expires_in" in answer) is told
        clock.seconds += 10**9
        assert await api(server, answer["access_token"]) == 200
        assert server.new_grant().expires_at is None


async def test_jwt_access_tokens():
    """Class 13: the access token is a JWT that says when it expires."""
    async with serve(expiry={}, jwt_access_tokens=True, server={"now": lambda: INSTANT}) as server:
        token = (await refreshed(server)).json["access_token"]
        keys = KeySet.import_key_set((await ask("GET", server.jwks_url)).json)
        assert jwt.decode(token, keys, algorithms=["ES256"]).claims["exp"] == EPOCH + 3600
        assert await api(server, token) == 200
    async with serve(never_expires=True, jwt_access_tokens=True, signing_alg="ES256") as server:
        keys = KeySet.import_key_set((await ask("GET", server.jwks_url)).json)
        token = server.new_grant().access_token
        assert "exp" not in jwt.decode(token, keys, algorithms=["ES256"]).claims


SLACK = {
    "second_grant": "authed_user",
    "scope_separator": ",",
    "error_shape": "slack",
    "token_type": "bot",
    "granted": "always",
    "second_scope_param": "scopes_of_user",
    "second_token_type": "person",
}


async def test_two_grants_in_one_answer():
    """Class 15: a bot's and a user's tokens come together, and each rotates on its own."""
    async with serve(**SLACK) as server:
        tokens = await connect(server, Consent.approve("U1"), scope="chat,files", scopes_of_user="search")
        user = tokens["authed_user"]
        assert (tokens["ok"], tokens["token_type"], tokens["scope"]) == (True, "bot", "chat,files")
        assert (user["id"], user["token_type"], user["scope"]) == ("U1", "person", "search")
        assert len(server.grants.live_refresh_tokens("U1")) == 2
        fresh = (await refresh(server, user["refresh_token"])).json
        assert (fresh["token_type"], "authed_user" in fresh) == ("person", False)
        assert (await refresh(server, tokens["refresh_token"])).status == 200
        assert (await refresh(server, user["refresh_token"])).status == 400
        assert await api(server, tokens["access_token"]) == 200
        assert await api(server, fresh["access_token"]) == 401


async def test_only_the_second_grant():
    """Class 15: if only a user's scopes were asked for, only the user's tokens come."""
    async with serve(**SLACK) as server:
        callback = await authorize(server, scopes_of_user="search")
        tokens = (await exchange(server, callback)).json
        assert set(tokens) == {"ok", "authed_user"}
        assert (await exchange(server, callback)).status == 400
        assert server.grants.live_refresh_tokens() == frozenset()


async def test_wrapped_and_duplicated():
    """Class 15: the members may be nested, and the access token may be there twice."""
    async with serve(wrapper="data", duplicate_token="token") as server:
        answer = (await refreshed(server)).json
        assert set(answer) == {"data"}
        assert answer["data"]["token"] == answer["data"]["access_token"]


@pytest.mark.parametrize("once", [True, False])
async def test_extra_members(once):
    """Class 16: an answer has further members, at some providers only the first one of a grant."""
    extra = {"instance_url": "{url}/api", "athlete": {"id": "{account_number}"}}
    async with serve(extra_members=extra, extra_members_once=once) as server:
        tokens = await connect(server, Consent.approve("7"))
        assert (tokens["instance_url"], tokens["athlete"]) == (f"{server.url}/api", {"id": 7})
        assert ("athlete" in (await refresh(server, tokens["refresh_token"])).json) is not once


@pytest.mark.parametrize(
    ("quirks", "asked", "told"),
    [
        ({"scope_separator": ","}, {"scope": "a,b"}, {"scope": "a,b"}),
        ({"scope_separator": "+"}, {"scope": "a+b"}, {"scope": "a+b"}),
        ({"granted_as": "list"}, {"scope": "b a"}, {"scope": ["a", "b"]}),
        ({"granted_member": "scopes", "granted_as": "list"}, {"scope": "a"}, {"scopes": ["a"]}),
        ({"scope_param": "scopes"}, {"scopes": "a b"}, {"scope": "a b"}),
        ({"scope_param": None, "fixed_scopes": frozenset({"f"})}, {"scope": "a"}, {"scope": "f"}),
        ({"hidden_scopes": frozenset({"offline"})}, {"scope": "a offline"}, {"scope": "a"}),
        ({"granted": "never"}, {"scope": "a"}, {}),
    ],
)
async def test_scopes(quirks, asked, told):
    """Class 17: how scopes are written when they are asked for, and when they are granted."""
    async with serve(**{"granted": "always"} | quirks) as server:
        answer = await connect(server, **asked)
        assert {name: answer[name] for name in answer if name.startswith("scope")} == told


async def test_omitted_refresh_token():
    """Class 8: a refresh that keeps the refresh token does not repeat it; the first answer has it."""
    server = AuthorizationServer(reuse="non_rotating", quirks=ServerQuirks(omits_kept_refresh_token=True))
    async with server:
        token = (await connect(server))["refresh_token"]
        for _ in range(2):
            assert "refresh_token" not in (await refresh(server, token)).json


async def test_overlap():
    """Class 9: for a time a used refresh token gives another pair, and all work; then it is a replay."""
    clock = Clock()
    server = AuthorizationServer(reuse="overlap", replay_window=timedelta(minutes=10), monotonic=clock)
    async with server:
        token = (await connect(server))["refresh_token"]
        first, second = (await refresh(server, token)).json, (await refresh(server, token)).json
        assert first["refresh_token"] != second["refresh_token"]
        assert await api(server, first["access_token"]) == 200
        clock.seconds += 600
        assert (await refresh(server, first["refresh_token"])).status == 200
        assert (await refresh(server, token)).status == 400
        assert await api(server, second["access_token"]) == 401


@pytest.mark.parametrize(("clock_of", "lives"), [("sliding", True), ("fixed", False)])
@pytest.mark.parametrize("reuse", ["strict", "non_rotating"])
async def test_refresh_token_lifetime(clock_of, lives, reuse):
    """Class 11: a refresh token has a lifetime of its own, which a refresh starts again or does not."""
    clock = Clock()
    quirks = ServerQuirks(
        refresh_token_lifetime=timedelta(days=60),
        refresh_clock=clock_of,
        refresh_expiry_member="x_refresh_token_expires_in",
    )
    async with AuthorizationServer(reuse=reuse, monotonic=clock, quirks=quirks) as server:
        tokens = await connect(server)
        assert tokens["x_refresh_token_expires_in"] == 60 * 86400
        clock.seconds += 59 * 86400
        tokens = (await refresh(server, tokens["refresh_token"])).json
        assert tokens["x_refresh_token_expires_in"] == (60 if lives else 1) * 86400
        clock.seconds += 86400
        assert (await refresh(server, tokens["refresh_token"])).status == (200 if lives else 400)
        assert server.grants.families_revoked == 0


async def test_no_refresh_tokens():
    """Class 12: a provider may have no refresh tokens at all."""
    async with serve(refresh_tokens=False) as server:
        tokens = await connect(server)
        assert "refresh_token" not in tokens
        assert await api(server, tokens["access_token"]) == 200
        assert server.new_grant().refresh_token is None
        assert server.grants.live_refresh_tokens() == frozenset()


async def test_self_exchange():
    """Class 12: an access token that works gives another one; one that does not is refused."""
    clock = Clock()
    async with serve(
        clock, refresh_tokens=False, exchange_grant="ig_refresh", exchange_field="ig_token"
    ) as server:
        token = (await connect(server))["access_token"]

        async def extend(token, **fields):
            form = {"grant_type": "ig_refresh", "ig_token": token, **secret_of(server)}
            return await ask("POST", server.token_url, data=form | fields)

        longer = (await extend(token)).json
        assert "refresh_token" not in longer
        assert await api(server, longer["access_token"]) == 200
        assert (await extend("at-x")).json == {"error": "invalid_grant"}
        assert (await extend("")).json == {"error": "invalid_request"}
        clock.seconds += 3600
        assert (await extend(token)).json == {"error": "invalid_grant"}
        assert (await extend(token, client_secret="wrong")).status == 401


@pytest.mark.parametrize(
    ("quirks", "asking"),
    [
        ({"offline_params": {"access_type": "offline"}}, {"access_type": "offline"}),
        ({"offline_scope": "offline_access"}, {"scope": "read offline_access"}),
    ],
)
async def test_refresh_token_on_request(quirks, asking):
    """Class 18: there is a refresh token only for those who ask for it."""
    async with serve(**quirks) as server:
        assert "refresh_token" not in await connect(server, scope="read")
        assert "refresh_token" in await connect(server, **asking)
        if "offline_scope" in quirks:
            fewer = Consent.approve(scopes=["read"])
            assert "refresh_token" not in await connect(server, fewer, **asking)


async def test_refresh_token_on_exchange():
    """Class 18: asked for when the code is exchanged; else the access token lives for ever."""
    async with serve(offline_code_params={"expiring": "1"}) as server:
        legacy = await connect(server)
        assert {"refresh_token", "expires_in"}.isdisjoint(legacy)
        answer = await exchange(server, await authorize(server), expiring="1")
        assert {"refresh_token", "expires_in"} <= set(answer.json)


async def test_refresh_token_at_first_consent():
    """Class 18: an account that consented before gets none, unless it is asked again."""
    async with serve(first_consent_only=True) as server:
        assert "refresh_token" in await connect(server)
        assert "refresh_token" not in await connect(server)
        assert "refresh_token" in await connect(server, Consent.approve("other"))
        assert "refresh_token" in await connect(server, prompt="consent")


async def test_cap():
    """Class 26: a grant too many of one account kills its oldest, silently."""
    async with serve(most_grants=2) as server:
        tokens = [(await connect(server, Consent.approve("a")))["refresh_token"] for _ in range(3)]
        await connect(server, Consent.approve("b"))
        assert [(await refresh(server, token)).status for token in tokens] == [400, 200, 200]
        assert (server.grants.families_dropped, server.grants.families_revoked) == (1, 0)


async def test_faults_spoil_every_grant():
    """What goes wrong with a refresh can go wrong with a code: it is used up although the reply is lost."""
    async with serve() as server:
        callback = await authorize(server)
        server.faults.plan(Fault.UNAVAILABLE_AFTER, Fault.EXPIRES_IN_MISSING)
        assert (await exchange(server, callback)).status == 503
        assert len(server.grants.live_refresh_tokens()) == 1
        answer = await exchange(server, await authorize(server))
        assert (answer.status, "expires_in" in answer.json) == (200, False)
        assert (await exchange(server, callback)).status == 400


@pytest.mark.parametrize("fault", [Fault.OMITTED_REFRESH_TOKEN, Fault.EMPTY_REFRESH_TOKEN])
async def test_first_answer_without_refresh_token(fault):
    """The faults that omit a refresh token work on the first answer of a grant, too."""
    async with serve() as server:
        server.faults.plan(fault)
        assert not (await connect(server)).get("refresh_token")


async def test_replay_is_answered_in_full_under_a_fault():
    """A replay that gives another refresh token gives it even where a fault would omit it."""
    async with AuthorizationServer(reuse="replay_window", monotonic=Clock()) as server:
        token = (await connect(server))["refresh_token"]
        fresh = (await refresh(server, token)).json
        server.faults.plan(Fault.OMITTED_REFRESH_TOKEN)
        assert (await refresh(server, token)).json == fresh
