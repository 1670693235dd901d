"""Stores with one bug each: tokens for single resources lost, kept too long or left under an old key.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

import attrs

from extauth.domain.outcomes import Claimed, Resealed
from tests.proof.breakable_store import HealthyStore, broken
from tests.proof.broken_values import StoringStore


@broken("put", "test_resource_tokens_come_back")
class ResourceTokensDropped(StoringStore):
    """Tokens for single resources are not kept: each call for one costs a refresh."""

    @staticmethod
    def stored(tokens):
        return attrs.evolve(tokens, resource_tokens={})


@broken("save", "test_every_field_comes_back")
class RefreshExpiryDropped(StoringStore):
    """When the refresh token expires is not kept."""

    @staticmethod
    def stored(tokens):
        return attrs.evolve(tokens, refresh_token_expires_at=None)


@broken("put", "test_odd_resource_tokens_come_back")
class ResourcesFolded(StoringStore):
    """Two resources are taken for one."""

    @staticmethod
    def stored(tokens):
        folded = {resource.lower(): token for resource, token in tokens.resource_tokens.items()}
        return attrs.evolve(tokens, resource_tokens=folded)


@broken("save", "test_no_resource_token_is_carried_forward")
class SaveMergesResources(HealthyStore):
    """A save adds to the tokens that are there: they are presented long after they were dropped."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        row = self._rows.get(key)
        old = row.link.tokens.resource_tokens if row else {}
        merged = attrs.evolve(tokens, resource_tokens={**old, **tokens.resource_tokens})
        return await super().save(key, version, merged, origin=origin)


@broken("claim", "test_claims_and_marks_keep_resource_tokens")
class ClaimDropsResources(HealthyStore):
    """A refresh that begins forgets the tokens of resources."""

    async def claim(self, key, version, owner, ttl):
        outcome = await super().claim(key, version, owner, ttl)
        if isinstance(outcome, Claimed):
            link = self._rows[key].link
            dropped = attrs.evolve(link, tokens=attrs.evolve(link.tokens, resource_tokens={}))
            return attrs.evolve(outcome, link=self.row(key, link=dropped).seen_at(self._now()))
        return outcome


class ResealingStore(HealthyStore):
    """Writes other tokens of resources than a re-encryption should."""

    member = "resource_tokens"

    @staticmethod
    def resealed(old, given):
        raise NotImplementedError

    async def reseal(self, key, version, tokens, *, written_at=None):
        row = self._rows.get(key)
        outcome = await super().reseal(key, version, tokens, written_at=written_at)
        if isinstance(outcome, Resealed):
            kept = self.resealed(getattr(row.link.tokens, self.member), getattr(tokens, self.member))
            link = self._rows[key].link
            changed = attrs.evolve(link, tokens=attrs.evolve(link.tokens, **{self.member: kept}))
            return Resealed(self.row(key, link=changed).seen_at(self._now()))
        return outcome


@broken("reseal", "test_reseal_replaces_the_texts_of_resource_tokens")
class ResealLeavesResources(ResealingStore):
    """After a key rotation nothing can read the tokens of resources."""

    @staticmethod
    def resealed(old, given):
        return old


@broken("reseal", "test_reseal_replaces_the_texts_of_resource_tokens")
class ResealWritesResourceExpiries(ResealingStore):
    """A re-encryption of what was read earlier also writes its expiries."""

    @staticmethod
    def resealed(old, given):
        return given


class ResealingExtraStore(ResealingStore):
    """Writes other values of ``extra`` than a re-encryption should."""

    member = "extra"


@broken("reseal", "test_reseal_replaces_the_values_of_extra")
class ResealLeavesExtra(ResealingExtraStore):
    """What is in ``extra`` stays under the old key, which is then thrown away."""

    @staticmethod
    def resealed(old, given):
        return old


@broken("reseal", "test_reseal_replaces_the_values_of_extra")
class ResealReplacesExtra(ResealingExtraStore):
    """A re-encryption of the tokens alone forgets what else there was."""

    @staticmethod
    def resealed(old, given):
        return given


@broken("lift_failure", "test_lifting_covers_named_links")
class LiftLeavesNamedLinks(HealthyStore):
    """Users with a second account stay dead after the outage."""

    async def lift_failure(self, provider_id, *, user_id=None, reason=None, since=None):
        mine = {key: row for key, row in self._rows.items() if key.provider_id == provider_id}
        others = {key: row for key, row in self._rows.items() if key not in mine}
        self._rows = mine
        try:
            return await super().lift_failure(provider_id, user_id=user_id, reason=reason, since=since)
        finally:
            self._rows = {**others, **self._rows}


@broken("lift_failure", "test_lifting_covers_named_links")
class LiftByPrefix(HealthyStore):
    """LIKE 'github%': the undo is another provider's as well."""

    async def lift_failure(self, provider_id, *, user_id=None, reason=None, since=None):
        providers = {key.provider_id for key in self._rows if key.provider_id.startswith(provider_id)}
        narrow = {"user_id": user_id, "reason": reason, "since": since}
        lifted = [await super(LiftByPrefix, self).lift_failure(each, **narrow) for each in sorted(providers)]
        return sum(lifted)


@broken("due", "test_due_covers_a_family")
class DueByPrefix(HealthyStore):
    """LIKE 'github%': upkeep of one provider gets the links of another."""

    async def due(self, provider_id, by, before, **narrow):
        providers = {key.provider_id for key in self._rows if key.provider_id.startswith(provider_id)}
        found = [await super(DueByPrefix, self).due(each, by, before, **narrow) for each in providers]
        return sorted({due for dues in found for due in dues})


@broken("due", "test_due_covers_a_family")
class DueWithoutNamedLinks(HealthyStore):
    """Named links are never kept alive."""

    async def due(self, provider_id, by, before, **narrow):
        found = await super().due(provider_id, by, before, **narrow)
        return [due for due in found if due.key.provider_id == provider_id]
