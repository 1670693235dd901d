"""Disconnecting: out of the store first, then revoked, and never back."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from extauth import (
    Account,
    GrantOrigin,
    LinkKey,
    LinkNotFound,
    LinkUnreadable,
    StoreUnavailable,
    TokenService,
    TokenSet,
    UnknownProvider,
    UnknownState,
    UnlinkOutcome,
)
from extauth.domain.events import LinkRemoved, UnlinkedMeanwhile
from extauth.domain.linking import LinkingTraits
from tests.services.linking.conftest import KEY, REDIRECT_URI, Scene
from tests.support.faulty_store import down


async def test_unlink(scene: Scene):
    """The link is gone, its tokens are revoked, and both are reported."""
    service = scene.replica()
    link = await scene.connect(service)
    assert await service.unlink("scripted", "alice") == UnlinkOutcome(KEY, existed=True, revoked=True)
    assert await scene.stored() is None
    assert not scene.provider.tokens.is_live(link.tokens)
    assert scene.events[-1] == LinkRemoved(KEY, revoked=True)


async def test_nothing_to_unlink(scene: Scene):
    """It is said, and nothing is asked of the provider."""
    unlinked = await scene.replica().unlink("scripted", "alice")
    assert unlinked == UnlinkOutcome(KEY, existed=False, revoked=False)
    assert not scene.provider.revoking.is_set()
    assert scene.events == []


async def test_delete_comes_first(scene: Scene):
    """While the provider is asked to revoke, the link is gone already."""
    service = scene.replica()
    await scene.connect(service)
    scene.provider.revoke_gate = asyncio.Event()
    call = asyncio.create_task(service.unlink("scripted", "alice"))
    await scene.provider.revoking.wait()
    assert await scene.stored() is None
    scene.provider.revoke_gate.set()
    assert (await call).revoked


@pytest.mark.parametrize("failure", [RuntimeError("leaked-token"), False, "hangs"])
async def test_revoking_is_best_effort(scene: Scene, caplog, failure):
    """A provider that does not confirm is reported, and the link is gone all the same."""
    service = scene.replica(exchange_timeout=timedelta(milliseconds=10))
    await scene.connect(service)

    async def revoke(_):
        if failure == "hangs":
            await asyncio.Event().wait()
        if failure:
            raise failure
        return failure

    scene.provider.revoke = revoke
    unlinked = await service.unlink("scripted", "alice")
    assert unlinked == UnlinkOutcome(KEY, existed=True, revoked=False, reason="not_confirmed")
    assert scene.events[-1] == LinkRemoved(KEY, revoked=False, reason="not_confirmed")
    assert "leaked-token" not in caplog.text


async def test_one_that_cannot_be_read_can_be_left(scene: Scene):
    """Also where the deployment has dropped its provider: there is a link, whatever stands in it."""
    key = LinkKey("dropped", "alice")
    await scene.inner.put(key, TokenSet("at"))
    scene.store.before["get"] = [LinkUnreadable("unreadable", key=key)]
    assert (await scene.replica().unlink("dropped", "alice")).existed
    assert await scene.inner.get(key) is None


async def test_where_there_is_no_telling_whose_client_the_grant_is(scene: Scene):
    """It is not said to be over: nothing was revoked, because who registered is not known for now."""

    class Unknowable:
        """Registered clients in a store that is down."""

        async def of(self, client_id):
            msg = "the store is down"
            raise StoreUnavailable(msg)

        async def present_id(self):
            return None

    scene.provider.tokens.origin = GrantOrigin("new", "https://provider.example/token")
    scene.provider.clients = Unknowable()
    former = GrantOrigin("old", "https://provider.example/token")
    await scene.inner.put(KEY, scene.provider.tokens.grant("alice-there"), origin=former)
    unlinked = await scene.replica().unlink("scripted", "alice")
    assert unlinked == UnlinkOutcome(KEY, existed=True, revoked=False, reason="not_confirmed")


async def test_companions_go_too(scene: Scene):
    """Each is removed and revoked; unlinking a companion leaves the link it came with."""
    scene.provider.linking = LinkingTraits(companions=("bot", "user"))
    service = scene.replica()
    link = await scene.connect(service)
    assert (await service.unlink("scripted/bot", "alice")).revoked
    assert await scene.stored() == link
    user = await scene.stored("scripted/user")
    assert user is not None
    assert (await service.unlink("scripted", "alice")).revoked
    assert await service.links("alice") == []
    assert not any(scene.provider.tokens.is_live(each.tokens) for each in (link, user))
    removed = [event.key.provider_id for event in scene.events if isinstance(event, LinkRemoved)]
    assert removed == ["scripted/bot", "scripted", "scripted/user"]


async def test_one_that_is_not_revoked_counts(scene: Scene):
    """Revoked means all of them."""
    scene.provider.linking = LinkingTraits(companions=("user",))
    service = scene.replica()
    await scene.connect(service)
    answers = [True, False]

    async def revoke(_):
        return answers.pop()

    scene.provider.revoke = revoke
    assert not (await service.unlink("scripted", "alice")).revoked
    assert answers == []


@pytest.mark.parametrize(
    ("whole", "subject", "revoked"),
    [
        (True, "alice-there", False),
        (True, "whom-nobody-knows", False),
        (True, "someone-else", True),
        (False, "alice-there", True),
    ],
)
async def test_revoking_ends_no_other_link(scene: Scene, whole, subject, revoked):
    """Where one revocation ends all that an account has granted, a second link to it keeps it from that."""
    scene.provider.linking = LinkingTraits(revokes_whole_grant=whole)
    scene.provider.accounts = {name: Account(name) for name in ("alice-there", "someone-else")}
    service = scene.replica()
    await scene.connect(service)
    url = await service.begin("scripted/work", "alice", REDIRECT_URI)
    work = await service.complete(scene.provider.consent(url, subject), user_id="alice")

    reason = None if revoked else "shared_grant"
    unlinked = await service.unlink("scripted", "alice")
    assert unlinked == UnlinkOutcome(KEY, existed=True, revoked=revoked, reason=reason)
    assert await service.links("alice") == [work]
    assert scene.provider.tokens.is_live(work.tokens)
    assert (await service.unlink("scripted/work", "alice")).revoked


async def test_another_clients_grant(scene: Scene):
    """It is removed, and its tokens are not sent to this client's provider."""
    scene.provider.tokens.origin = GrantOrigin("new", "https://provider.example/token")
    await scene.inner.put(KEY, TokenSet("at", "rt"), origin=GrantOrigin("old", "https://old.example/token"))
    assert await scene.replica().unlink("scripted", "alice") == UnlinkOutcome(
        KEY, existed=True, revoked=False, reason="grant_of_another_client"
    )
    assert not scene.provider.revoking.is_set()


