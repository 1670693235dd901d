"""All that an application does with extauth, one act after the other, each with what can go wrong in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, final

import attrs

from extauth import LinkingService, LinkKey, RefreshPolicy, TokenService, TokenSet
from extauth.adapters.discovery import discover, register_client
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.oauth2.token.reply_rules import ReplyRules
from extauth.domain.linking import ClientRegistration
from extauth.testing import AuthorizationServer, Fault
from extauth.testing.server.authorization_server import REDIRECT_URI
from extauth.testing.server.consent import Consent
from tests.secrecy.canaries import Canaries
from tests.secrecy.places import Place
from tests.secrecy.watch import Watch
from tests.support.clocks import LeapingClock

KEY = LinkKey("example", "alice")
POLICY = RefreshPolicy(wait_timeout=timedelta(seconds=2), shutdown_grace=timedelta(seconds=1))


@final
@attrs.frozen(eq=False)
class Stage:
    """Where the acts play."""

    place: Place
    server: AuthorizationServer
    provider: OAuth2Provider
    linking: LinkingService
    tokens: TokenService
    clock: LeapingClock
    watch: Watch
    canaries: Canaries

    async def callback(self, consent: Consent | None = None) -> str:
        """Begin, and let alice answer."""
        url = await self.linking.begin("example", "alice", REDIRECT_URI)
        return (await self.server.visit(url, consent)).url

    async def connect(self) -> None:
        """Connect alice."""
        link = await self.linking.complete(await self.callback(), user_id="alice")
        self.watch.take("link", link)
        self.canaries.of_link(link)

    async def token(self) -> str:
        """Return alice's access token."""
        return await self.tokens.access_token("example", "alice")

    async def refresh(self, **options: Any) -> None:
        """Refresh alice's link."""
        link = await self.tokens.refresh("example", "alice", **options)
        self.watch.take("link", link)
        self.canaries.of_link(link)


Act = Callable[[Stage], Awaitable[None]]


