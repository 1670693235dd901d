"""The keys that an application has: one to encrypt with, and others to open what was encrypted before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal, TypeAlias, TypeGuard, final

from extauth.adapters.encryption.data_keys import DataKeys
from extauth.adapters.encryption.keys import EncryptionKey
from extauth.adapters.encryption.sealing import KeyName, SealingKey
from extauth.adapters.encryption.xaes import Xaes256Gcm
from extauth.domain.data_keys import KeyProvider
from extauth.domain.wrong_types import must_be

AnyKey: TypeAlias = EncryptionKey | KeyProvider


@final
class Keyring:
    """Several keys, the first of which is primary: what is written is encrypted with it.

    The others open what was encrypted with them. At most one of all is a :class:`KeyProvider`; one that
    routes to several services by their key ids is a few lines. Its data keys are used for ``data_key_age``
    to seal with, and to open with; ``most_data_keys`` of them are kept, and the service is given
    ``key_service_timeout`` to answer. A keyring never changes.

    :raises ValueError: if two keys have one id, or two are key services.
    :raises TypeError: for what is no key.
    """

    def __init__(
        self,
        primary: AnyKey,
        *others: AnyKey,
        data_key_age: timedelta = timedelta(hours=1),
        most_data_keys: int = 1024,
        key_service_timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self._own: dict[KeyName, SealingKey] = {}
        self._service: DataKeys | None = None
        for key in (primary, *others):
            if isinstance(key, EncryptionKey):
                self._add(key)
            elif not _is_provider(key):
                raise TypeError(must_be("an EncryptionKey or a KeyProvider", key, "a key of a keyring"))
            elif self._service is not None:
                msg = "a keyring has one key service at most; write a KeyProvider that asks each by key_id"
                raise ValueError(msg)
            else:
                self._service = DataKeys(
                    key, age=data_key_age, most=most_data_keys, timeout=key_service_timeout
                )
        self._primary = self._own[KeyName(primary.key_id)] if isinstance(primary, EncryptionKey) else None

    def __repr__(self) -> str:
        keys = [name.key_id for name in self._own]
        service = "" if self._service is None else " and a key service"
        return f"<Keyring of {', '.join(keys) or 'no keys'}{service}>"

    @property
    def key_ids(self) -> frozenset[str]:
        """The ids of all keys; of a key service the one that it seals with now."""
        own = frozenset(name.key_id for name in self._own)
        return own if self._service is None else own | {self._service.key_id}

    async def primary(self) -> SealingKey:
        """Return the key to encrypt with; raises as :meth:`DataKeys.primary`."""
        if self._primary is not None:
            return self._primary
        assert self._service is not None, "there is one or the other"  # noqa: S101
        return await self._service.primary()

    def held(self, name: KeyName) -> SealingKey | None:
        """Return the key of that name, if it is at hand."""
        if not name.wrapped:
            return self._own.get(name)
        return None if self._service is None else self._service.held(name)

    async def fetch(self, name: KeyName) -> SealingKey | None:
        """Return the key of that name, or None if it is not this keyring's; raises as :meth:`DataKeys.fetch`.

        It may be too old to be held by the time it is used.
        """
        if not name.wrapped or self._service is None:
            return self.held(name)
        return await self._service.fetch(name)

    def _add(self, key: EncryptionKey) -> None:
        name = KeyName(key.key_id)
        if name in self._own:
            msg = f"two keys of a keyring have the id {key.key_id!r}"
            raise ValueError(msg)
        self._own[name] = SealingKey(name, Xaes256Gcm(key.secret))


Keys: TypeAlias = Keyring | AnyKey | Iterable[AnyKey]
"""What may be given as ``keys``: of several the first is primary."""

GivenKeys: TypeAlias = Keys | Literal["plain"] | None
"""The same where nothing need be encrypted: ``"plain"`` says that this is meant."""


def keyring_of(keys: Keys) -> Keyring:
    """Return the keyring that was given in one form or another.

    :raises ValueError: if there is no key in it, or as :class:`Keyring`.
    :raises TypeError: for what is no key.
    """
    if isinstance(keys, Keyring):
        return keys
    if isinstance(keys, EncryptionKey) or _is_provider(keys):
        return Keyring(keys)
    if isinstance(keys, str | bytes) or not isinstance(keys, Iterable):
        hint = (
            "a key is EncryptionKey(key_id, secret); from its text it is EncryptionKey.parse(text);"
            ' keys="plain" encrypts nothing'
        )
        raise TypeError(must_be("a Keyring, a key or a list of keys", keys, "keys", hint))
    given = list(keys)
    if not given:
        msg = "keys is empty; give the primary key first"
        raise ValueError(msg)
    return Keyring(*given)


def _is_provider(key: object) -> TypeGuard[KeyProvider]:
    return hasattr(key, "new_data_key") and hasattr(key, "unwrap") and not isinstance(key, type)
