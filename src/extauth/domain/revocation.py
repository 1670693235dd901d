"""May a grant be ended at its provider, and is it over when the provider says so? Pure.

Asked alike by an unlink, by a refresh whose user has unlinked meanwhile, and by an authorization whose user
has disconnected before it was stored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final, Literal, TypeAlias, final

import attrs

from extauth.domain.link import Account, Link, LinkKey
from extauth.domain.policy import ProviderTraits
from extauth.domain.resources import something_to_lose

OnSharedGrant: TypeAlias = Literal["spare", "end"]
"""What to do where revoking one link's tokens ends other links of the same account: revoke nothing, so that
those live on, or revoke and tell which ones ended too."""

NO_PROVIDER: Final = "no_provider"
"""Nobody serves the link any more, so there is nobody to ask."""
ENCRYPTED: Final = "encrypted"
"""The tokens are encrypted, and nobody here has the keys."""
SHARED_GRANT: Final = "shared_grant"
"""Nothing was revoked: another link of the user would have ended too."""
UNRESOLVED_EXCHANGE: Final = "unresolved_exchange"
"""A refresh is under way, or its answer was lost: tokens that nobody here knows may live on."""
NOT_CONFIRMED: Final = "not_confirmed"
"""The provider has no way of revoking, could not be reached, or did not confirm for each of the tokens."""


@final
@attrs.frozen
class End:
    """Revoke."""

    others: tuple[LinkKey, ...] = ()
    """The user's links that end with it."""


@final
@attrs.frozen
class Spare:
    """Revoke nothing: another link would end too, or might."""


def may_end(
    account: Account | None,
    others: Collection[Link] | None,
    now: datetime,
    *,
    ends_account: bool,
    on_shared: OnSharedGrant,
) -> End | Spare:
    """Say whether a grant of ``account`` may be ended.

    ``others`` are the user's other links at the same client; None if there is no telling. Those count that
    are for the same account, or may be, and have something to lose. ``ends_account``: see
    :func:`revoking_ends_account`; if it is false, others are not asked about.
    """
    if not ends_account:
        return End()
    if others is None:
        return Spare() if on_shared == "spare" else End()
    ending = links_at_stake(account, others, now)
    return Spare() if ending and on_shared == "spare" else End(ending)


def revoking_ends_account(traits: ProviderTraits, *, whole_grant: bool, unresolved: bool) -> bool:
    """Say whether revoking may end all that the account has granted to the client.

    So it is where that is the provider's way (``whole_grant``), and where the refresh token may be spent
    (``unresolved``) at a provider that takes a spent one for stolen, whatever it is shown for.
    """
    return whole_grant or (unresolved and traits.rotates and traits.reuse_revokes_account)


def links_at_stake(account: Account | None, others: Iterable[Link], now: datetime) -> tuple[LinkKey, ...]:
    """Return the keys of those links that end when everything of ``account`` does.

    An account that nobody has found out yet may be the same one.
    """
    return tuple(
        other.key for other in others if _may_be_same(account, other.account) and _may_live(other, now)
    )


def why_not_over(
    traits: ProviderTraits, *, confirmed: bool, whole_grant: bool, unresolved: bool
) -> str | None:
    """Return why nobody can say that all of a grant is over after its stored tokens were revoked.

    None if it is. After an ``unresolved`` exchange it is over only where all of the account's grants have
    ended: by a refresh token that stays the same, or since a spent one counts as stolen.
    """
    if not confirmed:
        return NOT_CONFIRMED
    reaches_all = traits.reuse_revokes_account or (whole_grant and not traits.rotates)
    return UNRESOLVED_EXCHANGE if unresolved and not reaches_all else None


def _may_be_same(one: Account | None, other: Account | None) -> bool:
    return one is None or other is None or one.id == other.id


def _may_live(link: Link, now: datetime) -> bool:
    failure = link.current_failure
    dead = failure is not None and failure.permanent
    refreshable = link.tokens.refresh_token is not None and not dead
    return refreshable or something_to_lose(link, now)
