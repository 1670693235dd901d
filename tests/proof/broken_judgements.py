"""Broken judgements of what a provider answered."""

from __future__ import annotations

import attrs

from extauth.domain import resources
from extauth.domain.link import RefreshFailure
from extauth.domain.outcomes import ClientRejected, Deferred, Stale, Unknown
from extauth.domain.token_set import TokenSet
from extauth.services.refresh.attempt import LeasedRefresh
from extauth.services.refresh.outcomes import Moved
from tests.proof.breaking import replacing

_without_tokens = LeasedRefresh._without_tokens


async def _mark_the_newer(self, lease, link, reason):
    failure = RefreshFailure(reason=reason, at=self._clock.now(), version=link.version)
    recorded = await self._store.record_failure(link.key, link.version, failure)
    if isinstance(recorded, Stale):
        newer = recorded.link
        await self._store.record_failure(
            newer.key, newer.version, attrs.evolve(failure, version=newer.version)
        )
        return Moved(newer)
    return await _rejected(self, lease, link, reason)


_rejected = LeasedRefresh._rejected

marks_the_newer = replacing(LeasedRefresh, "_rejected", _mark_the_newer)
"""A rejection of one version is recorded for another."""


def _dead_on(*outcomes):
    async def judge(self, wanted, lease, link, presented, *, works):
        if isinstance(presented.outcome, outcomes):
            return await self._rejected(lease, link, presented.outcome.code)
        return await _without_tokens(self, wanted, lease, link, presented, works=works)

    return replacing(LeasedRefresh, "_without_tokens", judge)


dead_on_unknown = _dead_on(Unknown)
"""A reply that was lost, or a 5xx, ends the link."""

dead_on_client_rejected = _dead_on(ClientRejected)
"""A wrong client secret ends the link."""

dead_on_deferred = _dead_on(Deferred)
"""A rate limit ends the link."""


async def _clear(self, lease, link, code, mark, *, uncertain, works):
    bare = TokenSet(link.tokens.access_token, expires_at=link.tokens.expires_at)
    await self._store.put(link.key, bare)
    return await _failed(self, lease, link, code, mark, uncertain=uncertain, works=works)


_failed = LeasedRefresh._failed

failure_clears = replacing(LeasedRefresh, "_failed", _clear)
"""A failure takes the refresh token away."""


async def _record_nothing(self, lease, link, code, mark, *, uncertain, works):
    await self._leases.release(lease, unresolved=uncertain)
    return Moved(link)


failure_unrecorded = replacing(LeasedRefresh, "_failed", _record_nothing)
"""A failure for now is not recorded, so that everybody tries again at once."""

not_carried_forward = replacing(
    resources,
    "carried_forward",
    lambda answer, _: {
        name: getattr(answer, name)
        for name in ("refresh_token", "refresh_token_key_id", "refresh_token_expires_at")
    },
)
"""A reply without a refresh token takes away the one there was."""
