"""Bolt looks its tokens up among the links of the preset ``slack``."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import Any, final

import attrs
import pytest
from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

import extauth
from extauth import Auth, LinkKey, StoreUnavailable
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.providers import slack
from extauth.integrations.slack import InstalledFor, UserInstallationStore
from extauth.testing import AuthorizationServer, Consent, ServerQuirks
from tests.support.faulty_store import FaultyStore, down
from tests.support.serving import serving

CALLBACK = "https://app.example/callback/slack"
SECRET = "made-up-signing-secret"
QUIRKS = ServerQuirks(
    second_grant="authed_user",
    scope_separator=",",
    error_shape="slack",
    error_status=200,
    token_type="bot",
    granted="always",
    extra_members={
        "app_id": "A1",
        "bot_user_id": "UBOT",
        "team": {"id": "T1", "name": "Tests"},
        "enterprise": None,
        "is_enterprise_install": False,
    },
    extra_members_once=True,
)


@final
@attrs.define(eq=False)
class Workspace:
    """Slack, with an application that runs on Bolt in one workspace."""

    server: AuthorizationServer
    auth: Auth
    store: UserInstallationStore
    client: AsyncWebClient
    owners: dict[str | None, str]
    asked: list[InstalledFor]
    seen: list[str]
    """The tokens that came to Slack's Web API."""

    async def install(self, user: str, slack_user: str) -> None:
        """Let a user of the application install it, for the bot and themselves."""
        self.owners.setdefault(None, user)
        self.owners[slack_user] = user
        url = await self.auth.begin(
            "slack", user, CALLBACK, scopes=["chat:write"], params={"user_scope": "search:read"}
        )
        callback = await self.server.visit(url, Consent.approve(slack_user))
        await self.auth.complete(callback.url, user_id=user, provider_id="slack")

    async def token(self, user: str, provider_id: str = "slack") -> str:
        """Return what the store has."""
        link = await self.auth.store.get(LinkKey(provider_id, user))
        assert link is not None
        return link.tokens.access_token

    async def expire(self, user: str, provider_id: str) -> None:
        """Let the stored access token be over, as it is after half a day."""
        link = await self.auth.store.get(LinkKey(provider_id, user))
        assert link is not None
        tokens = attrs.evolve(link.tokens, expires_at=link.created_at)
        put = await self.auth.store.put(link.key, tokens, origin=link.origin)
        if link.account is not None:
            await self.auth.store.record_account(put.key, put.version, link.account)

    def app(self, **options: Any) -> AsyncApp:
        """Return the application on Bolt."""
        return AsyncApp(
            signing_secret=SECRET,
            client=self.client,
            installation_store=self.store,
            process_before_response=True,  # so that listeners are done when it answers
            **options,
        )

    async def send(self, app: AsyncApp, event: dict[str, Any], user: str | None = "U1") -> int:
        """Let Slack send an event, signed, and return the status of the answer."""
        body = json.dumps({"type": "event_callback", "team_id": "T1", "event": event | {"user": user}})
        now = str(int(time.time()))
        signature = SignatureVerifier(SECRET).generate_signature(timestamp=now, body=body)
        assert signature is not None
        headers: dict[str, str | Sequence[str]] = {
            "content-type": ["application/json"],
            "x-slack-request-timestamp": [now],
            "x-slack-signature": [signature],
        }
        answer = await app.async_dispatch(AsyncBoltRequest(body=body, headers=headers))
        return answer.status


@pytest.fixture
async def workspace():
    """Slack, and an application that nobody has installed yet."""
    async with opened() as there:
        yield there


