"""Where one revocation ends all that an account has granted, and where nobody can say that all is over.

Each is looked at from the three places that revoke: an unlink, a refresh whose user has unlinked meanwhile,
and an authorization whose user has disconnected before it was stored.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import attrs
import pytest

from extauth import Account, GrantOrigin, LinkKey, LinkNotFound, TokenService, UnknownState, UnlinkOutcome
from extauth.domain.events import LinkRemoved, SharedGrantEnded, UnlinkedMeanwhile
from extauth.domain.linking import LinkingTraits
from extauth.domain.policy import ProviderTraits
from extauth.testing import ScriptedLinkingProvider
from tests.services.linking.conftest import KEY, REDIRECT_URI, Scene
from tests.support.faulty_store import down

WORK = LinkKey("scripted/work", "alice")


class RefreshesOnly:
    """What a refresh needs of a store, and nothing else."""

    def __init__(self, store: Any) -> None:
        self.get, self.claim, self.save = store.get, store.claim, store.save
        self.record_failure, self.release = store.record_failure, store.release
        self.wait_for_change, self.time = store.wait_for_change, store.time


@pytest.fixture
def whole(scene: Scene) -> Scene:
    """The scene at a provider where one revocation ends all of an account."""
    scene.provider.linking = LinkingTraits(revokes_whole_grant=True)
    scene.provider.accounts = {name: Account(name) for name in ("alice-there", "other")}
    return scene


async def connect(scene: Scene, service, provider_id: str, subject: str = "alice-there"):
    """Connect alice's link of this name to an account."""
    url = await service.begin(provider_id, "alice", REDIRECT_URI)
    return await service.complete(scene.provider.consent(url, subject), user_id="alice")


def live(scene: Scene, subject: str = "alice-there") -> int:
    """How many of an account's grants are alive."""
    return len(scene.provider.tokens.grants.live_refresh_tokens(subject))


async def unlinked_during_a_refresh(scene: Scene, service, **options):
    """Let alice unlink ``scripted`` while its refresh is at the provider; return what she is told."""
    async with TokenService(
        scene.inner, [scene.provider], clock=scene.clock, observer=scene, **options
    ) as tokens:
        scene.provider.tokens.reply_gate = asyncio.Event()
        refresh = asyncio.create_task(tokens.refresh("scripted", "alice"))
        await scene.provider.tokens.exchanging.wait()
        unlinked = await service.unlink("scripted", "alice")
        scene.provider.tokens.reply_gate.set()
        with pytest.raises(LinkNotFound):
            await refresh
    return unlinked


async def withdrawn(scene: Scene, service, subject: str = "alice-there"):
    """Let alice disconnect ``scripted`` while its code is being exchanged."""
    callback = await scene.authorized(service, subject)
    scene.provider.reply_gate = asyncio.Event()
    scene.provider.exchanging.clear()
    completing = asyncio.create_task(service.complete(callback, user_id="alice"))
    await scene.provider.exchanging.wait()
    await service.unlink("scripted", "alice")
    scene.provider.reply_gate.set()
    with pytest.raises(UnknownState):
        await completing


async def test_a_refresh_that_meets_an_unlink_spares_the_other_link(whole: Scene):
    """Its new tokens are not revoked where that would end the link that the user keeps."""
    service = whole.replica()
    await connect(whole, service, "scripted")
    work = await connect(whole, service, "scripted/work")
    unlinked = await unlinked_during_a_refresh(whole, service)
    assert (unlinked.revoked, unlinked.reason) == (False, "shared_grant")
    assert UnlinkedMeanwhile(KEY, revoked=False, reason="shared_grant") in whole.events
    assert whole.provider.tokens.is_live(work.tokens)
    assert whole.provider.tokens.revoked == []


async def test_a_refresh_that_meets_an_unlink_ends_what_nobody_shares(whole: Scene):
    """Another account's link is no reason to leave the grant alive."""
    service = whole.replica()
    await connect(whole, service, "scripted")
    work = await connect(whole, service, "scripted/work", "other")
    await unlinked_during_a_refresh(whole, service)
    assert UnlinkedMeanwhile(KEY, revoked=True) in whole.events
    assert live(whole) == 0
    assert whole.provider.tokens.is_live(work.tokens)


