"""Class 24: validation is a call of its own kind, and not every refusal means that the token is dead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.endpoints.validation import ValidationRules
from extauth.adapters.providers import (
    Preset,
    atlassian,
    dropbox,
    github,
    hubspot,
    notion,
    salesforce,
    twitch,
)
from extauth.domain.linking_outcomes import TokenInvalid, TokenUnverified, TokenValid
from extauth.testing import Refusal
from tests.quirks.support_b import AT_THE_INSTANCE, using

IGNORED = {"pkce": "ignored"}
TWITCH = {"user_id": "{account_id}", "login": "{login}"}
INTROSPECTED: dict[str, Any] = {"extra_members": {"instance_url": "{url}"}}
GITHUB: dict[str, Any] = {
    "refresh_tokens": False,
    "never_expires": True,
    "userinfo": {"id": "{account_id}", "login": "{login}"},
}
LAGGING = {**GITHUB, "replica_lag": 3}

KINDS: list[tuple[Preset, dict[str, Any], dict[str, Any]]] = [
    (twitch, {"userinfo": TWITCH}, {}),
    (dropbox, {"userinfo": {"account_id": "{account_id}"}}, {}),
    (hubspot, {"api_place": "path"}, {}),
    (notion, {"encoding": "json"}, {}),
    (salesforce, INTROSPECTED, {"validation": AT_THE_INSTANCE}),
]


@pytest.mark.parametrize(("preset", "quirks", "client"), KINDS, ids=[preset.id for preset, *_ in KINDS])
async def test_asked_in_the_providers_way(preset, quirks, client):
    """A token that works is valid and one that was revoked is not; the stored tokens stay in any case."""
    async with using(preset, client=client, **{**IGNORED, **quirks}) as app:
        await app.connect()
        before = await app.stored()
        assert isinstance(await app.validate(), TokenValid)
        app.server.grants.revoke_subject("someone")
        assert await app.validate() == TokenInvalid()
        assert await app.stored() == before


@pytest.mark.parametrize(
    ("preset", "quirks"),
    [(hubspot, {"api_place": "path"}), (notion, {"encoding": "json"})],
    ids=["hubspot", "notion"],
)
async def test_the_usual_way_tells_nothing_there(preset, quirks):
    """A client that shows the token in a header gets an answer that does not depend on the token."""
    async with using(preset, **{**IGNORED, **quirks}) as app:
        await app.connect()
        url = app.server.token_info_url if preset is hubspot else app.server.introspection_url
        usual = attrs.evolve(preset, validation=ValidationRules(call=Call(url=url.partition("/{")[0])))
        provider = usual(client_id="client", client_secret="secret", token_url=app.server.token_url)
        verdicts = [await provider.validate((await app.stored()).tokens)]
        app.server.grants.revoke_subject("someone")
        verdicts.append(await provider.validate((await app.stored()).tokens))
        assert verdicts[0] == verdicts[1]
        assert isinstance(verdicts[0], TokenUnverified)


async def test_whose_token_it_is_is_recorded():
    """Where the answer says whose account it is, the link knows it from then on."""
    async with using(twitch, userinfo=TWITCH, **IGNORED) as app:
        app.server.limit_api()  # so that nobody could tell when the user connected
        assert (await app.connect()).account is None
        validity = await app.validate()
        assert (validity.account.id, validity.account.login) == ("someone", "someone")
        assert (await app.stored()).account == validity.account


@pytest.mark.parametrize("status", [403, 429])
async def test_a_rate_limit_says_nothing_about_the_token(status):
    """GitHub's 403 with rate-limit headers is not taken for a dead token; it says how long to wait."""
    async with using(github, rate_limit_status=status, **GITHUB) as app:
        link = await app.connect()
        before = await app.stored()
        app.server.limit_api()
        assert await app.validate() == TokenUnverified("rate_limited", timedelta(seconds=60))
        assert await app.stored() == before
        assert isinstance(await app.validate(), TokenValid)
        app.server.grants.revoke_subject("someone")
        assert await app.validate() == TokenInvalid()
        assert (await app.stored()).tokens == link.tokens


@pytest.mark.parametrize("status", [403, 404])
async def test_a_gateways_other_status_proves_nothing(status):
    """Atlassian's gateway may answer 403 or 404 to an expired token: there is no telling, and it is kept."""
    async with using(atlassian, expired_status=status, pkce="ignored") as app:
        link = await app.connect()
        app.clock.advance(timedelta(hours=2))
        assert await app.validate() == TokenUnverified(f"http_{status}")
        assert (await app.stored()).tokens == link.tokens
        fresh = await app.link()
        assert fresh.version == 2
        assert await app.validate() == TokenValid()


async def test_an_expired_token_says_nothing_about_the_grant():
    """An expired access token is invalid; the link is not marked and refreshes."""
    async with using(twitch, userinfo=TWITCH, **IGNORED) as app:
        await app.connect()
        app.clock.advance(timedelta(hours=2))
        assert await app.validate() == TokenInvalid()
        assert (await app.stored()).failure is None
        await app.link()
        assert isinstance(await app.validate(), TokenValid)


async def test_a_lagging_replica_is_asked_again():
    """A new token that the replicas do not know yet is shown again; an old one that is refused is not."""
    async with using(github, **LAGGING) as app:
        leaping(app)
        app.server.limit_api()  # which keeps the account from being asked for again when connecting
        await app.connect()
        assert isinstance(await app.validate(), TokenValid)
        # One call too many at connecting, three with a token unknown, and one that was answered.
        assert len(app.wire.to(app.server.userinfo_url)) == 5
        app.clock.advance(timedelta(minutes=1))
        app.server.grants.revoke_subject("someone")
        assert await app.validate() == TokenInvalid()
        assert len(app.wire.to(app.server.userinfo_url)) == 6


async def test_whose_account_it_is_waits_for_the_replicas():
    """A user who connects is known at once, though the first calls with the new token are refused."""
    async with using(github, **LAGGING) as app:
        leaping(app)
        assert (await app.connect()).account.login == "someone"
        assert len(app.wire.to(app.server.userinfo_url)) == 4
    async with using(github, **{**LAGGING, "replica_lag": 100}) as app:
        leaping(app)
        assert (await app.connect()).account is None
        assert sum(app.clock.slept) == pytest.approx(1.0)


async def test_without_the_rule_a_new_token_looks_dead():
    """A client that does not know of the lag takes a token for dead that works a moment later."""
    hasty = attrs.evolve(github, validation=attrs.evolve(github.validation, replica_lag=False))
    async with using(hasty, **LAGGING) as app:
        leaping(app)
        assert (await app.connect()).account is None
        assert await app.validate() == TokenInvalid()


async def test_an_outage_says_nothing_about_the_token():
    """An answer nobody knows leaves everything as it is."""
    async with using(notion, encoding="json", pkce="ignored", wrong_client=Refusal("x", 503)) as app:
        link = await app.connect()
        app.server.client_secret = "changed"
        assert await app.validate() == TokenUnverified("http_503")
        assert (await app.stored()).tokens == link.tokens


def leaping(app: Any) -> None:
    """Let the client wait by the test's clock."""
    app.provider._calls = attrs.evolve(app.provider._calls, sleep=app.clock.sleep)
