"""Listing, validating, and tidying up."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from extauth import Account, GrantOrigin, LinkKey, LinkNotFound, StoreUnavailable, TokenSet, UnknownProvider
from extauth.domain.linking_outcomes import TokenInvalid, TokenUnverified, TokenValid
from tests.services.linking.conftest import KEY, REDIRECT_URI, Scene
from tests.support.faulty_store import down

ALICE = Account("id-1", login="alice")


async def test_links(scene: Scene):
    """A user's links, and nobody else's, by provider id."""
    for provider_id, user_id in [("b", "alice"), ("a", "alice"), ("a", "bob")]:
        await scene.inner.put(LinkKey(provider_id, user_id), TokenSet("at"))
    assert [link.key.provider_id for link in await scene.replica().links("alice")] == ["a", "b"]


async def test_links_by_whose_client_they_were_made(scene: Scene):
    """Those that wait for the user to connect again, the others, or both."""
    present = GrantOrigin("new", "https://provider.example/token")
    scene.provider.tokens.origin = present
    former = GrantOrigin("old", "https://provider.example/token")
    for name, origin in (("old", former), ("present", present)):
        await scene.inner.put(LinkKey(f"scripted/{name}", "alice"), TokenSet("at"), origin=origin)
    service = scene.replica()
    found = [await service.links("alice", of_former_client=which) for which in (True, False, None)]
    assert [[link.key.provider_id for link in links] for links in found] == [
        ["scripted/old"],
        ["scripted/present"],
        ["scripted/old", "scripted/present"],
    ]


class TestValidating:
    async def test_a_token_that_works(self, scene: Scene):
        """It is valid, and the account that the answer names is recorded."""
        service = scene.replica()
        link = await scene.connect(service)
        scene.provider.accounts = {"alice-there": ALICE}
        assert await service.validate("scripted", "alice") == TokenValid(ALICE)
        stored = await scene.stored()
        assert (stored.account, stored.tokens, stored.version) == (ALICE, link.tokens, 1)
        calls = scene.store.calls["record_account"]
        await service.validate("scripted", "alice")
        assert scene.store.calls["record_account"] == calls

    async def test_an_answer_about_another_account(self, scene: Scene):
        """Whose account a grant is for never changes: the answer is not believed in that."""
        service = scene.replica()
        scene.provider.accounts = {"alice-there": ALICE}
        link = await scene.connect(service)
        scene.provider.accounts = {"alice-there": Account("id-2")}
        assert await service.validate("scripted", "alice") == TokenValid()
        assert await scene.stored() == link
        scene.provider.accounts = {"alice-there": Account("id-1", login="renamed")}
        await service.validate("scripted", "alice")
        assert (await scene.stored()).account == Account("id-1", login="renamed")

    async def test_a_token_that_does_not(self, scene: Scene):
        """It is invalid, and the link is as it was."""
        service = scene.replica()
        link = await scene.connect(service)
        scene.clock.advance(timedelta(hours=2))
        assert await service.validate("scripted", "alice") == TokenInvalid()
        assert await scene.stored() == link

    @pytest.mark.parametrize(
        "failure", [TokenUnverified("http_429", timedelta(seconds=3)), RuntimeError("leaked-token")]
    )
    async def test_no_telling(self, scene: Scene, caplog, failure):
        """A rate limit or an outage says nothing about the token."""
        service = scene.replica()
        link = await scene.connect(service)

        async def validate(_):
            if isinstance(failure, Exception):
                raise failure
            return failure

        scene.provider.validate = validate
        expected = TokenUnverified("provider_error") if isinstance(failure, Exception) else failure
        assert await service.validate("scripted", "alice") == expected
        assert await scene.stored() == link
        assert "leaked-token" not in caplog.text

    async def test_a_caller_that_is_cancelled(self, scene: Scene):
        """It leaves, and nothing has changed."""
        service = scene.replica()
        link = await scene.connect(service)
        scene.provider.validate_gate = asyncio.Event()
        call = asyncio.create_task(service.validate("scripted", "alice"))
        await scene.provider.validating.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await scene.stored() == link

    async def test_another_clients_token(self, scene: Scene):
        """It is not sent to this one's provider."""
        scene.provider.tokens.origin = GrantOrigin("new", "https://provider.example/token")
        old = GrantOrigin("old", "https://old.example/token")
        await scene.inner.put(KEY, TokenSet("at"), origin=old)
        assert await scene.replica().validate("scripted", "alice") == TokenUnverified(
            "grant_of_another_client"
        )
        assert not scene.provider.validating.is_set()

    async def test_a_store_that_cannot_record(self, scene: Scene):
        """The answer is the provider's all the same."""
        service = scene.replica()
        await scene.connect(service)
        scene.provider.accounts = {"alice-there": ALICE}
        scene.store.before["record_account"] = down()
        assert await service.validate("scripted", "alice") == TokenValid(ALICE)

    async def test_what_is_not_there(self, scene: Scene):
        """No link, or no such provider."""
        service = scene.replica()
        with pytest.raises(LinkNotFound):
            await service.validate("scripted", "alice")
        with pytest.raises(UnknownProvider):
            await service.validate("other", "alice")


class TestPurging:
    async def test_what_has_expired(self, scene: Scene):
        """It goes, and the rest stays."""
        service = scene.replica(authorization_ttl=timedelta(minutes=10))
        await scene.authorized(service)
        scene.clock.advance(timedelta(minutes=6))
        callback = await scene.authorized(service)
        scene.clock.advance(timedelta(minutes=6))
        assert await service.purge() == 1
        assert (await service.complete(callback, user_id="alice")).version == 1

    async def test_beginning_purges_now_and_then(self, scene: Scene):
        """Once an hour at most, so that no upkeep is needed."""
        service = scene.replica()
        for expected in (1, 1, 2):
            await service.begin("scripted", "alice", REDIRECT_URI)
            assert scene.store.calls["purge_authorizations"] == expected
            scene.clock.advance(timedelta(minutes=31))

    async def test_purging_never_spoils_a_beginning(self, scene: Scene):
        """A store that fails just then is tried again another time."""
        scene.store.before["purge_authorizations"] = down(2)
        service = scene.replica()
        assert (await scene.connect(service)).version == 1
        with pytest.raises(StoreUnavailable):
            await service.purge()