async def test_a_link_that_was_connected_again_is_spared(whole: Scene):
    """The tokens of a refresh that was under way are not revoked: the user's new grant would end."""
    service = whole.replica()
    await connect(whole, service, "scripted")
    async with TokenService(whole.inner, [whole.provider], clock=whole.clock, observer=whole) as tokens:
        whole.provider.tokens.reply_gate = asyncio.Event()
        refresh = asyncio.create_task(tokens.refresh("scripted", "alice"))
        await whole.provider.tokens.exchanging.wait()
        await whole.inner.delete(KEY)
        again = await connect(whole, service, "scripted/work")
        whole.provider.tokens.reply_gate.set()
        with pytest.raises(LinkNotFound):
            await refresh
    assert whole.provider.tokens.is_live(again.tokens)


@pytest.mark.parametrize(("subject", "kept"), [("alice-there", 2), ("other", 1)])
async def test_a_withdrawn_authorization_spares_the_other_link(whole: Scene, subject: str, kept: int):
    """New tokens that are not stored are revoked only where no link of the same account ends with them."""
    service = whole.replica()
    work = await connect(whole, service, "scripted/work")
    await withdrawn(whole, service, subject)
    assert await service.links("alice") == [work]
    assert whole.provider.tokens.is_live(work.tokens)
    assert live(whole, "alice-there") + live(whole, "other") == kept


async def test_a_withdrawn_authorization_of_an_account_nobody_knows(whole: Scene):
    """It may be the same one."""
    service = whole.replica()
    work = await connect(whole, service, "scripted/work")
    await withdrawn(whole, service, "whom-nobody-knows")
    assert whole.provider.tokens.is_live(work.tokens)
    assert live(whole, "whom-nobody-knows") == 1


async def test_an_answer_that_says_whose_it_is_needs_no_question(whole: Scene):
    """Its tokens are not stored, and whether they may be revoked depends on whose account they are of."""
    whole.provider.says_account = True
    await withdrawn(whole, whole.replica())
    assert live(whole) == 0
    assert not whole.provider.identifying.is_set()


async def test_where_a_grant_ends_alone_nobody_asks_whose_it_is(scene: Scene):
    """New tokens that are not stored are revoked without look-ups that decide nothing."""
    service = scene.replica()
    await withdrawn(scene, service)
    assert live(scene) == 0
    assert not scene.provider.identifying.is_set()
    assert scene.store.calls["links_of"] == 0


async def test_the_store_cannot_tell(whole: Scene):
    """Nothing is revoked as long as nobody knows what else would end; the user is told."""
    service = whole.replica()
    link = await connect(whole, service, "scripted")
    whole.store.before["links_of"] = down()
    unlinked = await service.unlink("scripted", "alice")
    assert unlinked == UnlinkOutcome(KEY, existed=True, revoked=False, reason="shared_grant")
    assert whole.provider.tokens.is_live(link.tokens)


async def test_a_row_that_cannot_be_read(whole: Scene, caplog):
    """One broken link of the user's is no reason to fail an unlink that has begun."""
    service = whole.replica()
    await connect(whole, service, "scripted")
    whole.store.before["links_of"] = [RuntimeError("leaked-token")]
    assert (await service.unlink("scripted", "alice")).reason == "shared_grant"
    assert whole.events[-1] == LinkRemoved(KEY, revoked=False, reason="shared_grant")
    assert "FaultyStore.links_of raised RuntimeError" in caplog.text
    assert "leaked-token" not in caplog.text


@pytest.mark.parametrize(("user", "spared"), [("alice", True), ("bob", False)])
async def test_a_link_that_is_about_to_be_stored(whole: Scene, user: str, spared: bool):
    """Its tokens are there and would end, though no store knows of it yet. Other users are not looked at."""
    service = whole.replica()
    theirs = whole.provider.consent(await service.begin("scripted", user, REDIRECT_URI), "alice-there")
    await service.complete(theirs, user_id=user)
    url = await service.begin("scripted/work", "alice", REDIRECT_URI)
    gate = asyncio.Event()
    whole.store.before["put"] = [gate.wait]
    whole.store.entered["put"].clear()
    callback = whole.provider.consent(url, "alice-there")
    completing = asyncio.create_task(service.complete(callback, user_id="alice"))
    await whole.store.entered["put"].wait()
    try:
        unlinked = await service.unlink("scripted", user)
    finally:
        gate.set()
    assert unlinked.reason == ("shared_grant" if spared else None)
    assert whole.provider.tokens.is_live((await completing).tokens) is spared


