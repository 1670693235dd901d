"""From the ``keys`` of an application to a store that encrypts; imports what that takes only then."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from extauth.domain.hidden import Hidden
from extauth.domain.linking_ports import Store

if TYPE_CHECKING:  # a store that does not encrypt must not need the package that it takes
    from extauth.adapters.encryption.keyring import GivenKeys
    from extauth.adapters.encryption.store import PlainRows

PLAIN: Final = "plain"

Encrypting: TypeAlias = Callable[[Store], Awaitable[Store]]
"""Puts encryption around a store that is open."""

_log: Final = logging.getLogger("extauth")

_told = False
"""Whether this process has been told that what it stores is plain."""


def encrypting(given: Hidden[GivenKeys], plain_rows: PlainRows | None) -> Encrypting | None:
    """Return what puts encryption around a store; None if nothing is to be encrypted.

    :raises ValueError: if there is no key among the keys, or ``plain_rows`` is none of what it can be.
    :raises TypeError: for what is no key, and for ``plain_rows`` without keys.
    :raises ModuleNotFoundError: if the package that encrypts is not installed; it names the extra to install.
    """
    if given.value is None or (isinstance(given.value, str) and given.value == PLAIN):
        if plain_rows is not None:
            msg = "plain_rows says what to do with what is not encrypted where keys are given; give keys, too"
            raise TypeError(msg)
        return None
    from extauth.adapters.encryption.keyring import keyring_of  # noqa: PLC0415 - only where it is wanted
    from extauth.adapters.encryption.store import EncryptedStore, checked_plain_rows  # noqa: PLC0415

    keyring, wanted = keyring_of(given.value), checked_plain_rows(plain_rows or "read")

    async def encrypted(store: Store) -> Store:
        around = EncryptedStore(store, keyring, plain_rows=wanted)
        await around.check_keys()
        return around

    return encrypted


def warn_of_plain_text() -> None:
    """Tell once a process that what it stores is not encrypted."""
    global _told  # noqa: PLW0603 - there is one process
    if not _told:
        _told = True
        _log.warning(
            "this database keeps access tokens, refresh tokens and client secrets in plain text: whoever can"
            " read it, or a backup of it, can use them. Give keys=EncryptionKey.parse(...) to encrypt them,"
            ' or keys="plain" if that is meant (docs/howto/encrypt-tokens.md)'
        )
