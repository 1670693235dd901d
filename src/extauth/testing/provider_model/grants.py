"""What an authorization server knows of its grants: families of tokens, rotation and reuse.

No I/O. How a refresh token that was used before is treated is in :mod:`extauth.testing.provider_model.reuse`.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Literal, final

import attrs

from extauth.testing.provider_model.caps import drop_oldest
from extauth.testing.provider_model.families import (
    AccessToken,
    Family,
    Namer,
    RefreshToken,
    Terms,
    Wanted,
    unguessable,
)
from extauth.testing.provider_model.issued import Issued, state_of
from extauth.testing.provider_model.redemption import (
    AccessState,
    IssuedTokens,
    LiveAccess,
    Presentation,
    Redemption,
    Refused,
)
from extauth.testing.provider_model.reuse import GIVES_TOKENS, KnownReuse, Reuse, Treatment
from extauth.testing.provider_model.treating import EVERY_TIME, Rotation, in_a_pair, treatment_of

_ROTATES = frozenset({Treatment.ROTATE, Treatment.SUPERSEDE})
_ANYTHING = Wanted()
_EVERYTHING = Terms()


@final
class Grants:
    """The grants of one authorization server, in memory, with counters of what happened to them.

    ``now`` arguments and ``access_token_lifetime`` are seconds of one clock; so is ``replay_window``,
    which only the habit of that name looks at. With ``refresh_revokes_access_token`` a refresh kills
    the access token that the family had until then, as GitHub Apps and GitLab do. A refresh token
    dies ``refresh_token_lifetime`` seconds after it was used last (``sliding``) or after the
    authorization (``fixed``). A grant beyond ``most_grants`` of one subject to one client kills the
    oldest. ``rotation`` says when it rotates at all. The public attributes may be changed at any time.
    Not safe for threads.
    """

    reuse: KnownReuse = KnownReuse()

    def __init__(
        self,
        *,
        access_token_lifetime: float,
        reuse: Reuse = "strict",
        replay_window: float = 30.0,
        refresh_revokes_access_token: bool = False,
        refresh_token_lifetime: float = math.inf,
        refresh_clock: Literal["sliding", "fixed"] = "sliding",
        most_grants: int | None = None,
        rotation: Rotation = EVERY_TIME,
        namer: Namer = unguessable,
    ) -> None:
        self.access_token_lifetime = access_token_lifetime
        self.reuse = reuse
        self.replay_window = replay_window
        self.refresh_revokes_access_token = refresh_revokes_access_token
        self.refresh_token_lifetime = refresh_token_lifetime
        self.refresh_clock: Literal["sliding", "fixed"] = refresh_clock
        self.most_grants = most_grants
        self.rotation = rotation
        self.exchanges = 0
        """How many times any refresh token was presented, known or not."""
        self.replays = 0
        """How many of them presented a token that had given a new pair before."""
        self.history: list[Presentation] = []
        """Every presentation of a known refresh token, in order."""
        self.families_revoked = 0
        """How many families died because of a replay."""
        self.families_dropped = 0
        """How many families died because there were more than ``most_grants``."""
        self.rejected: Counter[str] = Counter()
        """How often each refresh token was answered ``invalid_grant``, unknown ones too."""
        self._families: list[Family] = []
        self._issued = Issued(namer)
        self._rotated: list[RefreshToken] = []

    @property
    def rotations(self) -> int:
        """How many presentations consumed their token and gave a new pair."""
        return len(self._rotated)

    def grant(
        self, subject: str, now: float, terms: Terms = _EVERYTHING, wanted: Wanted = _ANYTHING
    ) -> IssuedTokens:
        """Start a family, as an authorization by ``subject`` does, and return its first pair."""
        family = Family(subject, len(self._families) + 1, terms)
        self._families.append(family)
        issued = _issued(*self._new_pair(family, None, now, wanted))
        if self.most_grants is not None:
            self.families_dropped += drop_oldest(self._families, family, self.most_grants)
        return issued

    def redeem(
        self, refresh_token: str, now: float, wanted: Wanted = _ANYTHING, *, seen: int | None = None
    ) -> Redemption:
        """Take a presentation of ``refresh_token`` (RFC 6749 section 6).

        What is ``wanted`` of the access token changes nothing about rotation (RFC 8707 section 2.2).
        ``seen`` is what ``exchanges`` was when the request arrived, if that is not just now.
        """
        record = self._presented(refresh_token)
        if record is None:
            return Refused(replayed=False)
        together = in_a_pair(record, seen)
        redemption = self._treat(record, self._treatment(record, now, together=together), now, wanted)
        return attrs.evolve(redemption, in_a_pair=together) if isinstance(redemption, Refused) else redemption

    def redeem_keeping(self, refresh_token: str, now: float, wanted: Wanted = _ANYTHING) -> Redemption:
        """Take a presentation as :meth:`redeem`, but where it would rotate, keep the refresh token."""
        record = self._presented(refresh_token)
        if record is None:
            return Refused(replayed=False)
        treatment = self._treatment(record, now)
        kept = Treatment.KEEP if treatment is Treatment.ROTATE else treatment
        return self._treat(record, kept, now, wanted)

    def extend(self, access_token: str, now: float, wanted: Wanted = _ANYTHING) -> Redemption:
        """Give a new access token for one that works, where there are no refresh tokens."""
        record = self._issued.access.get(access_token)
        if record is None or not isinstance(self.access(access_token, now), LiveAccess):
            return Refused(replayed=False)
        family = record.family
        return _issued(self._new_access(family, now, wanted), family.newest)

    def revoke(self, token: str) -> bool:
        """Revoke an access token alone, or with a refresh token its family (RFC 7009 section 2.1).

        An unknown token is fine: what it asked for is already so. Returns whether anything changed.
        """
        record = self.record(token)
        if record is None or record.family.revoked:
            return False
        if isinstance(record, RefreshToken):
            record.family.revoked = True
            return True
        changed = not record.revoked
        record.revoked = True
        return changed

    def revoke_subject(self, subject: str, client: object = None) -> int:
        """Revoke all that ``subject`` granted, to one client or to all. Returns how many grants that was."""
        found = [
            family
            for family in self._families
            if family.subject == subject and not family.revoked and client in (None, family.terms.client)
        ]
        for family in found:
            family.revoked = True
        return len(found)

    def access(self, access_token: str, now: float) -> AccessState:
        """Say whether an API should accept ``access_token``; at its expiry it is expired."""
        return state_of(self._issued.access.get(access_token), now)

    def revoked(self, refresh_token: str) -> bool:
        """Whether the family of ``refresh_token`` is dead, or the token was never given out."""
        record = self._issued.refresh.get(refresh_token)
        return record is None or record.family.revoked

    def refreshable(self, refresh_token: str) -> bool:
        """Whether ``refresh_token`` is the newest of a family that lives.

        Then presenting it refreshes, whatever the server does about reuse.
        """
        record = self._issued.refresh.get(refresh_token)
        return record is not None and record is record.family.newest and record.family.refreshable

    def gives_tokens(self, refresh_token: str, now: float) -> bool:
        """Whether presenting ``refresh_token`` at ``now`` would be answered with tokens."""
        record = self._issued.refresh.get(refresh_token)
        return record is not None and self._treatment(record, now) in GIVES_TOKENS

    def live_refresh_tokens(self, subject: str | None = None) -> frozenset[str]:
        """Return the newest refresh token of each family that lives, of one subject or of all."""
        return frozenset(
            family.newest.text
            for family in self._families
            if family.refreshable and subject in (None, family.subject)
        )

    def live_access_tokens(self, now: float) -> frozenset[str]:
        """Return the access tokens that an API should accept."""
        return frozenset(
            token for token in self._issued.access if isinstance(self.access(token, now), LiveAccess)
        )

    def subject_of(self, token: str) -> str | None:
        """Return whom an access or refresh token was issued for; None if it never was."""
        record = self.record(token)
        return None if record is None else record.family.subject

    def record(self, token: str) -> AccessToken | RefreshToken | None:
        """Return what is known of a token, live or dead; None if it was never given out."""
        return self._issued.record(token)

    def issued_for(self, refresh_token: str) -> str | None:
        """Return the refresh token whose presentation gave this one; None for a family's first."""
        record = self._issued.refresh.get(refresh_token)
        return None if record is None or record.parent is None else record.parent.text

    def presentations(self) -> dict[str, int]:
        """Return how often each refresh token was presented, in the order they were given out."""
        return {token: record.presentations for token, record in self._issued.refresh.items()}

    def presentations_per_rotation(self) -> list[int]:
        """Return how often the refresh token of each rotation was presented, in their order."""
        return [record.presentations for record in self._rotated]

    def _presented(self, refresh_token: str) -> RefreshToken | None:
        """Count a presentation and return what is known of the token."""
        self.exchanges += 1
        record = self._issued.refresh.get(refresh_token)
        if record is None:
            self.rejected[refresh_token] += 1
        else:
            record.presentations += 1
            self.replays += record.used_at is not None
        return record

    def _treatment(self, record: RefreshToken, now: float, *, together: bool = False) -> Treatment:
        return treatment_of(record, now, self.reuse, self.replay_window, self.rotation, together=together)

    def _treat(self, record: RefreshToken, treatment: Treatment, now: float, wanted: Wanted) -> Redemption:
        family = record.family
        self.history.append(Presentation(family.subject, now, treatment))
        if treatment in _ROTATES:
            if treatment is Treatment.SUPERSEDE:
                family.newest.superseded = True
                family.access.revoked = True
            return self._rotate(record, now, wanted)
        if treatment is Treatment.REPEAT and record.gave is not None:
            access, refresh = record.gave
            same = access.resources == wanted.resources
            return _issued(access if same else self._new_access(family, now, wanted), refresh)
        if treatment is Treatment.ACTIVE:
            return _issued(self._working_access(family, now, wanted), family.newest)
        if treatment is Treatment.SPEND:
            self._use(record, now if record.used_at is None else record.used_at)
            return attrs.evolve(_issued(self._new_access(family, now, wanted), record), spent=True)
        if treatment is Treatment.KEEP:
            if self.refresh_clock == "sliding":
                record.expires_at = now + self.refresh_token_lifetime
            return _issued(self._new_access(family, now, wanted), record)
        if treatment is Treatment.REVOKE_FAMILY:
            family.revoked = True
            self.families_revoked += 1
        if treatment is Treatment.REVOKE_ACCOUNT:
            self.families_revoked += self.revoke_subject(family.subject, family.terms.client)
        self.rejected[record.text] += 1
        return Refused(replayed=record.used_at is not None)

    def _rotate(self, record: RefreshToken, now: float, wanted: Wanted) -> IssuedTokens:
        self._rotated.append(record)
        self._use(record, now)
        record.gave = self._new_pair(record.family, record, now, wanted)
        return _issued(*record.gave)

    def _use(self, record: RefreshToken, now: float) -> None:
        record.used_at, record.used_in = now, self.exchanges

    def _new_pair(
        self, family: Family, parent: RefreshToken | None, now: float, wanted: Wanted
    ) -> tuple[AccessToken, RefreshToken]:
        access = self._new_access(family, now, wanted)
        restarts = parent is None or self.refresh_clock == "sliding"
        expires_at = now + self.refresh_token_lifetime if restarts else family.newest.expires_at
        return access, self._issued.new_refresh(family, parent, expires_at, now)

    def _new_access(self, family: Family, now: float, wanted: Wanted) -> AccessToken:
        if family.access_tokens and self.refresh_revokes_access_token:
            family.access.revoked = True
        return self._issued.new_access(family, now, self.access_token_lifetime, wanted)

    def _working_access(self, family: Family, now: float, wanted: Wanted) -> AccessToken:
        access = family.access
        works = not access.revoked and now < access.expires_at and access.resources == wanted.resources
        return access if works else self._new_access(family, now, wanted)


def _issued(access: AccessToken, refresh: RefreshToken) -> IssuedTokens:
    return IssuedTokens(access.text, refresh.text, access.expires_at)
