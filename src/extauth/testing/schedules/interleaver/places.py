"""Whether every access token of a link is in its own place: the grant's, or that of its resource."""

from __future__ import annotations

from collections.abc import Iterator

from extauth.domain.link import Link
from extauth.domain.resources import access_tokens
from extauth.testing.schedules.interleaver.promises import NEVER_CLEARED, NEVER_SOMEONE_ELSES
from extauth.testing.scripted.provider import ScriptedProvider


def broken_places(provider: ScriptedProvider, before: Link | None, link: Link) -> Iterator[tuple[str, str]]:
    """Yield what a write broke: the promise, and in what way. What was there ``before`` must be still, unless
    it no longer works."""
    user = link.key.user_id
    places = access_tokens(link.tokens)
    for resource, token in places.items():
        if provider.resource_of(token.access_token) != resource:
            yield (
                NEVER_SOMEONE_ELSES,
                f"in {user}'s link the token for {resource} is one for another resource",
            )
    for resource, token in access_tokens(before.tokens).items() if before is not None else ():
        if resource not in places and provider.works_now(token.access_token):
            yield NEVER_CLEARED, f"{user}'s token for {resource} is gone, and it works"
