"""Opening rows with the keys of a keyring, and saying whose it is that does not open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, final

from extauth.adapters.encryption.keyring import Keyring
from extauth.adapters.encryption.opened import OpenedLinks
from extauth.adapters.encryption.rows import (
    Opener,
    Shut,
    Wanted,
    opened_link,
    opened_pending,
    opened_registration,
)
from extauth.adapters.encryption.sealing import KeyName, SealingKey, Trouble
from extauth.domain.errors import CannotDecrypt, ConfigurationError
from extauth.domain.link import Link, LinkKey
from extauth.domain.linking import ClientRegistration, PendingAuthorization

_EVER: Final = float("inf")

T = TypeVar("T")

_WHAT_TO_DO: Final = {
    "missing_key": (
        "which is none of those given: add it to keys, after the first. If it is lost for good, unlink and"
        " let the user connect again"
    ),
    "not_authentic": (
        "and does not open with it: either that id belongs to another key here, or the text was changed or"
        " moved by another program. Give the right key, or restore the row; else unlink and let the user"
        " connect again"
    ),
    "unknown_format": "in a way that this version of extauth does not know: upgrade it",
}


@final
class Openers:
    """Opens what a store gives. Anything that does not open is left as it is.

    :raises CannotDecrypt: from each method, if it does not open.
    :raises StoreUnavailable: likewise, if a key service cannot be asked now.
    """

    def __init__(self, keyring: Keyring, *, refuses_plain: bool) -> None:
        self._keyring = keyring
        self._refuses_plain = refuses_plain
        self._opened = OpenedLinks()

    async def link(self, stored: Link, key: LinkKey | None = None) -> Link:
        """Return the link that was stored. Whoever has its ``key`` at hand gives it, to spare making it."""
        key = key or stored.key
        remembered = self._opened.of(stored, key)
        if remembered is not None:
            return remembered
        used = dict[KeyName, SealingKey]()
        whose = f"the link of {key.user_id!r} to {key.provider_id}"
        opened = await self._open(lambda opener: opened_link(opener, stored), whose, key, used)
        self._opened.remember(
            stored, opened.tokens, min((each.until for each in used.values()), default=_EVER)
        )
        return opened

    async def pending(self, stored: PendingAuthorization) -> PendingAuthorization:
        """Return the authorization that was stored."""
        key = stored.key
        whose = f"the authorization of {key.user_id!r} at {key.provider_id}"
        return await self._open(lambda opener: opened_pending(opener, stored), whose, key, {})

    async def registration(self, name: str, stored: ClientRegistration) -> ClientRegistration:
        """Return the registered client that was stored."""
        whose = f"the client that is registered as {name!r}"
        return await self._open(lambda opener: opened_registration(opener, name, stored), whose, None, {})

    async def _open(
        self,
        opened: Callable[[Opener], T],
        whose: str,
        key: LinkKey | None,
        used: dict[KeyName, SealingKey],
    ) -> T:
        def key_of(name: KeyName) -> SealingKey:
            sealing = used.get(name) or self._keyring.held(name)
            if sealing is None:
                raise Wanted(name)
            return used.setdefault(name, sealing)

        opener = Opener(key_of, self._refuses_plain)
        trouble: Trouble | None = None
        while trouble is None:
            try:
                return opened(opener)
            except Wanted as wanted:
                name = wanted.name
            except Shut as shut:
                trouble = shut.trouble
                continue
            fetched = await self._fetched(name, whose, key)
            if fetched is None:
                trouble = Trouble("missing_key", name.key_id)
            else:
                used[name] = fetched
        # Out of the handlers, whose error has passed what the row holds.
        raise _cannot_decrypt(whose, key, trouble)

    async def _fetched(self, name: KeyName, whose: str, key: LinkKey | None) -> SealingKey | None:
        try:
            return await self._keyring.fetch(name)
        except CannotDecrypt:
            raise
        except ConfigurationError as error:
            msg = f"{whose} is encrypted under the key {name.key_id!r}, whose service refuses it: {error}"
            raise CannotDecrypt(msg, reason="missing_key", key_id=name.key_id, key=key) from error


def _cannot_decrypt(whose: str, key: LinkKey | None, trouble: Trouble) -> CannotDecrypt:
    if trouble.reason == "plain_text":
        msg = (
            f'{whose} is stored in plain text, and plain_rows="refuse" says not to use that: let'
            ' plain_rows="read" have it encrypted first, or let the user connect again'
        )
    else:
        under = f"with the key {trouble.key_id!r}" if trouble.key_id else "with a key that it does not name"
        msg = f"{whose} is encrypted {under}, {_WHAT_TO_DO[trouble.reason]}"
    return CannotDecrypt(msg, reason=trouble.reason, key_id=trouble.key_id, key=key)
