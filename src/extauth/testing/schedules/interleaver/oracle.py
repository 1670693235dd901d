"""The promises, each as a check with a name, judged by what the provider knows and the store holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, final

import attrs

from extauth.domain.errors import ExtAuthError, LinkNotFound, StoreUnavailable
from extauth.domain.freshness import access_token_works
from extauth.domain.link import Link
from extauth.domain.outcomes import Exchanged
from extauth.domain.policy import RefreshPolicy
from extauth.domain.resources import same_access_tokens, seen_for
from extauth.domain.token_set import TokenSet
from extauth.testing.schedules.interleaver.ages import Ages
from extauth.testing.schedules.interleaver.gates import Gates
from extauth.testing.schedules.interleaver.ledger import Ledger, Presentation
from extauth.testing.schedules.interleaver.places import broken_places
from extauth.testing.schedules.interleaver.presenting import PresentationJudge
from extauth.testing.schedules.interleaver.promises import (
    ALWAYS_ENDS,
    COMES_BACK,
    NEVER_CLEARED,
    NEVER_IN_SIGHT,
    NEVER_LOST,
    NEVER_OUT_OF_DATE,
    NEVER_SOMEONE_ELSES,
    NEVER_WORSE,
    NEVER_WRONGLY_DEAD,
    WHATEVER_IS_LOST,
    Broken,
)
from extauth.testing.schedules.interleaver.virtual_time import VirtualClock
from extauth.testing.scripted.provider import ScriptedProvider

_TOKEN: Final = re.compile(r"\b[ar]t-\d+-\d+")
"""What the scripted provider's tokens look like."""


@final
@attrs.frozen
class Answer:
    """How one caller's call ended."""

    user: str
    resource: str | None
    caller: str
    found: Link | None
    """The link, seen for the resource, as it was stored when the call began."""
    doomed: bool
    """Whether that token was dead by then because of an exchange that nobody had any doubt about."""
    asked_for_another: bool
    """Whether the caller said that an API had refused the stored token."""
    outcome: str | BaseException
    store_failed: bool
    """Whether the store failed its replica during the call."""
    interrupted: bool
    """Whether the caller was cancelled, or its replica told to end: then any error will do."""
    began: float
    """On the virtual clock."""