@pytest.mark.parametrize(("client_id", "spared"), [("another", False), ("client", True), (None, False)])
async def test_what_another_provider_is_about_to_store(whole: Scene, client_id: str | None, spared: bool):
    """It matters where it is the same client under another name. Elsewhere a device flow may last long."""
    whole.provider.tokens.origin = GrantOrigin("client", "https://provider.example/token")
    server = LinkingTraits(server="provider.example")
    elsewhere = ScriptedLinkingProvider("elsewhere", linking=server, now=whole.clock.now)
    if client_id is not None:
        elsewhere.tokens.origin = GrantOrigin(client_id, "https://provider.example/token")
    service = whole.replica(whole.provider, elsewhere)
    await connect(whole, service, "scripted")
    url = await service.begin("elsewhere", "alice", f"{REDIRECT_URI}/2")
    gate = asyncio.Event()
    whole.store.before["put"] = [gate.wait]
    whole.store.entered["put"].clear()
    completing = asyncio.create_task(service.complete(elsewhere.consent(url, "alice"), user_id="alice"))
    await whole.store.entered["put"].wait()
    try:
        unlinked = await service.unlink("scripted", "alice")
    finally:
        gate.set()
    await completing
    assert unlinked.reason == ("shared_grant" if spared else None)


async def test_a_store_for_refreshes_alone(whole: Scene):
    """One that lists no links cannot tell, and what it cannot tell is spared."""
    service = whole.replica()
    await connect(whole, service, "scripted")
    refreshing = RefreshesOnly(whole.inner)
    async with TokenService(refreshing, [whole.provider], clock=whole.clock, observer=whole) as tokens:
        whole.provider.tokens.reply_gate = asyncio.Event()
        refresh = asyncio.create_task(tokens.refresh("scripted", "alice"))
        await whole.provider.tokens.exchanging.wait()
        await whole.inner.delete(KEY)
        whole.provider.tokens.reply_gate.set()
        with pytest.raises(LinkNotFound):
            await refresh
    assert UnlinkedMeanwhile(KEY, revoked=False, reason="shared_grant") in whole.events


async def test_the_application_may_want_all_to_end(whole: Scene):
    """With ``on_shared_grant="end"`` it is revoked, and whoever listens hears which links ended too."""
    service = whole.replica(on_shared_grant="end")
    await connect(whole, service, "scripted")
    await connect(whole, service, "scripted/work")
    other = await connect(whole, service, "scripted/other", "other")
    unlinked = await service.unlink("scripted", "alice")
    assert unlinked == UnlinkOutcome(KEY, existed=True, revoked=True, also_ended=(WORK,))
    assert whole.events[-2:] == [SharedGrantEnded(WORK, ended_with=KEY), LinkRemoved(KEY, revoked=True)]
    assert live(whole) == 0
    assert whole.provider.tokens.is_live(other.tokens)


async def test_a_withdrawn_authorization_ends_all_where_that_is_wanted(whole: Scene):
    """The option holds there as well."""
    service = whole.replica(on_shared_grant="end")
    await connect(whole, service, "scripted/work")
    await withdrawn(whole, service)
    assert SharedGrantEnded(WORK, ended_with=KEY) in whole.events
    assert live(whole) == 0


async def test_a_refresh_that_meets_an_unlink_ends_all_where_that_is_wanted(whole: Scene):
    """And there: the refresh has the only tokens that are sure to live."""
    service = whole.replica(on_shared_grant="end")
    await connect(whole, service, "scripted")
    await connect(whole, service, "scripted/work")
    await unlinked_during_a_refresh(whole, service, on_shared_grant="end")
    assert UnlinkedMeanwhile(KEY, revoked=True) in whole.events
    assert whole.events.count(SharedGrantEnded(WORK, ended_with=KEY)) == 2
    assert live(whole) == 0


async def test_one_client_under_two_provider_ids(whole: Scene):
    """Links of the same client count, whatever they are called; those of another client don't."""
    ours = GrantOrigin("client", "https://provider.example/token")
    whole.provider.tokens.origin = ours
    service = whole.replica()
    calendar = attrs.evolve(ours, resource="https://calendar.example")
    await whole.inner.put(LinkKey("calendar", "alice"), whole.provider.tokens.grant(), origin=calendar)
    await connect(whole, service, "scripted")
    assert (await service.unlink("scripted", "alice")).reason == "shared_grant"

    # So do those of before a move.
    formerly = GrantOrigin("client", "https://old.example/token")
    whole.provider.formerly = [formerly]
    await whole.inner.put(LinkKey("calendar", "alice"), whole.provider.tokens.grant(), origin=formerly)
    await connect(whole, service, "scripted")
    assert (await service.unlink("scripted", "alice")).reason == "shared_grant"

    await whole.inner.delete(LinkKey("calendar", "alice"))
    theirs = attrs.evolve(ours, client_id="another")
    await whole.inner.put(WORK, whole.provider.tokens.grant(), origin=theirs)
    await connect(whole, service, "scripted")
    assert (await service.unlink("scripted", "alice")).revoked


