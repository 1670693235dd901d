"""Judges a storm by the evidence alone. Pure.

Two things must not happen without an excuse: that a refresh token reaches the authorization server twice,
and that a link ends with a dead one. The excuse is that nobody could know any more how an earlier
presentation ended: its replica was killed before it had saved, its reply never arrived, the server failed, or
the store was unavailable when the rejection was to be written down.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from http import HTTPStatus
from itertools import pairwise
from typing import final

import attrs

from chaos.evidence import PROVEN, Answer, Evidence, Loss, Presentation

PROOF = "proof"
"""The presenter of the final proof, which may replay a token whose access token the server has refused."""
_SLACK = 0.1
"""Seconds by which two clocks of one machine may differ over a token's lifetime."""


@final
@attrs.frozen
class Finding:
    """Something that happened to a token, with why it may have happened if there is an excuse."""

    what: str
    excuse: str | None


@final
@attrs.frozen
class Verdict:
    """What the oracle found."""

    losses: Sequence[Finding]
    """Links that ended, during the storm or at its end, with a dead refresh token."""
    duplicates: Sequence[Finding]
    """Presentations of a token that had been presented before."""
    early: Sequence[Finding]
    """Presentations of a token that may have been spent, while its access token still worked."""
    unproven: Sequence[Finding]
    """Links with a live refresh token for which no access token could be had that works."""

    @property
    def faults(self) -> list[Finding]:
        """Whatever has no excuse."""
        every = (*self.losses, *self.duplicates, *self.early, *self.unproven)
        return [finding for finding in every if finding.excuse is None]


def judge(evidence: Evidence) -> Verdict:
    """Return the verdict."""
    return _Oracle(evidence).verdict()


@final
class _Oracle:
    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._of_token: dict[str, list[Presentation]] = defaultdict(list)
        self._issued_by: dict[str, list[Presentation]] = defaultdict(list)
        for presentation in evidence.presentations:
            self._of_token[presentation.token].append(presentation)
            if presentation.issued is not None:
                self._issued_by[presentation.issued].append(presentation)
        self._in_store = frozenset(evidence.stored.values())

    def verdict(self) -> Verdict:
        return Verdict(
            losses=[self._loss(loss) for loss in (*self._evidence.losses, *self._lost_at_rest())],
            duplicates=list(self._duplicates()),
            early=self._early(),
            unproven=self._unproven(),
        )

    def _lost_at_rest(self) -> list[Loss]:
        lost = []
        noticed = {(loss.user, loss.token) for loss in self._evidence.losses}
        for user in self._evidence.users:
            token = self._evidence.stored.get(user)
            if token is None:
                lost.append(Loss(user, "-", "no link in the store"))
            elif not self._live(token) and (user, token) not in noticed:
                lost.append(Loss(user, token, "dead at the end"))
        return lost

    def _live(self, token: str) -> bool:
        granted = self._evidence.server.get(token)
        return granted is not None and granted.live

    def _loss(self, loss: Loss) -> Finding:
        what = f"{loss.user}: refresh token {loss.token} is dead ({loss.reason})"
        for presentation in self._of_token[loss.token]:
            excuse = self._excuse(presentation) if presentation.processed else None
            if excuse is not None:
                return Finding(what, excuse)
        return Finding(what, self._killed_by_predecessor(loss.token))

    def _killed_by_predecessor(self, token: str) -> str | None:
        """Say whether a replay of the token before it, with an excuse, made the server revoke the family."""
        for issue in self._issued_by[token]:
            for other in self._of_token[issue.token]:
                if other is issue or other.processed:
                    continue
                earlier, later = sorted((issue, other), key=lambda one: one.at)
                excuse = self._excuse(earlier)
                if excuse is not None:
                    return (
                        f"{excuse}; so {later.exchange} presented the token before it again, and the server,"
                        f" having issued this one to {issue.exchange}, answered {other.status}"
                        f" to {other.exchange} and revoked both"
                    )
        return None

    def _duplicates(self) -> list[Finding]:
        found = []
        for token, presentations in self._of_token.items():
            for earlier, later in pairwise(presentations):
                what = (
                    f"refresh token {token} presented by {earlier.exchange} (answered {earlier.status})"
                    f" and again {later.at - earlier.at:.2f} s later by {later.exchange}"
                )
                found.append(Finding(what, self._excuse(earlier)))
        return found

    def _excuse(self, presentation: Presentation) -> str | None:
        """Say why nobody could know how the presentation ended, or None."""
        seen = f"the server answered {presentation.status} to {presentation.exchange}"
        if presentation.status is not None and presentation.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return seen
        answer = self._evidence.journals.answers.get(presentation.exchange)
        if answer is not None and not answer.known:
            return self._unknown(presentation, answer, seen)
        if presentation.exchange in self._evidence.journals.unmarked:
            return f"{seen}, which could not write it down: the store was unavailable"
        who = presentation.presenter
        noted = self._saved(presentation) or (who, presentation.token) in self._evidence.journals.marked
        if who in self._evidence.killed and not noted:
            state = "before the answer" if answer is None else "after the answer, before it was stored"
            after = self._evidence.killed[who] - self._evidence.journals.began[presentation.exchange]
            return f"{seen}, which was killed {after:.2f} s after it had begun, {state}"
        return None

    def _unknown(self, presentation: Presentation, answer: Answer, seen: str) -> str | None:
        passage = self._evidence.passages[presentation.exchange]
        if passage.fate is not None and passage.fate.reply_lost:
            return f"{seen}; the proxy: {passage.fate}"
        if "timeout" in (answer.code or ""):
            after = answer.at - self._evidence.journals.began[presentation.exchange]
            return f"{seen}, which had given up after {after:.2f} s ({answer.code})"
        return None

    def _saved(self, presentation: Presentation) -> bool:
        """Whether the presenter certainly saved what it got."""
        issued = presentation.issued
        if issued is None:
            return False
        if (presentation.presenter, issued) in self._evidence.journals.saved:
            return True
        alone = len(self._issued_by[issued]) == 1  # else another may have saved the same answer
        return alone and (issued in self._in_store or issued in self._of_token)

    def _early(self) -> list[Finding]:
        found = []
        for token, presentations in self._of_token.items():
            since = self._works_since(token)
            for replay in presentations[1:]:
                if since is None or replay.presenter == PROOF:
                    continue
                left = since + self._evidence.lifetime - replay.at
                if left > _SLACK:
                    what = f"refresh token {token} replayed by {replay.exchange} {left:.2f} s too early"
                    found.append(Finding(what, None))
        return found

    def _works_since(self, token: str) -> float | None:
        """Return a moment not later than when the access token issued with ``token`` was asked for."""
        if token in self._evidence.granted:
            return self._evidence.granted[token]
        began = [self._evidence.journals.began[issue.exchange] for issue in self._issued_by[token]]
        return min(began, default=None)

    def _unproven(self) -> list[Finding]:
        found = []
        for user, token in self._evidence.stored.items():
            outcome = self._evidence.proven.get(user, "not tried")
            if self._live(token) and outcome != PROVEN:
                found.append(Finding(f"{user}: live refresh token {token}, but {outcome}", None))
        return found