@final
class Oracle:
    """Compares what extauth did with what the provider holds. It says what is broken; it raises nothing."""

    def __init__(
        self, provider: ScriptedProvider, clock: VirtualClock, gates: Gates, policy: RefreshPolicy
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._gates = gates
        self.broken: list[Broken] = []
        self.ledger = Ledger()
        self.ages = Ages(policy)
        self._presentations = PresentationJudge(
            self.ledger, provider.traits, clock=clock, policy=policy, report=self._break
        )
        self.stored: dict[str, Link] = {}
        """The link of each user, as it was after the step before."""
        self.forgotten = False
        """Whether the store has lost writes, as no step of the replicas explains."""

    def present(self, replica: str, tokens: TokenSet, resource: str | None) -> Presentation:
        """Take note that a replica presents the refresh token of ``tokens``, and judge it."""
        earlier = list(self.ledger.presentations.get(tokens.refresh_token or "", ()))
        presentation = self.ledger.present(replica, tokens, resource, self._clock)
        self._presentations.judge(presentation, earlier)
        return presentation

    def stored_now(self, user: str, link: Link | None, *, authorized: bool, unlinked: bool) -> None:
        """Judge what a step made of a user's link."""
        before = self.stored.get(user)
        if link != before:
            self.ages.stored(before, link, self._clock.monotonic())
        if link is None:
            if before is not None and not unlinked:
                self._break(NEVER_CLEARED, f"{user}'s link is gone, and nobody unlinked")
            self.stored.pop(user, None)
            return
        if link != before:
            self.ledger.stored(link.tokens, self._clock.monotonic())
            self._judge_write(before, link, authorized=authorized)
            for promise, what in broken_places(self._provider, None if authorized else before, link):
                self._break(promise, what)
        self.stored[user] = link

    def judge_standing(self) -> None:
        """Judge that every stored refresh token is live, or is about to be replaced, or has an excuse; and
        that nobody forgets the new tokens of a user who unlinked meanwhile."""
        for user, link in self.stored.items():
            token = link.tokens.refresh_token or ""
            if not self._provider.grants.refreshable(token) and not self._explained(token):
                self._break(
                    NEVER_LOST,
                    f"{user}'s stored refresh token (version {link.version}) is dead at the provider,"
                    " and its successor is neither stored, on its way, nor lost for a known reason",
                )
        for replica, forgotten in self.ledger.forgotten_unlinks.items():
            idle = replica not in self.ledger.crashed and not self._gates.parked(replica)
            if forgotten > 0 and idle:
                what = f"{replica} neither stored nor revoked new tokens of an unlinked user"
                self._break(NEVER_LOST, what)

    def judge_cut_off(self, interrupted: list[Presentation]) -> None:
        """Judge that exchanges which were under way when somebody was told to stop go on all the same."""
        for use in interrupted:
            if use.ended and use.told_at is None:
                self._break(NEVER_LOST, f"a cancellation cut off the exchange of {use.replica}")

    def judge_exit(self, replica: str) -> None:
        """Judge that a replica which has come to its end in order leaves no exchange unfinished."""
        if self.ledger.under_way(replica):
            self._break(NEVER_LOST, f"{replica} ended while it was presenting a refresh token")

    def save_abandoned(self, replica: str, *, ending: bool) -> None:
        """Take note that a replica gave new tokens up, which it may when it was told to end."""
        if ending:
            self.ledger.abandoned.add(replica)
        else:
            self._break(NEVER_LOST, f"{replica} gave new tokens up though nobody told it to end")

    def judge_answer(self, answer: Answer) -> None:
        """Judge what a caller got."""
        outcome = answer.outcome
        if isinstance(outcome, BaseException):
            self.judge_text(f"{outcome!r} {outcome}")
            self._judge_error(answer, outcome)
        else:
            self._judge_token(answer, outcome)

    def judge_text(self, text: str) -> None:
        """Judge that a line of a log, an event or an error shows no token."""
        if _TOKEN.search(text):
            self._break(NEVER_IN_SIGHT, _TOKEN.sub("<a token>", text))

    def judge_end(self, unfinished: Iterable[str]) -> None:
        """Judge, when nothing can happen any more, that nobody still waits."""
        for caller in unfinished:
            self._break(ALWAYS_ENDS, f"{caller} waits, and nothing can happen any more")

    def judge_recovery(self, user: str, resource: str | None, outcome: str | BaseException) -> None:
        """Judge what a fresh replica got when all faults had stopped."""
        link = self.stored.get(user)
        alive = link is not None and self._provider.grants.refreshable(link.tokens.refresh_token or "")
        if isinstance(outcome, str):
            if not self._is_for(outcome, user, resource):
                self._break(NEVER_SOMEONE_ELSES, f"a fresh replica got another's token for {user}")
            elif alive and not self._provider.access_token_works(outcome, self._clock.now()):
                self._break(COMES_BACK, f"a fresh replica got a token for {user} that does not work")
        elif alive:
            self._break(COMES_BACK, f"{user}'s grant is alive, but a fresh replica got {outcome!r}")
        elif link is None and not isinstance(outcome, LinkNotFound):
            self._break(COMES_BACK, f"{user} has no link, but a fresh replica got {outcome!r}")

    def _judge_token(self, answer: Answer, token: str) -> None:
        caller = answer.caller
        if not self._is_for(token, answer.user, answer.resource):
            self._break(NEVER_SOMEONE_ELSES, f"{caller} asked for {answer.user}'s token and got another's")
        if answer.asked_for_another:
            self.ages.refused(caller, answer.user, token)
        found = None if answer.found is None else answer.found.tokens
        if found is not None and found.access_token == token:
            if answer.asked_for_another:
                self._break(NEVER_WORSE, f"{caller} got the very token that an API had refused")
            elif found.expires_at is not None and found.expires_at <= self._clock.at(answer.began):
                self._break(NEVER_WORSE, f"{caller} got a token that had expired before it asked")
            elif answer.doomed:
                self._break(NEVER_WORSE, f"{caller} got a token that a refresh had killed before it asked")
        too_old = self.ages.too_old(token, caller=caller, began=answer.began)
        if too_old is not None:
            self._break(NEVER_OUT_OF_DATE, f"{caller} got a token {too_old}")
        if token not in self.ledger.ever_stored and not any(
            self.ledger.store_failed(use) for use in self.ledger.giving(token)
        ):
            self._break(
                NEVER_LOST, f"{caller} got a token that is stored nowhere, and the store had not failed"
            )

    def _judge_write(self, before: Link | None, link: Link, *, authorized: bool) -> None:
        user = link.key.user_id
        token = link.tokens.refresh_token
        if not token:
            self._break(NEVER_CLEARED, f"{user}'s refresh token is gone at version {link.version}")
        if before is None or authorized:
            if not authorized:
                self._break(NEVER_CLEARED, f"{user}'s link came back, and nobody authorized it")
        elif link.version == before.version:
            if link.tokens.refresh_token != before.tokens.refresh_token:
                self._break(NEVER_CLEARED, f"{user}'s refresh token was replaced at version {link.version}")
        elif link.version != before.version + 1:
            self._break(NEVER_CLEARED, f"{user}'s link went from version {before.version} to {link.version}")
        elif same_access_tokens(link.tokens, before.tokens):
            self._break(NEVER_CLEARED, f"{user}'s version moved to {link.version} with the same tokens")
        elif token != before.tokens.refresh_token and self._provider.issued_for(token or "") != (
            before.tokens.refresh_token
        ):
            self._break(
                NEVER_CLEARED,
                f"{user}'s version {link.version} does not come from a refresh of version {before.version}",
            )
        self._judge_mark(before, link)

    def _judge_mark(self, before: Link | None, link: Link) -> None:
        mark = link.failure
        if (
            mark is not None
            and mark.permanent
            and (before is None or before.failure != mark)
            and (mark.version != link.version or link.tokens.refresh_token not in self._provider.rejected)
        ):
            self._break(
                NEVER_WRONGLY_DEAD,
                f"{link.key.user_id} must reauthorize ({mark.reason}), but the provider has not rejected"
                f" version {link.version}",
            )

    def _explained(self, token: str) -> bool:
        for use in self.ledger.presentations.get(token, ()):
            if not use.ended or use.lost or use.replica in self.ledger.crashed | self.ledger.abandoned:
                return True
            if isinstance(use.outcome, Exchanged) and self._gates.parked(use.replica):
                return True
        return self._killed_by_a_replay(token)

    def _killed_by_a_replay(self, token: str) -> bool:
        """Whether a token of its family was presented again; if without an excuse, that is reported too."""
        ancestor: str | None = token
        while ancestor is not None:
            uses = self.ledger.presentations.get(ancestor, ())
            if sum(not use.harmless for use in uses) > 1:
                return True
            ancestor = self._provider.issued_for(ancestor)
        return False

    def _judge_error(self, answer: Answer, error: BaseException) -> None:
        if not isinstance(error, ExtAuthError):
            if not answer.interrupted:
                self._break(NEVER_LOST, f"{answer.caller} was not told to end, and got {error!r}")
            return
        if answer.asked_for_another:
            return
        if isinstance(error, StoreUnavailable) and answer.store_failed:
            return
        found, stored = answer.found, self.stored.get(answer.user)
        link = None if stored is None else seen_for(stored, answer.resource)
        if found is None or link is None:
            return
        if found.tokens.access_token != link.tokens.access_token:
            return
        expires_at = link.tokens.expires_at
        refused = link.tokens.access_token in self.ledger.refused_access_tokens
        if not refused and (expires_at is None or self._clock.now() < expires_at):
            self._break(
                NEVER_WORSE,
                f"{answer.caller} got {error!r} while {answer.user}'s access token worked all along",
            )

    def _is_for(self, token: str, user: str, resource: str | None) -> bool:
        provider = self._provider
        return (user, resource) == (provider.subject_of(token), provider.resource_of(token))

    def doomed(self, view: Link) -> bool:
        """Say whether an exchange with a known end killed the access token, at a provider known for it."""
        tokens = view.tokens
        return (
            self._provider.traits.refresh_revokes_access_token
            and view.pending is None
            and view.failure is None
            and not self._provider.grants.revoked(tokens.refresh_token or "")
            and access_token_works(view, self._clock.now())
            and not self._provider.works_now(tokens.access_token)
        )

    def _break(self, promise: str, what: str) -> None:
        if not self.forgotten or promise in WHATEVER_IS_LOST:
            self.broken.append(Broken(promise, what))