async def connecting(stage: Stage) -> None:
    """The code flow: twice the same callback, another user's, a denial, a forged code, no answer."""
    linking, refused = stage.linking, stage.watch.refused
    callback = stage.canaries.of_callback(await stage.callback())
    await refused(linking.complete(callback, user_id="mallory"))
    await refused(linking.complete(callback, user_id="alice", method="POST"))
    await refused(linking.complete(callback + "&state=twice", user_id="alice"))
    await refused(linking.complete(callback + "&more=\ud800", user_id="alice"))
    await refused(linking.complete(callback.replace("state=", "state=not-"), user_id="alice"))
    await refused(linking.complete(callback, user_id="alice", provider_id="another"))
    stage.canaries.of_link(await linking.complete(callback, user_id="alice"))
    await refused(linking.complete(callback, user_id="alice"))
    await refused(linking.complete(await stage.callback(Consent.deny()), user_id="alice"))
    forged = stage.canaries.new("code")
    query = (await stage.callback()).split("code=")
    await refused(linking.complete(f"{query[0]}code={forged}&{query[1].partition('&')[2]}", user_id="alice"))
    for fault in (Fault.LOST_REPLY, Fault.JUNK_BODY, Fault.WRONG_CLIENT, Fault.UNAVAILABLE_AFTER):
        callback = await stage.callback()
        stage.server.faults.plan(fault)
        await refused(linking.complete(callback, user_id="alice"))
    elsewhere = await stage.callback()
    await refused(linking.complete(elsewhere.replace("app.example", "other.example"), user_id="alice"))
    gone = asyncio.create_task(linking.complete(await stage.callback(), user_id="alice"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait({gone})
    stage.watch.take("links", await linking.links("alice"))
    stage.watch.take("validity", await linking.validate("example", "alice"))


async def by_device(stage: Stage) -> None:
    """The device flow: allowed, denied, and with answers that get lost."""
    linking = stage.linking
    device = await linking.begin_device("example", "alice")
    stage.watch.take("device", device)
    stage.server.approve_device(device.user_code)
    stage.canaries.of_link(await linking.complete_device(device))
    device = await linking.begin_device("example", "alice")
    stage.server.deny_device(device.user_code)
    await stage.watch.refused(linking.complete_device(device))
    device = await linking.begin_device("example", "alice")
    stage.server.approve_device(device.user_code)
    stage.server.faults.plan(Fault.LOST_REPLY)
    await stage.watch.refused(linking.complete_device(device))


async def refreshing(stage: Stage) -> None:
    """Refreshes that succeed, for the grant and a resource, by many at once, cancelled and after a 401."""
    await stage.connect()
    await stage.refresh()
    stale = await stage.token()
    await asyncio.gather(*(stage.refresh(rejected=stale) for _ in range(3)))
    await stage.refresh(resource=stage.server.resource_url)
    gone = asyncio.create_task(stage.refresh())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait({gone})
    stage.clock.advance(timedelta(minutes=58))
    await stage.token()
    stage.clock.advance(timedelta(hours=2))
    stage.canaries.add("access token", await stage.token())
    await stage.watch.refused(stage.tokens.link("example", "nobody"))
    await stage.watch.refused(stage.tokens.refresh("another", "alice", rejected=stale))
    async with TokenService(stage.place.store, [stage.provider], policy=POLICY) as other:
        both = (other.refresh("example", "alice", rejected=await stage.token()), stage.refresh())
        await asyncio.gather(*both)


async def failing(stage: Stage) -> None:
    """Refreshes that get lost, are refused for now, for the client's sake, and for good."""
    for fault in (
        Fault.UNAVAILABLE_BEFORE,
        Fault.RATE_LIMITED,
        Fault.ERROR_IN_200,
        Fault.WRONG_CLIENT,
        Fault.LOST_REPLY,
        Fault.CUT_REPLY,
        Fault.JUNK_BODY,
        Fault.OVERSIZED_BODY,
    ):
        await stage.connect()
        stage.server.faults.plan(*[fault] * 3)
        await stage.watch.refused(stage.refresh(rejected=await stage.token()))
        while stage.server.faults.deal() is not None:
            pass
        stage.clock.advance(timedelta(hours=2))
    forged = TokenSet(stage.canaries.new("access token"), stage.canaries.new("refresh token"))
    await stage.place.store.put(KEY, forged, origin=stage.provider.origin)
    await stage.watch.refused(stage.refresh(rejected=forged.access_token))
    stage.watch.take("links", await stage.linking.links("alice"))


async def disconnecting(stage: Stage) -> None:
    """An unlink, with and without a provider that answers."""
    await stage.connect()
    stage.watch.take("unlinked", await stage.linking.unlink("example", "alice"))
    await stage.watch.refused(stage.token())
    await stage.connect()
    callback = await stage.callback()
    await stage.linking.unlink("example", "alice")
    await stage.watch.refused(stage.linking.complete(callback, user_id="alice"))


async def registering(stage: Stage) -> None:
    """A client that registers itself, and what is kept of it."""
    store, canaries = stage.place.store, stage.canaries
    metadata = await discover(stage.server.issuer)
    metadata = attrs.evolve(metadata, client_auth_methods=("client_secret_basic",))
    made = await register_client(
        metadata,
        redirect_uris=[REDIRECT_URI],
        client_name="A test",
        initial_access_token=canaries.new("initial access token"),
    )
    token = canaries.new("registration token")
    made = attrs.evolve(made, registration_token=token, registration_uri="https://as.example/c/1")
    stage.watch.take("registration", await store.keep_registration("one", made))
    stage.watch.take("registration", await store.registration("one"))
    another = ClientRegistration(
        issuer=stage.server.issuer, client_id="c-2", client_secret=canaries.new("client secret")
    )
    stage.watch.take("registration", await store.keep_registration("one", another))
    stage.watch.take("registration", await store.keep_registration("one", another, instead_of=made.client_id))
    await stage.watch.refused(
        register_client(
            attrs.evolve(metadata, registration_endpoint=stage.server.token_url),
            redirect_uris=[REDIRECT_URI],
            client_name="A test",
            initial_access_token=canaries.new("initial access token"),
        )
    )


ACTS: tuple[Act, ...] = (connecting, by_device, refreshing, failing, disconnecting, registering)


async def play(act: Act, place: Place, watch: Watch, canaries: Canaries) -> None:
    """Play one act on a store."""
    clock = LeapingClock()
    server = AuthorizationServer(monotonic=clock.monotonic, now=clock.now)
    async with server:
        provider = OAuth2Provider(
            "example",
            client_id=server.client_id,
            client_secret=server.client_secret,
            authorize_url=server.authorize_url,
            token_url=server.token_url,
            revoke_url=server.revoke_url,
            device_url=server.device_authorization_url,
            userinfo_url=server.userinfo_url,
            scopes=["openid", "read"],
            openid=True,
            issuer=server.issuer,
            replies=ReplyRules(extra_fields={"id_token"}),
            clock=clock,
        )
        async with (
            LinkingService(place.store, [provider], clock=clock, secret_source=canaries.draw) as linking,
            TokenService(place.store, [provider], clock=clock, policy=POLICY) as tokens,
        ):
            stage = Stage(place, server, provider, linking, tokens, clock, watch, canaries)
            watch.take("services", (linking, tokens, provider, place.store))
            try:
                await act(stage)
            finally:
                canaries.of_server(server)
                canaries.complete()
