from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta

import aiohttp
import attrs
import pytest

from extauth.cli.demo.messages import Orders
from extauth.cli.demo.progress import Progress, Settings
from extauth.cli.demo.storm import RECONNECT_AFTER, _Storm
from extauth.domain.token_set import TokenSet
from extauth.testing import AuthorizationServer


class DictBook:
    """Links in a dict, refreshed by nobody."""

    def __init__(self) -> None:
        self.links: dict[str, TokenSet] = {}
        self.handed_out: str | None = None
        self.marked: set[str] = set()

    async def connect(self, user: str, tokens: TokenSet) -> None:
        """Replace the link, which lifts the mark."""
        self.links[user] = tokens
        self.marked.discard(user)

    async def refresh_token(self, user: str) -> str | None:
        """Return what is stored, unless the link is marked."""
        return None if user in self.marked else self.links[user].refresh_token

    async def access_token(self, user: str) -> str:
        """Return the stored token, or what the test wants handed out instead."""
        return self.handed_out or self.links[user].access_token


@attrs.define
class Scene:
    """A storm with its surroundings, before any replica."""

    server: AuthorizationServer
    book: DictBook
    storm: _Storm
    session: aiohttp.ClientSession
    told: list[Progress]


@pytest.fixture
async def scene() -> AsyncGenerator[Scene, None]:
    """Two links, both connected."""
    async with (
        AuthorizationServer(access_token_lifetime=timedelta(hours=1)) as server,
        aiohttp.ClientSession() as session,
    ):
        orders = Orders(
            way="extauth",
            replica=0,
            store="memory://",
            naive_table="naive",
            token_url=server.token_url,
            resource_url=server.resource_url,
            client_id=server.client_id,
            client_secret=server.client_secret,
            users=["alice", "bob"],
            callers=2,
            pause=0.1,
            check_every=20,
            margin=0.0,
            seed=0,
        )
        book, told = DictBook(), list[Progress]()
        storm = _Storm(orders, Settings(links=2, callers=2), server, book, told.append)
        for user in orders.users:
            await book.connect(user, server.new_grant(user))
        yield Scene(server, book, storm, session, told)


def reuse(scene: Scene, user: str) -> None:
    """Let somebody present the user's refresh token twice."""
    token = scene.book.links[user].refresh_token
    assert token is not None
    for _ in range(2):
        scene.server.grants.redeem(token, 0.0)


async def test_links_that_work_are_verified(scene: Scene) -> None:
    """Living links count as verified, none as lost."""
    await scene.storm.verify(scene.session)
    progress = scene.storm.show("done")
    assert (progress.verified, progress.lost) == (2, 0)
    assert scene.told == [progress]


@pytest.mark.parametrize("fate", ["reused", "marked", "access token dead", "refresh token spent"])
async def test_link_that_does_not_work_at_the_end_is_lost(scene: Scene, fate: str) -> None:
    """Whatever is wrong with a link in the end, it is noticed."""
    refresh_token = scene.book.links["alice"].refresh_token
    assert refresh_token is not None
    match fate:
        case "reused":
            reuse(scene, "alice")
        case "marked":
            scene.book.marked.add("alice")
        case "access token dead":
            scene.server.grants.revoke(scene.book.links["alice"].access_token)
        case _:
            scene.server.grants.redeem(refresh_token, 0.0)

    await scene.storm.verify(scene.session)

    progress = scene.storm.show("done")
    assert (progress.verified, progress.lost) == (1, 1)


async def test_dead_tokens_handed_out_fail_the_link(scene: Scene) -> None:
    """A link whose stored tokens live is still lost if what is handed out is dead."""
    scene.book.handed_out = "at-unknown"
    await scene.storm.verify(scene.session)
    assert scene.storm.show("done").lost == 2


async def test_lost_link_is_counted_once_and_reconnected(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that stays broken is counted and its user connects again; a passing moment is not counted."""
    now = [100.0]
    monkeypatch.setattr("extauth.cli.demo.storm.time.monotonic", lambda: now[0])
    reuse(scene, "alice")
    scene.book.marked.add("bob")

    await scene.storm._reconnect_lost()
    assert scene.storm.show("storm").lost == 0
    scene.book.marked.clear()
    now[0] += RECONNECT_AFTER
    for _ in range(2):
        await scene.storm._reconnect_lost()

    assert scene.storm.show("storm").lost == 1
    await scene.storm.verify(scene.session)
    progress = scene.storm.show("done")
    assert (progress.verified, progress.lost, progress.families_revoked) == (2, 1, 1)
    assert (progress.exchanges, progress.per_rotation) == (2, (2,))
