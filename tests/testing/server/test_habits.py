"""What extauth makes of each habit that real servers were seen to have."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs
import pytest

from extauth import (
    ConsentDenied,
    LinkingFailed,
    ProviderMisconfigured,
    ReauthorizationRequired,
    TemporarilyUnavailable,
)
from extauth.adapters.oauth2 import TokenRequests
from extauth.domain.challenges import missing_scopes
from extauth.testing import Consent, Refusal
from tests.support.habits import CALLBACK, application
from tests.support.raw_client import ask, bearer

LOSER = Refusal("server_error", 500)
NAMED = {"requests": TokenRequests(names_client=True)}
OFFLINE = {"openid": True, "scopes": ["read", "offline_access"]}

NOBODY_NOTICES = {
    "a consumed token is refused": ({}, {"reuse": "refused"}, {}),
    "the previous token works until its successor is used": ({}, {"reuse": "until_successor"}, {}),
    "a reuse kills, at the same moment it does not": ({"forgives_pairs": True}, {}, {}),
    "a reuse kills all of the account": ({}, {"reuse": "strict_account"}, {}),
    "the loser of a pair gets a 500": ({"pair_loser": LOSER}, {"reuse": "refused"}, {}),
    "rotation is late": ({"rotates_after": timedelta(hours=3)}, {}, {}),
    "access tokens of one second are equal": ({"jwt_access_tokens": True, "jwt_ids": False}, {}, {}),
    "the client's id in the body, by Basic": ({"client_id_in_body": True}, {}, NAMED),
    "the client's id in the body, by post": (
        {"client_id_in_body": True},
        {},
        {"client_auth": "client_secret_post"},
    ),
    "HTTP Basic stands alone": ({"basic_stands_alone": True}, {}, {}),
    "another consent kills": ({"consent_revokes": True}, {}, {}),
    "offline access with consent only": (
        {"offline_scope": "offline_access", "offline_params": {"prompt": "consent"}},
        {},
        OFFLINE,
    ),
    "no issuer in errors": ({"iss_in_errors": False}, {}, {}),
}


@pytest.mark.parametrize("habit", NOBODY_NOTICES)
async def test_three_rotations_by_several_callers(habit):
    """Connected twice, then three times refreshed by six callers of two replicas: one exchange each, a token
    that works, and no link lost."""
    async with application(*NOBODY_NOTICES[habit]) as app:
        await app.connect()
        await app.connect()
        for number in range(1, 4):
            await app.expire()
            (token,) = await app.tokens()
            assert app.server.accepts(token)
            assert len(app.server.presented) == number
        assert (await app.stored()).failure is None
        assert (app.server.grants.replays, app.server.grants.families_revoked) == (0, 0)


async def test_equal_tokens_that_an_api_refuses():
    """Two replicas that report the same text within its second make one exchange; a version counts, not a
    text."""
    quirks = {"jwt_access_tokens": True, "jwt_ids": False}
    async with application(quirks) as app:
        link = await app.connect()
        refused = link.tokens.access_token
        calls = [replica.refresh("http", "alice", rejected=refused) for replica in app.replicas * 3]
        links = await asyncio.gather(*calls)
        assert {(link.version, link.tokens.access_token) for link in links} == {(2, refused)}
        assert len(app.server.presented) == 1


@pytest.mark.parametrize("grace", [0, 3 * 3600])
async def test_a_server_that_gives_no_other_token(grace):
    """A refresh token that is spent and not replaced brings one access token, and further ones in the grace;
    then the grant is dead, and extauth says so after one presentation."""
    options = {"reuse": "spent", "replay_window": timedelta(seconds=grace)}
    async with application({}, options) as app:
        await app.connect()
        for _ in range(2 if grace else 1):
            await app.expire()
            (token,) = await app.tokens()
            assert app.server.accepts(token)
        await app.expire()
        for _ in range(2):
            with pytest.raises(ReauthorizationRequired) as caught:
                await app.replicas[0].access_token("http", "alice")
            assert caught.value.reason == "invalid_grant"
        assert len(app.server.presented) == (3 if grace else 2)


async def test_a_wrong_secret_that_spends_the_token():
    """The wrong secret presents the token once. It was the server's to spend: when the secret
    is mended, the link needs its user, and no other way of sending the secret was tried."""
    async with application({"wrong_secret_spends": True}, {"reuse": "refused"}) as app:
        await app.connect()
        right, app.server.client_secret = app.server.client_secret, "another"
        await app.expire()
        for replica in app.replicas[:1] * 3:
            with pytest.raises(ProviderMisconfigured):
                await replica.access_token("http", "alice")
        assert len(app.server.presented) == 1
        app.server.client_secret = right
        await app.expire()
        with pytest.raises(ReauthorizationRequired):
            await app.replicas[0].access_token("http", "alice")


async def test_a_consent_that_nobody_finishes():
    """The user allowed again and closed the window: the old grant is dead, and the link says so."""
    async with application({"consent_revokes": True}) as app:
        await app.connect()
        await app.server.visit(
            await app.replicas[0].begin("http", "alice", CALLBACK), Consent.approve("alice")
        )
        await app.expire()
        with pytest.raises(ReauthorizationRequired):
            await app.replicas[0].access_token("http", "alice")
        assert (await app.connect()).failure is None


async def test_throttled_by_a_header_of_its_own():
    """A 429 costs the link nothing: it is asked again when the server says."""
    throttled = Refusal("slow_down", 429, headers={"X-Retry-After": "40"})
    async with application({"throttled": throttled, "refresh_limit": (1, timedelta(hours=3))}) as app:
        await app.connect()
        await app.expire()
        await app.tokens()
        await app.expire()
        with pytest.raises(TemporarilyUnavailable) as caught:
            await app.replicas[0].access_token("http", "alice")
        assert caught.value.retry_after == timedelta(seconds=40)
        await app.expire()
        (token,) = await app.tokens()
        assert app.server.accepts(token)


@pytest.mark.parametrize("shape", ["oauth", "empty", "text"])
@pytest.mark.parametrize("status", [400, 401])
async def test_a_dead_token_in_words_of_its_own(shape, status):
    """What does not say that the grant is dead is not taken for it: no mark for ever on this link, and no
    other user's is touched."""
    dead = Refusal("invalid_request", status)
    async with application({"dead_refresh_token": dead, "error_shape": shape}) as app:
        await app.connect("alice")
        await app.connect("bob")
        app.server.grants.revoke_subject("alice")
        for _ in range(2):
            await app.expire()
            with pytest.raises((TemporarilyUnavailable, ProviderMisconfigured)):
                await app.replicas[0].access_token("http", "alice")
            (token,) = await app.tokens("bob")
            assert app.server.accepts(token)


