"""Stores with one bug each: failure marks that hide, stay or spread.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

from datetime import timedelta

import attrs

from extauth.domain.doubt import is_held
from extauth.domain.fence import FENCED, is_fenced
from extauth.domain.outcomes import Recorded, Saved, Stale
from tests.proof.breakable_store import HealthyStore, broken


@broken("record_failure", "test_a_permanent_mark_stays")
class PermanentMarkReplaced(HealthyStore):
    """A later time-out hides that the grant was rejected: it is presented again and again."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        outcome = await super().record_failure(key, version, failure, written_at=written_at)
        if isinstance(outcome, Recorded):
            row = self.row(key, link=attrs.evolve(self._rows[key].link, failure=failure))
            return Recorded(row.seen_at(self._now()))
        return outcome


@broken("record_failure", "test_other_marks_are_replaced")
class FirstMarkStays(HealthyStore):
    """A rejected grant is still taken for a time-out."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        row = self._rows.get(key)
        mark = row and row.link.failure
        return await super().record_failure(
            key, version, mark if mark and mark.version == version else failure
        )


@broken("record_failure", "test_a_mark_leaves_the_lease")
class MarkEndsLease(HealthyStore):
    """The loser's mark ends the winner's lease."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        outcome = await super().record_failure(key, version, failure, written_at=written_at)
        if isinstance(outcome, Recorded):
            return Recorded(self.row(key, lease=None, unresolved_since=None).seen_at(self._now()))
        return outcome


@broken("record_failure", "test_a_mark_is_about_the_version_it_names")
class MarkOfAnotherVersion(HealthyStore):
    """A failure of one version is taken as one of another."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        return await super().record_failure(key, version, attrs.evolve(failure, version=version))


@broken("save", "test_save_clears_mark_lease_and_unresolved_exchange")
class SaveKeepsMark(HealthyStore):
    """The new tokens are as dead as the old ones."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        row = self._rows.get(key)
        outcome = await super().save(key, version, tokens, origin=origin, written_at=written_at)
        if isinstance(outcome, Saved):
            return Saved(self.row(key, link=attrs.evolve(outcome.link, failure=row.link.failure)).link)
        return outcome


@broken("put", "test_put_clears_mark_lease_and_unresolved_exchange")
class PutKeepsMark(HealthyStore):
    """A user who reconnects is asked to reconnect."""

    async def put(self, key, tokens, *, origin=None):
        row = self._rows.get(key)
        link = await super().put(key, tokens, origin=origin)
        return link if row is None else self.row(key, link=attrs.evolve(link, failure=row.link.failure)).link


@broken("save", "test_a_losers_mark_never_stops_the_winners_save")
class MarkStopsSave(HealthyStore):
    """A dead link takes no tokens any more, whoever brings them."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None):
        row = self._rows.get(key)
        if row is not None and row.link.failure is not None and row.link.version == version:
            return Stale(row.link)
        return await super().save(key, version, tokens, origin=origin, written_at=written_at)


@broken("lift_failure", "test_lifting_undoes_an_outage")
class LiftsAllProviders(HealthyStore):
    """The undo of one provider's outage brings back what another has rejected."""

    async def lift_failure(self, provider_id, *, user_id=None, reason=None, since=None):
        lifted = await super().lift_failure(provider_id, user_id=user_id, reason=reason, since=since)
        for other in {key.provider_id for key in self._rows} - {provider_id}:
            await super().lift_failure(other, user_id=user_id, reason=reason, since=since)
        return lifted


@broken("lift_failure", "test_lifting_undoes_an_outage")
class LiftTouchesTokens(HealthyStore):
    """The undo also forgets the tokens."""

    async def lift_failure(self, provider_id, *, user_id=None, reason=None, since=None):
        marked = [key for key, row in self._rows.items() if row.link.failure is not None]
        lifted = await super().lift_failure(provider_id, user_id=user_id, reason=reason, since=since)
        for key in marked:
            link = self._rows[key].link
            if link.failure is None:
                self.row(key, link=attrs.evolve(link, tokens=attrs.evolve(link.tokens, refresh_token=None)))
        return lifted


@broken("lift_failure", "test_lifting_leaves_leases")
class LiftEndsLeases(HealthyStore):
    """The undo also frees what is being refreshed."""

    async def lift_failure(self, provider_id, *, user_id=None, reason=None, since=None):
        for key in self._rows:
            self.row(key, lease=None)
        return await super().lift_failure(provider_id, user_id=user_id, reason=reason, since=since)


@broken("lift_failure", "test_lifting_undoes_an_outage")
class LiftCountsLinks(HealthyStore):
    """The count is of links, marked or not."""

    async def lift_failure(self, provider_id, *, user_id=None, reason=None, since=None):
        await super().lift_failure(provider_id, user_id=user_id, reason=reason, since=since)
        return sum(key.provider_id == provider_id for key in self._rows)


@broken("lift_failure", "test_lifting_can_be_narrowed")
class LiftIgnoresSince(HealthyStore):
    """The undo lifts marks from before the outage too."""

    async def lift_failure(self, provider_id, *, user_id=None, reason=None, since=None):
        return await super().lift_failure(provider_id, user_id=user_id, reason=reason)


@broken("lift_failure", "test_lifting_can_be_narrowed")
class LiftIgnoresUser(HealthyStore):
    """The undo for one user is one for all."""

    async def lift_failure(self, provider_id, *, user_id=None, reason=None, since=None):
        return await super().lift_failure(provider_id, reason=reason, since=since)


@broken("record_failure", "test_marks_and_leases_are_no_use_of_a_link")
class MarksCountAsUse(HealthyStore):
    """An ON UPDATE trigger moves updated_at: a link that only fails never looks unused."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        outcome = await super().record_failure(key, version, failure, written_at=written_at)
        if isinstance(outcome, Recorded):
            moved = attrs.evolve(self._rows[key].link, updated_at=self._now() + timedelta(seconds=1))
            self.row(key, link=moved)
        return outcome


@broken("record_failure", "test_a_fence_gives_way_to_no_failure")
class FenceReplaced(HealthyStore):
    """A time-out of an exchange that was under way opens the fence a few seconds later."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        row = self._rows.get(key)
        if row and is_fenced(row.link) and row.link.version == version:
            return Recorded(self.row(key, link=attrs.evolve(row.link, failure=failure)).seen_at(self._now()))
        return await super().record_failure(key, version, failure, written_at=written_at)


@broken("record_failure", "test_a_doubt_gives_way_to_what_is_worse")
class DoubtReplaced(HealthyStore):
    """A time-out of an exchange that was under way has a refresh token presented that may be spent."""

    async def record_failure(self, key, version, failure, *, written_at=None):
        row = self._rows.get(key)
        if row and is_held(row.link) and row.link.version == version:
            return Recorded(self.row(key, link=attrs.evolve(row.link, failure=failure)).seen_at(self._now()))
        return await super().record_failure(key, version, failure, written_at=written_at)


@broken("lift_failure", "test_a_fence_is_lifted_by_its_own_reason_alone")
class OutageOpensFences(HealthyStore):
    """Who lifts the marks of an outage lets links be refreshed that another place refreshes, too."""

    async def lift_failure(self, provider_id, *, user_id=None, reason=None, since=None):
        narrow = {"user_id": user_id, "since": since}
        lifted = await super().lift_failure(provider_id, reason=reason, **narrow)
        return lifted + (0 if reason else await super().lift_failure(provider_id, reason=FENCED, **narrow))