async def test_a_provider_that_does_not_say_which_client_it_is(whole: Scene):
    """Then its own links count, whatever their names, and no other provider's."""
    service = whole.replica()
    theirs = GrantOrigin("client", "https://provider.example/token")
    tokens = whole.provider.tokens.grant("alice-there")
    elsewhere = await whole.inner.put(LinkKey("elsewhere", "alice"), tokens, origin=theirs)
    await whole.inner.record_account(elsewhere.key, elsewhere.version, Account("alice-there"))
    await connect(whole, service, "scripted")
    assert (await service.unlink("scripted", "alice")).revoked
    own = await connect(whole, service, "scripted")
    await connect(whole, service, "scripted/work")
    assert (await service.unlink("scripted/work", "alice")).reason == "shared_grant"
    assert whole.provider.tokens.is_live(own.tokens)


async def test_an_unlink_during_a_refresh_promises_nothing(scene: Scene):
    """The new tokens are another replica's to revoke; it tells when it has."""
    service = scene.replica()
    await scene.connect(service)
    unlinked = await unlinked_during_a_refresh(scene, service)
    assert unlinked == UnlinkOutcome(KEY, existed=True, revoked=False, reason="unresolved_exchange")
    assert UnlinkedMeanwhile(KEY, revoked=True) in scene.events
    assert live(scene) == 0


async def in_doubt(scene: Scene, service):
    """Connect alice, and leave an exchange of her refresh token without an end."""
    link = await connect(scene, service, "scripted")
    owner = "a-replica-that-crashed"
    await scene.inner.claim(KEY, link.version, owner, timedelta(seconds=1))
    await scene.inner.release(KEY, link.version, owner, unresolved=True)
    return link


@pytest.mark.parametrize(
    ("traits", "linking", "reason"),
    [
        (ProviderTraits(), LinkingTraits(), "unresolved_exchange"),
        (ProviderTraits(), LinkingTraits(revokes_whole_grant=True), "unresolved_exchange"),
        (ProviderTraits(rotates=False), LinkingTraits(revokes_whole_grant=True), None),
        (ProviderTraits(reuse_revokes_account=True), LinkingTraits(), None),
    ],
)
async def test_an_unlink_after_an_answer_that_was_lost(scene: Scene, traits, linking, reason):
    """What is stored is revoked, and it is said whether that is all there can be."""
    scene.provider.tokens.traits, scene.provider.linking = traits, linking
    service = scene.replica()
    link = await in_doubt(scene, service)
    unlinked = await service.unlink("scripted", "alice")
    assert unlinked == UnlinkOutcome(KEY, existed=True, revoked=reason is None, reason=reason)
    assert [tokens.refresh_token for tokens in scene.provider.tokens.revoked] == [link.tokens.refresh_token]
    assert scene.events[-1] == LinkRemoved(KEY, reason is None, reason)


async def test_a_spent_refresh_token_is_not_revoked_over_the_head_of_another_link(scene: Scene):
    """Where a spent one counts as stolen, whatever it is shown for, all of the account would end."""
    scene.provider.tokens.traits = ProviderTraits(reuse_revokes_account=True)
    service = scene.replica()
    await in_doubt(scene, service)
    await connect(scene, service, "scripted/work")
    assert (await service.unlink("scripted", "alice")).reason == "shared_grant"
    assert scene.provider.tokens.revoked == []
    # The other one's refresh token is not in doubt, and its grant is its own.
    assert (await service.unlink("scripted/work", "alice")).revoked


async def test_an_option_that_is_none(scene: Scene):
    """A slip is told when the service is made."""
    with pytest.raises(ValueError, match="on_shared_grant must be 'spare' or 'end'"):
        scene.replica(on_shared_grant="warn")
    with pytest.raises(ValueError, match="on_shared_grant must be 'spare' or 'end'"):
        TokenService(scene.inner, [scene.provider], on_shared_grant="warn")  # type: ignore[arg-type]