async def test_scopes_that_were_not_registered():
    """The refusal is the connection's; the link and its scopes stay."""
    async with application({"registered_scopes_only": True}) as app:
        registered = {"redirect_uris": [CALLBACK], "scope": "read"}
        client = (await ask("POST", app.server.registration_url, json=registered)).json
        own = {name: client[name] for name in ("client_id", "client_secret")}
        own |= {"authorize_url": app.server.authorize_url, "token_url": app.server.token_url}
        async with application({}, {}, own) as other:
            client_app = attrs.evolve(other, server=app.server)
            link = await client_app.connect(scopes=["read"])
            with pytest.raises(LinkingFailed, match="invalid_scope"):
                await client_app.connect(scopes=["read", "write"])
            assert await client_app.stored() == link


@pytest.mark.parametrize(("named", "missing"), [(True, {"write"}), (False, set())])
async def test_an_api_that_needs_more(named, missing):
    """What is missing is read from the answer; where it names nothing, nothing is known to be."""
    quirks = {"api_scopes": {"read", "write"}, "names_missing_scopes": named}
    async with application(quirks) as app:
        link = await app.connect(scopes=["read"])
        answer = await ask("GET", app.server.resource_url, headers=bearer(link.tokens.access_token))
        assert missing_scopes(answer.headers["WWW-Authenticate"], link.tokens.scopes) == missing


async def test_a_denial_without_the_promised_issuer():
    """It is a denial, not a mix-up."""
    provider = {"issuer": "https://issuer.example", "sends_issuer": True}
    async with application({"iss_in_errors": False}, {}, provider) as app:
        url = await app.replicas[0].begin("http", "alice", CALLBACK)
        callback = await app.server.visit(url, Consent.deny())
        with pytest.raises(ConsentDenied):
            await app.replicas[0].complete(callback.url, user_id="alice", provider_id="http")