@asynccontextmanager
async def opened(links="memory://"):
    """Run Slack's two sides, the OAuth endpoints and the Web API, and an application."""
    async with AuthorizationServer(redirect_uris=[CALLBACK], quirks=QUIRKS) as server:
        seen: list[str] = []

        async def auth_test(request):
            token = request.headers["Authorization"].removeprefix("Bearer ")
            seen.append(token)
            if not server.accepts(token):
                return web.json_response({"ok": False, "error": "invalid_auth"})
            scopes = server.grants.record(token).scopes
            bot = {"user_id": "UBOT", "bot_id": "B1"}
            who = bot if "chat:write" in scopes else {"user_id": server.grants.subject_of(token)}
            return web.json_response({"ok": True, "team_id": "T1", **who})

        provider = slack(
            client_id=server.client_id,
            client_secret=server.client_secret,
            authorize_url=server.authorize_url,
            token_url=server.token_url,
            revocation=None,
        )
        async with (
            serving([web.post("/api/auth.test", auth_test)]) as url,
            extauth.open(links, [provider]) as auth,
        ):
            owners: dict[str | None, str] = {}
            asked: list[InstalledFor] = []

            async def owner(wanted: InstalledFor) -> str | None:
                asked.append(wanted)
                return owners.get(wanted.user_id)

            store = UserInstallationStore(auth, owner=owner)
            client = AsyncWebClient(base_url=f"{url}/api/")
            yield Workspace(server, auth, store, client, owners, asked, seen)


def listening(app: AsyncApp) -> list[tuple[str | None, str | None]]:
    """Return a list that gets the bot's and the user's token of each event that a listener is given."""
    heard: list[tuple[str | None, str | None]] = []

    @app.event("app_mention")
    async def mentioned(context, client):
        assert client.token == context.bot_token
        heard.append((context.bot_token, context.user_token))

    return heard


async def test_an_event_is_handled_with_both_tokens(workspace):
    """The bot's, and the user's own, who is the one that sent the event."""
    await workspace.install("alice", "U1")
    app = workspace.app()
    heard = listening(app)
    assert await workspace.send(app, {"type": "app_mention"}) == 200
    assert heard == [(await workspace.token("alice"), await workspace.token("alice", "slack/user"))]
    assert workspace.asked[0] == InstalledFor(None, "T1", None)


async def test_the_event_of_another_user_has_their_own_token(workspace):
    """The bot is the installer's; the user's token never is."""
    await workspace.install("alice", "U1")
    await workspace.install("bob", "U2")
    app = workspace.app()
    heard = listening(app)
    await workspace.send(app, {"type": "app_mention"}, user="U2")
    await workspace.send(app, {"type": "app_mention"}, user="U3")
    bot = await workspace.token("alice")
    assert sorted(heard, key=str) == sorted(
        [(bot, await workspace.token("bob", "slack/user")), (bot, None)], key=str
    )


async def test_many_events_with_expired_tokens_cause_one_exchange_each(workspace):
    """Sixteen events at two applications on one store: the bot's and the user's are refreshed once."""
    await workspace.install("alice", "U1")
    await workspace.expire("alice", "slack")
    await workspace.expire("alice", "slack/user")
    apps = [workspace.app() for _ in range(2)]
    heard = [listening(app) for app in apps]
    before = workspace.server.grants.exchanges
    statuses = await asyncio.gather(*(workspace.send(app, {"type": "app_mention"}) for app in apps * 8))
    assert statuses == [200] * 16
    assert workspace.server.grants.exchanges - before == 2
    assert len(workspace.server.presented) == 2
    tokens = (await workspace.token("alice"), await workspace.token("alice", "slack/user"))
    assert [*heard[0], *heard[1]] == [tokens] * 16
    assert len(set(workspace.seen)) == 2


async def test_bolt_never_rotates(workspace):
    """What it is handed has no refresh token and no end, and knows where it is installed."""
    await workspace.install("alice", "U1")
    found = await workspace.store.async_find_installation(enterprise_id=None, team_id="T1", user_id="U1")
    bot = await workspace.store.async_find_bot(enterprise_id=None, team_id="T1")
    for each in (found, bot, found.to_bot()):
        assert each.bot_refresh_token is None
        assert each.bot_token_expires_at is None
        assert each.bot_token == await workspace.token("alice")
        assert (each.team_id, each.team_name, each.app_id, each.bot_user_id) == ("T1", "Tests", "A1", "UBOT")
        assert (each.bot_scopes, each.is_enterprise_install) == (["chat:write"], False)
    assert (found.user_refresh_token, found.user_token_expires_at) == (None, None)
    assert (found.user_id, found.user_scopes) == ("U1", ["search:read"])