async def test_a_provider_that_is_no_longer_configured(scene: Scene):
    """A user can leave it; a name that was never one is a mistake."""
    service = scene.replica()
    await scene.inner.put(LinkKey("dropped", "alice"), TokenSet("at"))
    unlinked = await service.unlink("dropped", "alice")
    assert (unlinked.existed, unlinked.revoked, unlinked.reason) == (True, False, "no_provider")
    assert await service.links("alice") == []
    with pytest.raises(UnknownProvider):
        await service.unlink("dropped", "alice")


@pytest.mark.parametrize("where", ["forget_authorizations", "delete", "revoke"])
async def test_a_caller_that_is_cancelled(scene: Scene, where):
    """What was begun is carried through, revocation included."""
    service = scene.replica()
    link = await scene.connect(service)
    gate = asyncio.Event()
    if where == "revoke":
        scene.provider.revoke_gate, held = gate, scene.provider.revoking
    else:
        scene.store.before[where], held = [gate.wait], scene.store.entered[where]
    call = asyncio.create_task(service.unlink("scripted", "alice"))
    await held.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    gate.set()
    await service.aclose()
    assert await scene.stored() is None
    assert not scene.provider.tokens.is_live(link.tokens)


async def test_the_store_is_down(scene: Scene):
    """Nothing is lost, and what was removed before it failed is revoked."""
    scene.provider.linking = LinkingTraits(companions=("user",))
    service = scene.replica()
    link = await scene.connect(service)
    scene.store.before["forget_authorizations"] = down()
    with pytest.raises(StoreUnavailable):
        await service.unlink("scripted", "alice")
    assert await scene.stored() == link

    async def fine():
        pass

    scene.store.before["delete"] = [fine, *down()]
    with pytest.raises(StoreUnavailable):
        await service.unlink("scripted", "alice")
    assert not scene.provider.tokens.is_live(link.tokens)
    assert await scene.stored("scripted/user") is not None


