"""How a provider is asked what a token reaches, as data: app installations, sites, tenants."""

from __future__ import annotations

import re
from typing import Final, final

import attrs
from yarl import URL

from extauth.adapters.oauth2.endpoints.calls import Call
from extauth.adapters.oauth2.http.reply import Reply
from extauth.adapters.oauth2.reading.json_kinds import is_list
from extauth.adapters.oauth2.reading.json_paths import Path, at, text_at
from extauth.adapters.oauth2.reading.json_reading import read_json
from extauth.domain.linking import Installation

_LINK: Final = re.compile(r'<([^<>]*)>((?:\s*;\s*[^\s=;,]+\s*=\s*(?:"[^"]*"|[^\s";,]+))*)')
_NEXT: Final = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next(?=[\s;,]|$))', re.IGNORECASE)


@final
@attrs.frozen(kw_only=True)
class InstallationRules:
    """Where the list is and what stands where in each of its items.

    Further pages are found by a ``Link`` header with ``rel="next"`` (RFC 8288), as GitHub sends it.
    """

    call: Call
    items: Path = ()
    """The list in the answer; the default is that the answer is the list."""
    id: Path = ("id",)
    """In each item."""
    name: Path | None = ("name",)
    """In each item."""
    account: Path | None = None
    """The login of the account that it belongs to, in each item."""
    most_pages: int = attrs.field(default=50, validator=attrs.validators.ge(1))
    """Where there are more, there is no telling what the token reaches."""

    def found_in(self, reply: Reply) -> tuple[Installation, ...] | None:
        """Return what the answer lists, or None if it cannot be read whole."""
        items = at(read_json(reply.body), self.items)
        if not is_list(items):
            return None
        found: list[Installation] = []
        for item in items:
            installation_id = text_at(item, self.id)
            if installation_id is None:
                return None
            name = None if self.name is None else text_at(item, self.name)
            account = None if self.account is None else text_at(item, self.account)
            found.append(Installation(installation_id, name, account))
        return tuple(found)


def next_page(reply: Reply, url: str) -> str | None:
    """Return the URL of the page after the one at ``url``, or None if that was the last.

    :raises ValueError: if it is elsewhere than at the same origin, where the token must not go.
    """
    for target, params in _LINK.findall(reply.headers.get("link", "")):
        if _NEXT.search(params):
            here = URL(url)
            there = here.join(URL(target))
            if there.origin() != here.origin() or there.user is not None:
                msg = "the next page is at another origin"
                raise ValueError(msg)
            return str(there)
    return None
