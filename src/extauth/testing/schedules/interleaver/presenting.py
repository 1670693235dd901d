"""Judging each presentation of a refresh token by what is known of the earlier ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from extauth.domain.outcomes import Deferred, Exchanged, GrantRejected, Unknown
from extauth.domain.policy import ProviderTraits, RefreshPolicy
from extauth.testing.schedules.interleaver.ledger import Ledger, Presentation
from extauth.testing.schedules.interleaver.promises import NEVER_NEEDLESS, NEVER_TWICE
from extauth.testing.schedules.interleaver.virtual_time import VirtualClock


@final
class PresentationJudge:
    """Says whether a replica may present a refresh token now. It reports; it raises nothing."""

    def __init__(
        self,
        ledger: Ledger,
        traits: ProviderTraits,
        *,
        clock: VirtualClock,
        policy: RefreshPolicy,
        report: Callable[[str, str], None],
    ) -> None:
        self._ledger = ledger
        self._traits = traits
        self._clock = clock
        self._policy = policy
        self._patience = policy.save_margin.total_seconds()
        self._break = report

    def judge(self, new: Presentation, earlier: list[Presentation]) -> None:
        """Judge a new presentation of a token by the earlier ones of the same token."""
        now = self._clock.monotonic()
        self._judge_need(new, earlier)
        for old in earlier:
            if not old.ended:
                self._break(
                    NEVER_TWICE, f"{new.replica} presents a refresh token that {old.replica} is presenting"
                )
            elif not old.harmless and not self._may_repeat(old, new, now):
                self._break(
                    NEVER_TWICE,
                    f"{new.replica} presents a refresh token again that {old.replica} has presented: "
                    + ("an access token still works" if new.something_to_lose else "its outcome is known"),
                )

    def _judge_need(self, new: Presentation, earlier: list[Presentation]) -> None:
        if new.left is not None and new.left > self._policy.refresh_ahead:
            self._break(
                NEVER_NEEDLESS, f"{new.replica} refreshes a token that nobody refused and that works for long"
            )
        pause = self._policy.cooldown.initial.total_seconds()
        for old in earlier:
            if old.told_at is not None and self._calls_for_a_pause(old) and new.began < old.told_at + pause:
                self._break(
                    NEVER_NEEDLESS, f"{new.replica} tries again at once what {old.replica} tried in vain"
                )

    def _calls_for_a_pause(self, old: Presentation) -> bool:
        """Whether it has failed in such a way, and could say so, that everybody must pause."""
        tolerated = not self._traits.rotates or self._traits.replay_window is not None
        in_vain = isinstance(old.outcome, Deferred) or (
            isinstance(old.outcome, Unknown) and old.replay and not tolerated
        )
        return (
            in_vain
            and old.replica not in self._ledger.crashed
            and not self._ledger.store_failed(old)
            and self._ledger.lifted_at < old.began
        )

    def _may_repeat(self, old: Presentation, new: Presentation, now: float) -> bool:
        traits = self._traits
        if not traits.rotates:
            return True
        window = traits.replay_window
        if window is not None and now - old.began < window.total_seconds():
            return True
        if new.something_to_lose:
            return False
        return (
            old.lost
            or old.replica in self._ledger.crashed
            or old.replica in self._ledger.abandoned
            or (
                self._ledger.unable_to_save(old, now, self._patience)
                and not (isinstance(old.outcome, Exchanged) and self._hasty(old, new))
            )
            or (isinstance(old.outcome, GrantRejected) and self._ledger.lifted_at >= old.began)
        )

    def _hasty(self, old: Presentation, new: Presentation) -> bool:
        """Whether the new one comes although the old one's replica may be about to save: from that very
        replica, or from another that has not given it time since it got the lease."""
        claimed_at = self._ledger.claimed_at(new.replica, new.tokens)
        return old.replica == new.replica or claimed_at is None or new.began - claimed_at < self._patience
