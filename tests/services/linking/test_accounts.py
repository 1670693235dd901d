"""Whose account at the provider a link is for."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs
import pytest

from extauth import Account, AccountChanged, GrantOrigin, ProviderTraits, ProviderUnavailable, TokenService
from extauth.domain.events import AccountLookupFailed, AccountReplaced, LinkConnected
from extauth.domain.outcomes import Unknown
from tests.services.linking.conftest import KEY, Scene
from tests.support.faulty_store import down

ALICE = Account("id-1", login="alice", display_name="Alice", avatar_url="https://provider.example/a.png")
BOB = Account("id-2", login="bob")


OF_REFRESH_TOKEN = ("refresh_token", "refresh_token_expires_at", "refresh_token_key_id")


@pytest.fixture(autouse=True)
def known(scene: Scene):
    """The provider knows two accounts."""
    scene.provider.accounts = {"alice-there": ALICE, "bob-there": BOB}


@pytest.mark.parametrize("says", [True, False])
async def test_it_is_recorded(scene: Scene, says):
    """From the answer itself, or by asking after the tokens are stored."""
    scene.provider.says_account = says
    link = await scene.connect(scene.replica())
    assert link.account == ALICE
    assert await scene.stored() == link
    assert scene.provider.identifying.is_set() is not says


async def test_a_provider_that_does_not_say(scene: Scene):
    """The link is good without."""
    scene.provider.accounts = {}
    assert (await scene.connect(scene.replica())).account is None


@pytest.mark.parametrize("failure", [RuntimeError("leaked-token"), "down", "refreshed"])
async def test_failing_to_record_is_no_failure(scene: Scene, caplog, failure):
    """The link is stored; the account is a note beside it."""
    service = scene.replica()
    callback = await scene.authorized(service)
    if failure == "down":
        scene.store.before["record_account"] = down()
    elif failure == "refreshed":
        gate = asyncio.Event()

        async def refresh_meanwhile():
            link = await scene.stored()
            await scene.inner.save(KEY, link.version, link.tokens)

        scene.store.before["record_account"] = [refresh_meanwhile]
        gate.set()
    else:

        async def broken(_):
            raise failure

        scene.provider.identify = broken
    assert (await service.complete(callback, user_id="alice")).key == KEY
    assert (await scene.stored()).account is None
    assert "leaked-token" not in caplog.text


@pytest.mark.parametrize("policy", ["replace", "refuse"])
async def test_a_look_up_that_fails_is_told(scene: Scene, caplog, policy):
    """The link is there, and both the log and the observer know why nobody knows whose account it is."""
    service = scene.replica(on_account_change=policy)
    scene.provider.unidentified = "http_500"
    link = await scene.connect(service)
    assert link.account is None
    assert scene.events == [LinkConnected(KEY, 1), AccountLookupFailed(KEY, "http_500")]
    assert [record.levelname for record in caplog.records if "AccountLookupFailed" in record.message] == [
        "WARNING"
    ]


async def test_a_look_up_that_fails_before_a_refusal_is_told(scene: Scene):
    """Once for each link that was asked about."""
    service = scene.replica(on_account_change="refuse")
    scene.provider.unidentified = "exchange_timeout"
    await scene.connect(service)
    with pytest.raises(ProviderUnavailable):
        await scene.connect(service)
    failed = AccountLookupFailed(KEY, "exchange_timeout")
    assert scene.events == [LinkConnected(KEY, 1), failed, failed, failed]


async def test_a_provider_that_does_not_say_has_not_failed(scene: Scene):
    """Nobody is told of a failure where there is no account to be found out."""
    scene.provider.accounts = {}
    link = await scene.connect(scene.replica())
    assert link.account is None
    assert scene.events == [LinkConnected(KEY, 1)]


@pytest.mark.parametrize("says", [True, False])
async def test_another_account_replaces_the_link(scene: Scene, says):
    """By default it does, and the application is told."""
    service = scene.replica()
    await scene.connect(service)
    scene.provider.says_account = says
    link = await scene.connect(service, "bob-there")
    assert (link.version, link.account) == (2, BOB)
    assert scene.events[1:] == [LinkConnected(KEY, 2), AccountReplaced(KEY, 2, "id-1", "id-2")]


async def test_the_same_account_again(scene: Scene):
    """Nobody is told of a change where there is none, although the login has changed."""
    service = scene.replica()
    await scene.connect(service)
    scene.provider.accounts["alice-there"] = attrs.evolve(ALICE, login="renamed")
    link = await scene.connect(service)
    assert link.account is not None
    assert link.account.login == "renamed"
    assert scene.events == [LinkConnected(KEY, 1), LinkConnected(KEY, 2)]


class TestRefusing:
    @pytest.mark.parametrize("says", [True, False])
    async def test_another_account(self, scene: Scene, says):
        """Nothing is stored, the old link works on, and the other's tokens are not revoked."""
        service = scene.replica(on_account_change="refuse")
        old = await scene.connect(service)
        scene.provider.says_account = says
        with pytest.raises(AccountChanged):
            await scene.connect(service, "bob-there")
        assert await scene.stored() == old
        assert scene.provider.tokens.is_live(old.tokens)
        assert scene.provider.tokens.revoked == []
        assert scene.events == [LinkConnected(KEY, 1)]

    async def test_the_same_account(self, scene: Scene):
        """It is welcome; where the answers say whose it is, the provider is not asked."""
        service = scene.replica(on_account_change="refuse")
        scene.provider.says_account = True
        await scene.connect(service)
        assert (await scene.connect(service)).version == 2
        assert not scene.provider.identifying.is_set()

    async def test_the_first_account(self, scene: Scene):
        """It needs no proof and delays nothing."""
        service = scene.replica(on_account_change="refuse")
        callback = await scene.authorized(service)
        scene.provider.identify_gate = asyncio.Event()
        call = asyncio.create_task(service.complete(callback, user_id="alice"))
        await scene.provider.identifying.wait()
        assert await scene.stored() is not None
        scene.provider.identify_gate.set()
        await call

    async def test_when_there_is_no_telling(self, scene: Scene):
        """The new tokens could be anybody's."""
        service = scene.replica(on_account_change="refuse")
        old = await scene.connect(service)
        with pytest.raises(ProviderUnavailable):
            await scene.connect(service, "someone-unknown")
        assert await scene.stored() == old

    async def test_when_nobody_has_found_out_before(self, scene: Scene):
        """The provider is asked whose the old tokens are."""
        service = scene.replica(on_account_change="refuse")
        old = await scene.inner.put(KEY, scene.provider.tokens.grant("alice-there"))
        with pytest.raises(AccountChanged):
            await scene.connect(service, "bob-there")
        assert await scene.stored() == old
        assert (await scene.connect(service)).version == 2

    async def test_when_nobody_can_find_out_before(self, scene: Scene):
        """An old link of which nobody knows whose it is does not lock the user out."""
        service = scene.replica(on_account_change="refuse")
        await scene.inner.put(KEY, scene.provider.tokens.grant("someone-unknown"))
        assert (await scene.connect(service)).account == ALICE

    async def test_a_store_that_is_down_for_the_second_look(self, scene: Scene):
        """The link as it was before the exchange says whose account it is."""
        service = scene.replica(on_account_change="refuse")
        old = await scene.connect(service)
        callback = await scene.authorized(service, "bob-there")

        async def go_down_once_the_code_is_sent():
            scene.store.before["get"] = down()

        scene.store.after["get"] = [go_down_once_the_code_is_sent]
        with pytest.raises(AccountChanged):
            await service.complete(callback, user_id="alice")
        assert await scene.stored() == old

    async def test_another_user_who_came_first(self, scene: Scene):
        """Of two authorizations under way, the later one is compared with what the first has stored."""
        service = scene.replica(on_account_change="refuse")
        scene.provider.says_account = True
        first, second = [await scene.authorized(service, who) for who in ("alice-there", "bob-there")]
        scene.provider.gate = asyncio.Event()
        call = asyncio.create_task(service.complete(second, user_id="alice"))
        await scene.provider.exchanging.wait()
        gate, scene.provider.gate = scene.provider.gate, None
        old = await service.complete(first, user_id="alice")
        gate.set()
        with pytest.raises(AccountChanged):
            await call
        assert await scene.stored() == old


