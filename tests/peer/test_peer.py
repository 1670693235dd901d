"""Every flow, from the first redirect to the last revocation, against a server that we did not write."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from aiohttp import ClientSession

from extauth import (
    AccountChanged,
    AlreadyCompleted,
    AuthorizationRejected,
    ConsentDenied,
    IssuerMismatch,
    LinkingService,
    LinkKey,
    LinkNotFound,
    ReauthorizationRequired,
    TokenService,
    UnknownState,
    WrongUser,
    open_store,
)
from extauth.adapters.discovery import discover, register_client
from extauth.domain.events import AccountReplaced
from extauth.domain.linking_outcomes import TokenInvalid, TokenValid
from tests.peer.site import CALLBACK

ALICE = LinkKey("peer", "alice-here")
SCOPES = ("openid", "profile", "read")


@pytest.fixture
async def store(tmp_path):
    """A file of its own, as an application on one machine has."""
    async with open_store(f"sqlite:///{tmp_path}/links.db") as opened:
        yield opened


@pytest.fixture
async def metadata(peer):
    """What the peer publishes about itself."""
    return await discover(peer.url)


@pytest.fixture
def provider(peer, metadata):
    """The peer's confidential client."""
    return metadata.provider(
        "peer", client_id=peer.client_id, client_secret=peer.client_secret, scopes=SCOPES
    )


@pytest.fixture
async def linking(store, provider):
    """The service that connects users."""
    async with LinkingService(store, [provider]) as service:
        yield service


@pytest.fixture
async def tokens(store, provider):
    """The service that hands out access tokens."""
    async with TokenService(store, [provider]) as service:
        yield service


async def connect(linking, browser, **options):
    """Let the one at the browser consent, on behalf of our alice."""
    url = await linking.begin("peer", "alice-here", CALLBACK, **options)
    return await linking.complete(await browser.consent(url), user_id="alice-here")


async def subject_of(peer, access_token):
    """Return whom the peer knows the token to be for; None if it refuses it."""
    headers = {"Authorization": f"Bearer {access_token}"}
    async with ClientSession() as http, http.get(f"{peer.url}/userinfo/", headers=headers) as reply:
        return (await reply.json())["sub"] if reply.status == 200 else None


async def make_stale(store, link):
    """Let the stored access token be over, as it will be in an hour."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    await store.put(link.key, attrs.evolve(link.tokens, expires_at=past), origin=link.origin)


async def test_a_user_is_connected(peer, linking, tokens, store):
    """Discovery, consent, code with PKCE, ID token with nonce: then there is a token that works."""
    async with peer.browser("alice") as browser:
        link = await connect(linking, browser)

    assert link == await store.get(ALICE)
    assert link.tokens.scopes == set(SCOPES)
    assert (link.account.login, link.account.display_name) == ("alice", "Alice")
    access_token = await tokens.access_token("peer", "alice-here")
    assert await subject_of(peer, access_token) == link.account.id
    assert await linking.validate("peer", "alice-here") == TokenValid(link.account)


async def test_many_callers_cause_one_rotation(peer, linking, tokens, store):
    """The peer revokes everything when a refresh token comes twice, and it does not."""
    async with peer.browser("alice") as browser:
        link = await connect(linking, browser)
    await make_stale(store, link)

    served = await asyncio.gather(*(tokens.access_token("peer", "alice-here") for _ in range(50)))

    (fresh,) = set(served)
    assert fresh != link.tokens.access_token
    assert await subject_of(peer, fresh)
    again = await tokens.refresh("peer", "alice-here", rejected=fresh)
    assert await subject_of(peer, again.tokens.access_token)
    assert again.account == (await store.get(ALICE)).account


async def test_two_replicas_cause_one_rotation(peer, linking, provider, store):
    """Each with its own service, on one store."""
    async with peer.browser("alice") as browser:
        link = await connect(linking, browser)
    await make_stale(store, link)

    async with TokenService(store, [provider]) as one, TokenService(store, [provider]) as other:
        calls = [service.access_token("peer", "alice-here") for service in (one, other) for _ in range(20)]
        served = await asyncio.gather(*calls)

    assert len(set(served)) == 1
    assert await subject_of(peer, served[0])


async def test_a_spent_refresh_token_ends_the_link(peer, linking, provider, tokens, store):
    """Someone else presented it: the peer revokes the family, and extauth says that, and why."""
    async with peer.browser("alice") as browser:
        link = await connect(linking, browser)
    await provider.refresh(link.tokens)
    await make_stale(store, link)

    with pytest.raises(ReauthorizationRequired) as caught:
        await tokens.access_token("peer", "alice-here")

    assert caught.value.reason == "invalid_grant"
    assert (await store.get(ALICE)).tokens.refresh_token == link.tokens.refresh_token


async def test_a_user_says_no(peer, linking, store):
    """Nothing is stored, and the next try works."""
    async with peer.browser("alice") as browser:
        url = await linking.begin("peer", "alice-here", CALLBACK)
        with pytest.raises(ConsentDenied):
            await linking.complete(await browser.decline(url), user_id="alice-here")
        assert await store.get(ALICE) is None

        await connect(linking, browser)

    assert await store.get(ALICE) is not None


async def test_a_callback_works_once(peer, linking, store):
    """The second one changes nothing."""
    async with peer.browser("alice") as browser:
        url = await linking.begin("peer", "alice-here", CALLBACK)
        callback = await browser.consent(url)
    link = await linking.complete(callback, user_id="alice-here")

    with pytest.raises(AlreadyCompleted):
        await linking.complete(callback, user_id="alice-here")

    assert await store.get(ALICE) == link


async def test_a_callback_of_someone_else_is_refused(peer, linking, store):
    """Mallory cannot connect alice's account to her own user; alice still can."""
    async with peer.browser("alice") as browser:
        url = await linking.begin("peer", "alice-here", CALLBACK)
        callback = await browser.consent(url)

    with pytest.raises(WrongUser):
        await linking.complete(callback, user_id="mallory")
    assert await linking.links("mallory") == []

    assert (await linking.complete(callback, user_id="alice-here")).key == ALICE