async def test_who_must_connect_is_asked_to_install(workspace):
    """With no link, or one that is over, there is no installation, and no listener runs."""
    app = workspace.app()
    heard = listening(app)
    assert await workspace.store.async_find_bot(enterprise_id=None, team_id="T1") is None
    await workspace.send(app, {"type": "app_mention"})
    await workspace.install("alice", "U1")
    await workspace.expire("alice", "slack")
    await workspace.expire("alice", "slack/user")
    workspace.server.grants.revoke_subject("U1")
    assert await workspace.store.async_find_installation(enterprise_id=None, team_id="T1") is None
    await workspace.send(app, {"type": "app_mention"})
    assert heard == []


async def test_a_lost_bot_leaves_the_users_token(workspace):
    """They are two links: what became of one says nothing about the other."""
    await workspace.install("alice", "U1")
    await workspace.auth.store.delete(LinkKey("slack", "alice"))
    found = await workspace.store.async_find_installation(enterprise_id=None, team_id="T1", user_id="U1")
    assert (found.bot_token, found.user_token) == (None, await workspace.token("alice", "slack/user"))


async def test_an_outage_is_no_missing_installation():
    """It is raised, so that nobody is told to install again because a database was away."""
    faulty = FaultyStore(MemoryLinkStore())
    async with opened(faulty) as workspace:
        await workspace.install("alice", "U1")
        app = workspace.app()
        heard = listening(app)
        faulty.before["get"] += down(1)
        assert await workspace.send(app, {"type": "app_mention"}) == 500  # Slack sends it again
        faulty.before["get"] += down(1)
        with pytest.raises(StoreUnavailable):
            await workspace.store.async_find_bot(enterprise_id=None, team_id="T1")
        assert await workspace.send(app, {"type": "app_mention"}) == 200
    assert len(heard) == 1


async def test_uninstalling_disconnects(workspace):
    """Slack's own events do it, through Bolt's listeners."""
    await workspace.install("alice", "U1")
    app = workspace.app()
    app.enable_token_revocation_listeners()
    await workspace.send(app, {"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}})
    assert [link.key.provider_id for link in await workspace.auth.links("alice")] == ["slack"]
    await workspace.send(app, {"type": "app_uninstalled"})
    assert await workspace.auth.links("alice") == []


@pytest.mark.parametrize(
    ("place", "named"),
    [
        pytest.param({"team_id": "T2"}, "the team 'T1'", id="team"),
        pytest.param({"team_id": "T1", "user_id": "U2"}, "the user 'U1'", id="user"),
    ],
)
async def test_a_confused_owner_gives_nobody_elses_token(workspace, place, named):
    """A link for another workspace, or another user of it, is refused."""
    await workspace.install("alice", "U1")
    workspace.owners["U2"] = "alice"
    with pytest.raises(ValueError, match=named):
        await workspace.store.async_find_installation(enterprise_id=None, **place)


async def test_an_organizations_installation_has_no_workspace(workspace):
    """Bolt names the workspace of the event, which is not asked for then."""
    await workspace.install("alice", "U1")
    await workspace.store.async_find_bot(enterprise_id="E1", team_id="T9", is_enterprise_install=True)
    assert workspace.asked == [InstalledFor("E1", None, None)]


async def test_bolts_own_installations_are_refused(workspace):
    """They would be written beside those that are here."""
    with pytest.raises(RuntimeError, match=r"auth\.begin"):
        await workspace.store.async_save(Installation(user_id="U1", bot_token="made up"))
    with pytest.raises(RuntimeError, match=r"auth\.begin"):
        await workspace.store.async_save_bot(None)


async def test_nothing_shows_a_token(workspace, caplog):
    """Neither a repr nor a log line of extauth's."""
    await workspace.install("alice", "U1")
    caplog.set_level("DEBUG", "extauth")
    found = await workspace.store.async_find_installation(enterprise_id=None, team_id="T1", user_id="U1")
    assert found.bot_token not in f"{workspace.store!r} {vars(workspace.store)!r} {found!r} {caplog.text}"