class TestRefreshTokenOfTheFirstConsent:
    """Where a provider gives one at the first consent only (Google), and it lives on."""

    @pytest.fixture(autouse=True)
    def once(self, scene: Scene):
        scene.provider.refresh_token_once = True
        scene.provider.tokens.traits = ProviderTraits(rotates=False)

    @pytest.mark.parametrize("says", [True, False])
    async def test_it_is_kept_for_the_same_account(self, scene: Scene, says):
        """The new link refreshes with it."""
        scene.provider.says_account = says
        service = scene.replica()
        first = await scene.connect(service)
        link = await scene.connect(service)
        assert link.tokens.access_token != first.tokens.access_token
        assert link.tokens.refresh_token == first.tokens.refresh_token
        async with TokenService(scene.inner, [scene.provider], clock=scene.clock) as tokens:
            assert (await tokens.refresh("scripted", "alice")).version == 3

    async def test_it_is_kept_with_its_end_and_key(self, scene: Scene):
        """As it was told with it, whatever the new answer leaves out, and as the store says of it."""
        service = scene.replica()
        first = (await scene.connect(service)).tokens
        end = scene.clock.now() + timedelta(days=9)
        old = attrs.evolve(first, refresh_token_expires_at=end, refresh_token_key_id="key")
        link = await scene.inner.put(KEY, old)
        await scene.inner.record_account(KEY, link.version, ALICE)
        new = (await scene.connect(service)).tokens
        assert old == attrs.evolve(old, **{name: getattr(new, name) for name in OF_REFRESH_TOKEN})

    async def test_it_is_never_kept_for_another(self, scene: Scene):
        """A later refresh would bring the first account's tokens back."""
        service = scene.replica()
        await scene.connect(service, "bob-there")
        await scene.inner.delete(KEY)
        await scene.connect(service)
        link = await scene.connect(service, "bob-there")
        assert (link.account, link.tokens.refresh_token) == (BOB, None)

    async def test_it_is_not_kept_from_a_link_that_was_removed_meanwhile(self, scene: Scene):
        """Another replica has unlinked and revoked it while the code was exchanged."""
        service = scene.replica()
        await scene.connect(service)
        callback = await scene.authorized(service)
        scene.provider.gate = asyncio.Event()
        call = asyncio.create_task(service.complete(callback, user_id="alice"))
        await scene.provider.exchanging.wait()
        while not scene.provider.presented[1:]:
            await asyncio.sleep(0)
        await scene.replica().unlink("scripted", "alice")
        scene.provider.gate.set()
        assert (await call).tokens.refresh_token is None

    @pytest.mark.parametrize("unproven", ["new", "old", "rotates", "origin"])
    async def test_it_is_not_kept_without_proof(self, scene: Scene, unproven):
        """Same account, same client, and a provider that does not rotate: all of it is needed."""
        service = scene.replica()
        scene.provider.tokens.origin = GrantOrigin("old", "https://provider.example/token")
        if unproven == "old":
            scene.provider.accounts = {}
        await scene.connect(service)
        scene.provider.accounts = {"alice-there": ALICE}
        if unproven == "new":
            scene.provider.accounts = {}
        elif unproven == "rotates":
            scene.provider.tokens.traits = ProviderTraits()
        elif unproven == "origin":
            scene.provider.tokens.origin = GrantOrigin("new", "https://provider.example/token")
        assert (await scene.connect(service)).tokens.refresh_token is None


async def test_a_slow_identity_is_not_waited_for_at_the_end(scene: Scene):
    """A service that is closed while the tokens are stored asks nothing more."""
    service = scene.replica(exchange_timeout=timedelta(seconds=5))
    callback = await scene.authorized(service)
    gate = asyncio.Event()
    scene.store.before["put"] = [gate.wait]
    call = asyncio.create_task(service.complete(callback, user_id="alice"))
    await scene.store.entered["put"].wait()
    closing = asyncio.create_task(service.aclose())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gate.set()
    await closing
    assert (await call).account is None
    assert not scene.provider.identifying.is_set()


async def test_an_unreadable_identity(scene: Scene):
    """What a provider should not return is taken for no answer."""

    async def unknown(_):
        return Unknown("http_503")

    scene.provider.identify = unknown
    assert (await scene.connect(scene.replica())).account is None