async def test_a_forged_callback_stores_nothing(peer, linking, store):
    """Neither an invented state, nor an invented code, nor another issuer."""
    with pytest.raises(UnknownState):
        await linking.complete(f"{CALLBACK}?code=c&state=s&iss={peer.url}", user_id="alice-here")

    for part, error in (("code=", AuthorizationRejected), ("iss=", IssuerMismatch)):
        async with peer.browser("alice") as browser:
            callback = await browser.consent(await linking.begin("peer", "alice-here", CALLBACK))
        with pytest.raises(error):
            await linking.complete(callback.replace(part, f"{part}x"), user_id="alice-here")

    assert await store.get(ALICE) is None


async def test_another_account_is_noticed(peer, store, provider):
    """Alice comes back as bob: told, or refused with her link as it was."""
    events = []

    class Observer:
        def notify(self, event):
            events.append(event)

    async with LinkingService(store, [provider], observer=Observer()) as lenient:
        async with peer.browser("alice") as browser:
            link = await connect(lenient, browser)
        async with (
            LinkingService(store, [provider], on_account_change="refuse") as strict,
            peer.browser("bob") as browser,
        ):
            with pytest.raises(AccountChanged):
                await connect(strict, browser)
        assert await store.get(ALICE) == link

        async with peer.browser("bob") as browser:
            replaced = await connect(lenient, browser)

    assert replaced.account.login == "bob"
    assert [event for event in events if isinstance(event, AccountReplaced)] == [
        AccountReplaced(ALICE, replaced.version, link.account.id, replaced.account.id)
    ]


async def test_more_scopes_keep_those_granted(peer, linking):
    """The new grant covers the old one's scopes too."""
    async with peer.browser("alice") as browser:
        await connect(linking, browser, scopes=["openid", "read"])
        link = await connect(linking, browser, scopes=["write"], include_granted=True)

    assert link.tokens.scopes == {"openid", "read", "write"}


async def test_an_unlink_revokes(peer, linking, tokens, store):
    """The link is gone, and the peer has forgotten the grant."""
    async with peer.browser("alice") as browser:
        link = await connect(linking, browser)

    unlinked = await linking.unlink("peer", "alice-here")

    assert (unlinked.existed, unlinked.revoked) == (True, True)
    assert await subject_of(peer, link.tokens.access_token) is None
    with pytest.raises(LinkNotFound):
        await tokens.access_token("peer", "alice-here")


async def test_a_revoked_access_token_is_invalid(peer, linking, provider):
    """The provider's word, and the link stays as it is."""
    async with peer.browser("alice") as browser:
        link = await connect(linking, browser)
    assert await provider.revoke(link.tokens)

    assert await linking.validate("peer", "alice-here") == TokenInvalid()
    assert [kept.tokens for kept in await linking.links("alice-here")] == [link.tokens]


@pytest.fixture
async def television(store, metadata, peer):
    """A client without a browser, and the service for it."""
    provider = metadata.provider(
        "tv",
        client_id=peer.device_client_id,
        scopes=["read"],
        device_url=f"{peer.url}/device-authorization/",
    )
    async with LinkingService(store, [provider]) as linking, TokenService(store, [provider]) as tokens:
        yield linking, tokens


async def test_a_device_is_connected(peer, television):
    """The user types the code in elsewhere while the device polls."""
    linking, tokens = television
    device = await linking.begin_device("tv", "alice-here")
    completing = asyncio.create_task(linking.complete_device(device))

    async with peer.browser("alice") as browser:
        await browser.approve_device(device.verification_uri, device.user_code)
    link = await completing

    assert link.tokens.scopes == {"read"}
    rejected = await tokens.access_token("tv", "alice-here")
    assert rejected != await tokens.refresh("tv", "alice-here", rejected=rejected)


async def test_a_device_is_refused(peer, television):
    """The user presses the other button."""
    linking, _ = television
    device = await linking.begin_device("tv", "alice-here")

    async with peer.browser("alice") as browser:
        await browser.approve_device(device.verification_uri, device.user_code, action="deny")

    with pytest.raises(ConsentDenied):
        await linking.complete_device(device)
    assert await linking.links("alice-here") == []


async def test_a_registered_client_connects_users(peer, metadata, store):
    """Nobody made this client by hand; the peer says how it authenticates."""
    registration = await register_client(metadata, redirect_uris=[CALLBACK], client_name="Registered")
    provider = metadata.provider(
        "peer",
        client_id=registration.client_id,
        client_secret=registration.client_secret,
        client_auth=registration.client_auth,
        scopes=["read"],
    )

    async with LinkingService(store, [provider]) as linking, TokenService(store, [provider]) as tokens:
        async with peer.browser("alice") as browser:
            link = await connect(linking, browser)
        fresh = await tokens.refresh("peer", "alice-here", rejected=link.tokens.access_token)

    assert fresh.version == link.version + 1
    assert fresh.tokens.refresh_token != link.tokens.refresh_token
