"""One object for an application: its flow on every store, what it shares, and what leaving it promises."""

from __future__ import annotations

import asyncio
import builtins
import inspect
import random
import threading
import traceback
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import get_args

import asyncpg
import pytest
from yarl import URL

import extauth
from extauth import (
    Account,
    Auth,
    InvalidCallback,
    LinkingService,
    LinkKey,
    LinkNotFound,
    ProviderUnavailable,
    RefreshPolicy,
    StoreUnavailable,
    TokenService,
    TokenSet,
    TokenValid,
    UnknownProvider,
    events,
    open_store,
)
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.linking import LinkingTraits
from extauth.domain.outcomes import NotSent
from extauth.testing import AuthorizationServer, ScriptedLinkingProvider, ScriptedProvider
from extauth.testing.server.quirks import ServerQuirks
from tests.support.clocks import LeapingClock

CALLBACK = "https://app.example/callback/app"
ALICE, BOB = LinkKey("app", "alice"), LinkKey("app", "bob")
OLD = TokenSet("at-old", "rt-old", expires_at=datetime(2020, 1, 1, tzinfo=UTC))


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def url(request, tmp_path, postgres_server):
    """The URL of an empty store, of each kind that ships."""
    async with AsyncExitStack() as closing:
        if request.param == "postgres":
            yield await closing.enter_async_context(postgres_server.fresh_database())
        else:
            yield {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/links.db"}[request.param]


@pytest.fixture
def file_url(tmp_path):
    """The URL of a store that is there after it was closed."""
    return f"sqlite:///{tmp_path}/links.db"


class Told:
    """An observer that remembers."""

    def __init__(self):
        self.events = []

    def notify(self, event):
        self.events.append(event)


@asynccontextmanager
async def serving():
    """A real server whose devices may be polled every second, and the provider for it."""
    quirks = ServerQuirks(device_interval=timedelta(seconds=1))
    async with AuthorizationServer(redirect_uris=[CALLBACK], quirks=quirks) as server:
        yield (
            server,
            OAuth2Provider(
                "app",
                client_id=server.client_id,
                client_secret=server.client_secret,
                authorize_url=server.authorize_url,
                token_url=server.token_url,
                device_url=server.device_authorization_url,
                revoke_url=server.revoke_url,
                userinfo_url=server.userinfo_url,
            ),
        )


async def test_the_whole_flow(url):
    """Connect, use, refresh, look, connect a device, disconnect: over HTTP, on each store."""
    told = Told()
    async with serving() as (server, provider), extauth.open(url, [provider], observer=told) as auth:
        callback = await server.visit(await auth.begin("app", "alice", CALLBACK, scopes=["openid"]))
        linked = await auth.complete(callback.url, user_id="alice", provider_id="app")
        old = await auth.access_token("app", "alice")
        assert linked.tokens.access_token == old
        links = await asyncio.gather(*(auth.refresh("app", "alice", rejected=old) for _ in range(10)))
        assert {link.version for link in links} == {linked.version + 1}
        assert server.grants.exchanges == 1
        assert await auth.link("app", "alice") == links[0]
        assert isinstance(await auth.validate("app", "alice"), TokenValid)

        device = await auth.begin_device("app", "bob", scopes=["openid"])
        server.approve_device(device.user_code)
        assert (await auth.complete_device(device)).key == BOB
        assert [link.key for link in await auth.links("bob")] == [BOB]

        assert (await auth.unlink("app", "alice")).revoked
        with pytest.raises(LinkNotFound):
            await auth.access_token("app", "alice")
    assert [type(event) for event in told.events] == [
        events.LinkConnected,
        events.ExchangeStarted,
        events.LinkRefreshed,
        events.LinkConnected,
        events.LinkRemoved,
    ]


async def test_what_is_beneath():
    """The services and the store are one and the same, and are there to be used."""
    async with extauth.open("memory://", [ScriptedLinkingProvider("app")]) as auth:
        assert isinstance(auth.tokens, TokenService)
        assert isinstance(auth.linking, LinkingService)
        await auth.store.put(ALICE, TokenSet("at-1"))
        assert await auth.tokens.access_token("app", "alice") == "at-1"
        assert [link.key for link in await auth.linking.links("alice")] == [ALICE]


@pytest.mark.parametrize(
    ("service", "name"),
    [
        *((TokenService, name) for name in ("access_token", "link", "refresh")),
        *((LinkingService, name) for name in ("begin", "complete", "begin_device", "complete_device")),
        *((LinkingService, name) for name in ("unlink", "links", "validate")),
    ],
)
def test_each_method_is_the_services(service, name):
    """Parameters, defaults and types are those of the service, to which the docstring leads."""
    method = getattr(Auth, name)
    assert inspect.signature(method) == inspect.signature(getattr(service, name))
    assert f":meth:`extauth.{service.__name__}.{name}`" in method.__doc__


async def test_each_argument_arrives():
    """Nothing that a method is given gets lost on the way to the service."""
    provider = ScriptedLinkingProvider("app")
    async with extauth.open("memory://", [provider]) as auth:
        asked = {"scopes": ["a"], "resources": ["https://api.example"], "params": {"login_hint": "al"}}
        callback = provider.consent(await auth.begin("app", "alice", CALLBACK, **asked))
        [request] = provider.asked
        assert request.scopes == {"a"}
        assert request.resources == ("https://api.example",)
        assert request.params == {"login_hint": "al"}
        with pytest.raises(InvalidCallback):
            await auth.complete(callback, user_id="alice", provider_id="app", method="POST")
        with pytest.raises(UnknownProvider):
            await auth.complete(callback, user_id="alice", provider_id="other")
        link = await auth.complete(callback, user_id="alice", provider_id="app", method="GET")
        assert await auth.refresh("app", "alice", rejected="at-another") == link
        for call in (auth.access_token, auth.link, auth.refresh):
            with pytest.raises(ValueError, match="resource"):
                await call("app", "alice", resource="")
        device = await auth.begin_device("app", "bob", scopes=["b"])
        assert device.scopes == {"b"}


async def test_one_clock_and_one_policy():
    """Both services go by the clock and by the policy's time for a request."""
    clock, told = LeapingClock(), Told()
    provider = ScriptedLinkingProvider("app", now=clock.now)
    policy = RefreshPolicy(exchange_timeout=timedelta(milliseconds=1))
    async with extauth.open("memory://", [provider], clock=clock, policy=policy, observer=told) as auth:
        await auth.store.put(ALICE, OLD)
        callback = provider.consent(await auth.begin("app", "bob", CALLBACK))
        # Requests that nobody answers; the policy's default would let them take 20 seconds.
        provider.gate = provider.tokens.gate = asyncio.Event()
        for call in (auth.access_token("app", "alice"), auth.complete(callback, user_id="bob")):
            with pytest.raises(ProviderUnavailable):
                await asyncio.wait_for(call, 10)
        provider.gate = provider.tokens.gate = None
        # Requests that are repeated: who waits in between asks the clock to.
        callback = provider.consent(await auth.begin("app", "bob", CALLBACK))
        clock.slept.clear()
        provider.code_script = [NotSent("dns")]
        await auth.complete(callback, user_id="bob")
        assert len(clock.slept) == 1
        clock.advance(timedelta(hours=2))
        provider.tokens.script = [NotSent("dns")]
        await auth.access_token("app", "bob")
        assert len(clock.slept) == 2


async def test_the_options_of_linking_arrive():
    """Redirect URIs, the time for an authorization and what to do about another account."""
    provider = ScriptedLinkingProvider("app")
    provider.accounts = {"one": Account("1"), "two": Account("2")}
    options = {"redirect_uris": [CALLBACK], "on_account_change": "refuse"}
    async with extauth.open("memory://", [provider], **options) as auth:
        with pytest.raises(ValueError, match="none of the redirect_uris"):
            await auth.begin("app", "alice", f"{CALLBACK}/other")
        for subject in ("one", "two"):
            callback = provider.consent(await auth.begin("app", "alice", CALLBACK), subject)
            completing = auth.complete(callback, user_id="alice")
            if subject == "one":
                await completing
            else:
                with pytest.raises(extauth.AccountChanged):
                    await completing
    clock = LeapingClock()
    ttl = timedelta(seconds=3)
    async with extauth.open("memory://", [provider], authorization_ttl=ttl, now=clock.now) as auth:
        callback = provider.consent(await auth.begin("app", "alice", CALLBACK), "one")
        clock.advance(ttl)
        with pytest.raises(extauth.AuthorizationExpired):
            await auth.complete(callback, user_id="alice")


async def test_what_to_do_about_a_shared_grant_arrives():
    """The user's other link of the account is spared, or ends and is named."""
    for option, others in (("spare", ()), ("end", (LinkKey("app/second", "alice"),))):
        provider = ScriptedLinkingProvider("app", linking=LinkingTraits(revokes_whole_grant=True))
        async with extauth.open("memory://", [provider], on_shared_grant=option) as auth:
            for provider_id in ("app", "app/second"):
                url = await auth.begin(provider_id, "alice", CALLBACK)
                await auth.complete(provider.consent(url), user_id="alice")
            unlinked = await auth.unlink("app", "alice")
        assert (unlinked.revoked, unlinked.also_ended) == (option == "end", others)


@pytest.mark.parametrize(("option", "revoked"), [("spare", 0), ("end", 2)])
async def test_what_a_refresh_that_meets_an_unlink_does_about_it(option, revoked):
    """Its tokens are revoked as well as those of the unlink, or neither."""
    provider = ScriptedLinkingProvider("app", linking=LinkingTraits(revokes_whole_grant=True))
    async with extauth.open("memory://", [provider], on_shared_grant=option) as auth:
        for provider_id in ("app", "app/second"):
            url = await auth.begin(provider_id, "alice", CALLBACK)
            await auth.complete(provider.consent(url), user_id="alice")
        provider.tokens.reply_gate = asyncio.Event()
        refreshing = asyncio.create_task(auth.refresh("app", "alice"))
        await provider.tokens.exchanging.wait()
        await auth.unlink("app", "alice")
        provider.tokens.reply_gate.set()
        with pytest.raises(LinkNotFound):
            await refreshing
    assert len(provider.tokens.revoked) == revoked


async def test_the_dice_of_both_services():
    """Jitter of linking and the names of leases come from the given source."""

    class Dice(random.Random):
        drawn = 0

        def random(self):
            self.drawn += 1
            return 0.0

        def getrandbits(self, k):
            self.drawn += 1
            return 0

    dice, clock = Dice(), LeapingClock()
    provider = ScriptedLinkingProvider("app")
    async with extauth.open("memory://", [provider], rng=dice, clock=clock) as auth:
        callback = provider.consent(await auth.begin("app", "alice", CALLBACK))
        provider.code_script = [NotSent("dns")]
        await auth.complete(callback, user_id="alice")
        linking = dice.drawn
        await auth.refresh("app", "alice")
        assert 0 < linking < dice.drawn


async def test_providers_that_can_be_gone_through_once():
    """Both services know the providers of a generator."""
    providers = (ScriptedLinkingProvider(name) for name in ("one", "two"))
    async with extauth.open("memory://", providers) as auth:
        for provider_id in ("one", "two"):
            await auth.begin(provider_id, "alice", f"https://app.example/callback/{provider_id}")
            with pytest.raises(LinkNotFound):
                await auth.access_token(provider_id, "alice")


async def test_a_store_of_the_callers(file_url):
    """Whoever opens closes: the store is used and stays open; what was under way is saved."""
    provider = ScriptedLinkingProvider("app")
    async with open_store(file_url) as store:
        async with extauth.open(store, [provider]) as auth:
            assert auth.store is store
            await store.put(ALICE, OLD)
        with pytest.raises(RuntimeError, match="closed"):
            await auth.access_token("app", "alice")
        assert (await store.get(ALICE)).tokens.access_token == "at-old"


@pytest.mark.parametrize("store", [None, 42, ScriptedLinkingProvider, open_store("memory://")])
def test_what_is_no_store(store):
    """It is refused at once, in words that say what to give."""
    with pytest.raises(TypeError, match="store must be a URL or a store that is open"):
        extauth.open(store, [])


async def test_options_of_a_store_that_is_open():
    """They come too late, and that is said."""
    async with open_store("memory://") as store:
        with pytest.raises(TypeError, match="max_size: give the store its options where you open it"):
            extauth.open(store, [], max_size=3)


@pytest.mark.parametrize("store", ["memory://", MemoryLinkStore()], ids=["URL", "store"])
def test_a_keyword_that_nobody_has(store):
    """It is not taken for an option of the store, and it is said what may have been meant."""
    with pytest.raises(TypeError, match=r"extauth\.open takes no redirect_uri; did you mean redirect_uris\?"):
        extauth.open(store, [], redirect_uri="https://app.example/callback")
    with pytest.raises(TypeError, match=r"extauth\.open takes no colour$"):
        extauth.open(store, [], colour="blue")


def test_options_of_the_store(tmp_path):
    """They reach it: SQLite has none for a pool."""
    with pytest.raises(TypeError, match="max_size"):
        extauth.open(f"sqlite:///{tmp_path}/links.db", [], max_size=3)


async def nothing_open(url, threads):
    """Return when nobody but this has the store open."""
    for thread in set(threading.enumerate()) - threads:
        if not thread.name.startswith("asyncio_"):  # the loop's own, for whatever is next
            await asyncio.to_thread(thread.join)
    if url.startswith("postgres"):
        connection = await asyncpg.connect(url)
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1"
        while await connection.fetchval(others, connection.get_server_pid()):
            pass
        await connection.close()


async def test_entering_that_fails_half_way(url):
    """A mistake that only a service notices closes the store again."""
    for options in ({"authorization_ttl": timedelta(0)}, {"redirect_uris": ["no URI"]}):
        threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
        opening = extauth.open(url, [ScriptedLinkingProvider("app")], **options)
        with pytest.raises(ValueError, match=r"authorization_ttl|redirect"):
            await opening.__aenter__()
        await nothing_open(url, threads)
        assert asyncio.all_tasks() == tasks


@pytest.mark.parametrize(
    ("providers", "kind", "told"),
    [
        ([ScriptedLinkingProvider("app"), ScriptedLinkingProvider("app")], ValueError, "two providers"),
        ([ScriptedProvider("app")], ValueError, "can refresh but not connect"),
        (ScriptedLinkingProvider("app"), TypeError, "write .provider."),
        ([ScriptedLinkingProvider], TypeError, "call it"),
    ],
)
def test_providers_that_are_none(tmp_path, providers, kind, told):
    """A mistake in the list is told at once: no store is opened for it, and no file made."""
    with pytest.raises(kind, match=told):
        extauth.open(tmp_path / "links.db", providers)
    assert list(tmp_path.iterdir()) == []


async def test_other_ways_to_say_where(tmp_path):
    """A path and a URL object are taken as ``open_store`` takes them."""
    for place in (tmp_path / "links.db", URL(f"sqlite:///{tmp_path}/links.db")):
        async with extauth.open(place, [], busy_timeout=timedelta(seconds=1)) as auth:
            await auth.store.put(ALICE, TokenSet("at-1"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["links.db", "links.db-history"]


async def test_entering_that_is_cancelled(url):
    """At whatever step the cancellation comes, nothing stays open."""
    steps, entered = 0, False
    while not entered:
        threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
        opening = extauth.open(url, [ScriptedLinkingProvider("app")])
        entering = asyncio.create_task(opening.__aenter__())
        for _ in range(steps):
            await asyncio.sleep(0)
        entering.cancel()
        entered = not isinstance(
            (await asyncio.gather(entering, return_exceptions=True))[0], asyncio.CancelledError
        )
        if entered:
            await opening.__aexit__(None, None, None)
        await nothing_open(url, threads)
        assert asyncio.all_tasks() - tasks == set()
        steps = steps * 2 + 1


@pytest.mark.parametrize("url_", ["", "links.db", "mysql://localhost/links", "sqlite://links.db"])
def test_a_url_that_is_none(url_):
    """It is refused before anything is opened."""
    with pytest.raises(ValueError, match="sqlite:///"):
        extauth.open(url_, [])


async def test_a_store_that_cannot_be_opened(tmp_path):
    """Entering says so, and nothing is left behind."""
    threads = set(threading.enumerate())
    opening = extauth.open(f"sqlite:///{tmp_path}/no/such/folder/links.db", [])
    with pytest.raises(StoreUnavailable):
        await opening.__aenter__()
    await nothing_open("sqlite://", threads)


async def test_who_forgets_to_enter():
    """Is told what to write; and so is who enters twice."""
    opening = extauth.open("memory://", [])
    with pytest.raises(AttributeError, match=r"async with extauth\.open"):
        _ = opening.begin
    async with opening:
        with pytest.raises(RuntimeError, match=r"call extauth\.open"):
            await opening.__aenter__()
    with pytest.raises(RuntimeError, match=r"call extauth\.open"):
        await opening.__aenter__()


class UnderWay:
    """An application with bob's code and alice's refresh under way, both held up after the provider acted."""

    def __init__(self, url):
        self.provider = ScriptedLinkingProvider("app")
        self.opening = extauth.open(url, [self.provider])
        self.url = url

    async def begin(self):
        self.auth = await self.opening.__aenter__()
        granted = self.provider.tokens.grant()
        await self.auth.store.put(ALICE, TokenSet("at-old", granted.refresh_token, expires_at=OLD.expires_at))
        callback = self.provider.consent(await self.auth.begin("app", "bob", CALLBACK))
        self.code_answer = self.provider.reply_gate = asyncio.Event()
        self.refresh_answer = self.provider.tokens.reply_gate = asyncio.Event()
        self.completing = asyncio.create_task(self.auth.complete(callback, user_id="bob"))
        await self.provider.exchanging.wait()
        self.refreshing = asyncio.create_task(self.auth.access_token("app", "alice"))
        await self.provider.tokens.exchanging.wait()

    async def leave(self, error=None):
        """Leave as ``async with`` does; it has begun when this returns."""
        trace = None if error is None else error.__traceback__
        leaving = asyncio.create_task(self.opening.__aexit__(error and type(error), error, trace))
        while not await self.refuses(self.auth.links("bob")):
            await asyncio.sleep(0)
        return leaving

    async def refuses(self, call):
        """Whether the service beneath a call is closed."""
        try:
            await call
        except LinkNotFound:
            return False
        except RuntimeError as error:
            assert "is closed" in str(error)  # noqa: PT017 - any other is a failure
            return True
        return False

    async def saved(self):
        """Return whether both new grants are in the database."""
        async with open_store(self.url) as store:
            bob, alice = await store.get(BOB), await store.get(ALICE)
        assert alice is not None
        return bob is not None, alice.tokens.access_token != "at-old"


async def test_the_order_of_closing(file_url):
    """First linking, to its end; then refreshes, to theirs; the store last."""
    app = UnderWay(file_url)
    await app.begin()
    leaving = await app.leave()
    assert not await app.refuses(app.auth.link("app", "carol"))
    app.code_answer.set()
    assert (await app.completing).key == BOB
    while not await app.refuses(app.auth.link("app", "carol")):
        await asyncio.sleep(0)
    assert not leaving.done()
    assert await app.auth.store.get(BOB) is not None
    app.refresh_answer.set()
    await leaving
    assert await app.refreshing
    with pytest.raises(StoreUnavailable):
        await app.auth.store.get(BOB)
    assert await app.saved() == (True, True)


@pytest.mark.parametrize("moment", ["linking", "tokens", "both"])
async def test_leaving_that_is_cancelled(file_url, moment):
    """The cancellation is put off until all is saved and closed."""
    app = UnderWay(file_url)
    await app.begin()
    leaving = await app.leave()
    if moment != "tokens":
        leaving.cancel()
    app.code_answer.set()
    while not await app.refuses(app.auth.link("app", "carol")):
        await asyncio.sleep(0)
    if moment != "linking":
        leaving.cancel()
    app.refresh_answer.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    with pytest.raises(StoreUnavailable):
        await app.auth.store.get(BOB)
    assert await app.saved() == (True, True)


@pytest.mark.parametrize("failing", [LinkingService, TokenService])
async def test_leaving_where_one_cannot_be_closed(file_url, monkeypatch, failing):
    """The others are closed all the same, and its error is told."""
    app = UnderWay(file_url)
    await app.begin()
    close = failing.aclose
    failures = [ArithmeticError("a bug")]

    async def fail(self):
        await close(self)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(failing, "aclose", fail)
    leaving = await app.leave()
    app.code_answer.set()
    app.refresh_answer.set()
    with pytest.raises(ArithmeticError):
        await leaving
    with pytest.raises(StoreUnavailable):
        await app.auth.store.get(BOB)
    assert await app.saved() == (True, True)


async def test_a_body_that_raises(file_url):
    """Its error goes on when all is saved and closed."""
    app = UnderWay(file_url)
    await app.begin()
    leaving = await app.leave(KeyError("the application's"))
    app.code_answer.set()
    app.refresh_answer.set()
    assert not await leaving
    assert await app.saved() == (True, True)


async def test_no_secret_in_a_traceback():
    """Neither the callback nor a refused token is a local variable of a frame that an error shows."""
    provider = ScriptedLinkingProvider("app")
    shown = ""
    async with extauth.open("memory://", [provider]) as auth:
        for call in (
            auth.complete("https://app.example/callback/app?code=canary", user_id="alice"),
            auth.refresh("app", "nobody", rejected="canary"),
        ):
            with pytest.raises(extauth.ExtAuthError) as caught:
                await call
            frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)][1:]
            assert frames[0].f_code.co_filename == extauth.auth.__file__
            shown += "".join(repr(frame.f_locals) for frame in frames)
    assert "canary" not in shown
    assert "auth" in shown or "Auth" in shown


def test_a_star_import_shadows_no_builtin():
    """``extauth.open`` is an attribute of the module only."""
    names = {}
    exec("from extauth import *", names)  # noqa: S102 - what is tested
    assert "Auth" in names
    assert set(names) & set(dir(builtins)) == set()
    assert callable(extauth.open)


def test_the_events_have_one_public_place():
    """Every event that an observer may be told, and the union of them."""
    kinds = {kind.__name__ for kind in get_args(events.Event)}
    assert events.__all__ == sorted(kinds | {"Event"})
    assert {getattr(events, name) for name in kinds} == set(get_args(events.Event))
