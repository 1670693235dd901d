"""Run the worker over many users, with a stand-in for the provider, and upkeep for quiet ones.

``python run.py`` is for 10,000 users; ``--users`` is for fewer.
"""

from __future__ import annotations

import argparse
import asyncio
from datetime import timedelta

import attrs
from worker import one_pass

import extauth
from extauth import LinkKey, TokenSet, Upkeep
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.domain.linking_ports import Store
from extauth.events import Event, UpkeepSwept
from extauth.testing import AuthorizationServer

AGE = timedelta(minutes=59)


class UpkeepSeen:
    """Waits until upkeep has refreshed so many links."""

    def __init__(self, wanted: int) -> None:
        self.refreshed = 0
        self.wanted = wanted
        self.done = asyncio.Event()

    def notify(self, event: Event) -> None:
        """Be told of an event."""
        if isinstance(event, UpkeepSwept):
            self.refreshed += event.refreshed
            if self.refreshed >= self.wanted:
                self.done.set()


def aged(tokens: TokenSet) -> TokenSet:
    """Return tokens as they are a minute before the access token ends."""
    assert tokens.issued_at is not None
    assert tokens.expires_at is not None
    return attrs.evolve(tokens, issued_at=tokens.issued_at - AGE, expires_at=tokens.expires_at - AGE)


async def make_users(
    store: Store, provider: OAuth2Provider, server: AuthorizationServer, number: int, quiet: int
) -> list[str]:
    """Connect users, and quiet ones; return whom to call for. In real life they came by ``begin`` and
    ``complete``.

    The API refuses the token of every tenth, and every hundredth has disconnected at the provider.
    """
    users = [f"user-{n}" for n in range(number)]
    for n, user in enumerate(users):
        tokens = server.new_grant(user)
        await store.put(LinkKey("calendar", user), tokens, origin=provider.origin)
        if n % 10 == 0:
            server.grants.revoke(tokens.access_token)
        if n % 100 == 0:
            server.grants.revoke_subject(user)
    for n in range(quiet):
        tokens = aged(server.new_grant(f"quiet-{n}"))
        await store.put(LinkKey("calendar", f"quiet-{n}"), tokens, origin=provider.origin)
    return users


async def main(number: int, concurrency: int, database: str) -> None:
    """Connect users, call for each of them, and wait until upkeep has been with the quiet ones."""
    quiet = max(1, number // 100)
    upkeep_seen = UpkeepSeen(quiet)
    async with AuthorizationServer() as server, extauth.open_store(database, keys="plain") as store:
        provider = OAuth2Provider(
            "calendar",
            client_id=server.client_id,
            client_secret=server.client_secret,
            token_url=server.token_url,
        )
        users = await make_users(store, provider, server, number, quiet)
        upkeep = Upkeep(rate=100.0)  # refreshes a second; what the provider takes
        async with extauth.open(store, [provider], upkeep=upkeep, observer=upkeep_seen) as auth:
            went = await one_pass(auth, users, server.resource_url, concurrency=concurrency)
            print(f"{number} users:", ", ".join(f"{count} {how}" for how, count in sorted(went.items())))
            await upkeep_seen.done.wait()
            print(f"{upkeep_seen.refreshed} quiet users refreshed by upkeep")
        print(f"{server.grants.rotations} rotations, {server.grants.replays} presented twice")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--store", default="memory://", help="a new sqlite:///... or postgresql://...")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.users, arguments.concurrency, arguments.store))