async def test_authorizations_that_were_begun(scene: Scene):
    """Their callbacks find nothing afterwards; another user's are good still."""
    service = scene.replica()
    callback = await scene.authorized(service)
    others = scene.provider.consent(await service.begin("scripted", "bob", REDIRECT_URI))
    await service.unlink("scripted", "alice")
    with pytest.raises(UnknownState):
        await service.complete(callback, user_id="alice")
    assert (await service.complete(others, user_id="bob")).key.user_id == "bob"


@pytest.mark.parametrize("where", ["take", "gate", "reply_gate", "get"])
async def test_while_an_authorization_is_completed(scene: Scene, where):
    """It stores nothing any more, and tokens that came nevertheless are revoked."""
    service = scene.replica()
    callback = await scene.authorized(service)
    gate = asyncio.Event()
    if where == "take":
        # The state is taken, but whose it is has not been told yet.
        scene.store.after["take_authorization"], held = [gate.wait], scene.store.entered["take_authorization"]
    elif where == "get":
        scene.store.before["get"], held = [gate.wait], scene.store.entered["get"]
        scene.store.entered["get"].clear()
    else:
        setattr(scene.provider, where, gate)
        held = scene.provider.exchanging
    call = asyncio.create_task(service.complete(callback, user_id="alice"))
    await held.wait()
    await asyncio.sleep(0)
    await service.unlink("scripted", "alice")
    gate.set()
    with pytest.raises(UnknownState):
        await call
    assert await scene.stored() is None
    assert len(scene.provider.tokens.revoked) == (1 if where in {"gate", "reply_gate"} else 0)
    assert scene.provider.tokens.grants.live_refresh_tokens("alice-there") == set()


async def test_while_the_tokens_are_being_stored(scene: Scene):
    """The unlink waits for that and removes them: on return nothing is there."""
    service = scene.replica()
    callback = await scene.authorized(service)
    gate = asyncio.Event()
    scene.store.before["put"] = [gate.wait]
    completing = asyncio.create_task(service.complete(callback, user_id="alice"))
    await scene.store.entered["put"].wait()
    unlinking = asyncio.create_task(service.unlink("scripted", "alice"))
    await scene.store.entered["forget_authorizations"].wait()
    for _ in range(9):
        await asyncio.sleep(0)
    gate.set()
    assert (await unlinking).revoked
    assert await scene.stored() is None
    await completing
    assert await scene.stored() is None
    assert scene.provider.tokens.grants.live_refresh_tokens("alice-there") == set()


@pytest.mark.parametrize("gate", ["gate", "reply_gate"])
async def test_racing_a_refresh(scene: Scene, gate):
    """A refresh under way cannot bring the link back, and its new tokens are revoked too."""
    service = scene.replica()
    await scene.connect(service)
    async with TokenService(scene.inner, [scene.provider], clock=scene.clock, observer=scene) as tokens:
        setattr(scene.provider.tokens, gate, asyncio.Event())
        refresh = asyncio.create_task(tokens.refresh("scripted", "alice"))
        await scene.provider.tokens.exchanging.wait()
        await service.unlink("scripted", "alice")
        getattr(scene.provider.tokens, gate).set()
        with pytest.raises(LinkNotFound):
            await refresh
    assert await scene.stored() is None
    assert scene.provider.tokens.grants.live_refresh_tokens("alice-there") == set()
    if gate == "reply_gate":
        assert UnlinkedMeanwhile(KEY, revoked=True) in scene.events


async def test_connecting_again(scene: Scene):
    """A user who has disconnected can come back, with a version that was never there."""
    service = scene.replica()
    await scene.connect(service)
    await service.unlink("scripted", "alice")
    link = await scene.connect(service)
    assert link.version == 2
    assert scene.provider.tokens.is_live(link.tokens)
