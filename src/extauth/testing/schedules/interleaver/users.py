"""What happens outside the replicas: users come and go, operators work."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, final

import attrs

from extauth.domain.link import Link
from extauth.domain.ports import LinkStore
from extauth.domain.token_set import TokenSet
from extauth.testing.schedules.interleaver.setting import PROVIDER_ID, Setting, key_of
from extauth.testing.schedules.interleaver.virtual_time import VirtualLoop
from extauth.testing.scripted.provider import ScriptedProvider


def under_next_key(tokens: TokenSet) -> TokenSet:
    """Return the tokens as a rotation to the next key stores them."""
    number = int((tokens.refresh_token_key_id or "k0")[1:]) + 1
    return attrs.evolve(tokens, access_token_key_id=f"k{number}", refresh_token_key_id=f"k{number}")


@final
class Users:
    """Writes that the schedule makes, each at once and whole."""

    def __init__(
        self, store: LinkStore, provider: ScriptedProvider, loop: VirtualLoop, setting: Setting
    ) -> None:
        self._store = store
        self._provider = provider
        self._loop = loop
        self._setting = setting

    def link(self, user: str) -> Link | None:
        """Return the user's link as it is stored."""
        return self._loop.complete(self._store.get(key_of(user)))

    def authorize(self, user: str, age: timedelta = timedelta(0)) -> None:
        """Connect the user, with an access token of that age."""
        tokens = self._provider.grant(user)
        if age:
            assert tokens.issued_at is not None
            issued_at = tokens.issued_at - age
            tokens = attrs.evolve(tokens, issued_at=issued_at, expires_at=issued_at + self._setting.lifetime)
        self._carry_out(self._store.put(key_of(user), tokens))

    def unlink(self, user: str) -> None:
        """Disconnect the user."""
        self._carry_out(self._store.delete(key_of(user)))

    def reseal(self, user: str) -> None:
        """Encrypt the user's tokens anew, as a key rotation does: other key ids, same version."""
        link = self.link(user)
        if link is not None:
            tokens = under_next_key(link.tokens)
            self._carry_out(self._store.reseal(link.key, link.version, tokens))

    def lift(self, user: str) -> None:
        """Lift the user's failure marks, as an operator does after an outage."""
        self._carry_out(self._store.lift_failure(PROVIDER_ID, user_id=user))

    def forget(self, writes: int) -> None:
        """Have the store lose its last writes, as a failover to a standby that was behind does."""
        store: Any = self._store
        store.forget(writes)

    def _carry_out(self, work: Awaitable[Any]) -> None:
        self._loop.complete(work)
