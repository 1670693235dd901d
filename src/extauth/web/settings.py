"""What an application says about its routes, read and checked once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, final

import attrs

from extauth.web.cookies import Cookies
from extauth.web.device_flows import DeviceFlowStorage
from extauth.web.next_path import own_path
from extauth.web.offers import Offer
from extauth.web.site import Site
from extauth.web.words import ENGLISH, Words
from extauth.web.words.words import missing_messages

DOCUMENT_PATH: Final = "client.json"
"""Where the client's metadata document is, below the public URL."""


@final
@attrs.frozen(kw_only=True)
class Settings:
    """The same for each request."""

    site: Site
    cookies: Cookies
    offers: tuple[Offer, ...] | None
    """None: all providers."""
    application: str
    return_to: str
    sign_in_url: str | None
    languages: tuple[Words, ...]
    language_of: Callable[[Any], str | None] | None
    begun_for: int
    """How long the cookie of a flow is good, in seconds."""
    devices: DeviceFlowStorage
    document: Mapping[str, Any] | None
    now: Callable[[], datetime]
    unserved: set[str] = attrs.field(factory=set[str], init=False, eq=False)
    """Offers that the log has said nobody serves."""


def checked_offers(given: Sequence[object] | None) -> tuple[Offer, ...] | None:
    """Return the offers.

    :raises ValueError: if two are of one provider.
    :raises TypeError: for what is none.
    """
    if given is None:
        return None
    offers: list[Offer] = []
    for offer in given:
        if not isinstance(offer, Offer):
            msg = f"offers must be Offer(...), not {type(offer).__name__}"
            raise TypeError(msg)
        offers.append(offer)
    if len({offer.provider_id for offer in offers}) < len(offers):
        msg = "two offers have one provider_id; name a second account: Offer('github/work')"
        raise ValueError(msg)
    return tuple(offers)


def checked_languages(given: Sequence[Words], whole: Words = ENGLISH) -> tuple[Words, ...]:
    """Return the languages, the first of which is taken if none suits.

    :raises ValueError: if there is none, or messages are missing in one.
    """
    languages = tuple(given)
    if not languages:
        msg = "languages must have at least one: languages=[extauth.web.ENGLISH]"
        raise ValueError(msg)
    for words in languages:
        needed = [each for each in missing_messages(words, whole) if not each.startswith("reason.")]
        if needed:
            msg = f"the language {words.language!r} lacks {', '.join(needed)}"
            raise ValueError(msg)
    return languages


def checked_path(given: str | None, site: Site, what: str) -> str | None:
    """Return a path of the own origin, or None for None.

    :raises ValueError: if it leads elsewhere.
    """
    if given is None:
        return None
    path = own_path(given, site.origin)
    if path is None:
        msg = f"{what} must be a path of {site.origin}, such as /settings"
        raise ValueError(msg)
    return path


def checked_document(given: Mapping[str, Any] | None, site: Site) -> Mapping[str, Any] | None:
    """Return the client's metadata document.

    :raises ValueError: if its client id is not the URL that it is served at.
    """
    if given is None:
        return None
    url = f"{site.origin}{site.prefix}/{DOCUMENT_PATH}"
    if given.get("client_id") != url:
        msg = f"the client document is served at {url}, and must have that as its client_id"
        raise ValueError(msg)
    return dict(given)


def whole_seconds(span: timedelta, what: str) -> int:
    """Return a span in seconds.

    :raises ValueError: unless it is at least one.
    """
    seconds = int(span.total_seconds())
    if seconds < 1:
        msg = f"{what} must be at least a second, not {span}"
        raise ValueError(msg)
    return seconds
