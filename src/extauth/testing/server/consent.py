"""Who signs in at the server, and what they answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self, final
from zlib import crc32

import attrs

from extauth.domain.link import Account
from extauth.testing.server.json_values import is_list, is_object

PICTURES = "https://pictures.example"


@final
@attrs.frozen
class Consent:
    """What a person answers to the consent page."""

    account: Account | str = "someone"
    """As which account, or the id of one that needs no other name."""
    scopes: frozenset[str] | None = None
    """The only ones that are granted, of those that were asked for; None: all of them."""
    denied: bool = False

    @classmethod
    def approve(cls, account: Account | str = "someone", *, scopes: Iterable[str] | None = None) -> Self:
        """Say yes, to all scopes or to those of ``scopes`` only."""
        return cls(account, None if scopes is None else frozenset(scopes))

    @classmethod
    def deny(cls) -> Self:
        """Say no."""
        return cls(denied=True)


@final
class Accounts:
    """The accounts that were seen."""

    def __init__(self) -> None:
        self._known: dict[str, Account] = {}

    def remember(self, account: Account | str) -> Account:
        """Return the account, and know it by its id from now on."""
        if isinstance(account, str):
            account = self._known.get(account) or Account(
                account, login=account, display_name=account.title(), avatar_url=f"{PICTURES}/{account}"
            )
        self._known[account.id] = account
        return account

    def of(self, subject: str) -> Account:
        """Return the account of this id."""
        return self.remember(subject)


def filled(template: object, account: Account, url: str) -> object:
    """Return ``template`` with the account's data in each text of it."""
    if is_object(template):
        return {name: filled(value, account, url) for name, value in template.items()}
    if is_list(template):
        return [filled(value, account, url) for value in template]
    if not isinstance(template, str):
        return template
    if template == "{account_number}":
        return int(account.id) if account.id.isdecimal() else crc32(account.id.encode())
    places = {
        "{url}": url,
        "{account_id}": account.id,
        "{login}": account.login or "",
        "{name}": account.display_name or "",
        "{picture}": account.avatar_url or "",
    }
    for place, value in places.items():
        template = template.replace(place, value)
    return template
