"""The encryption adapter: a store around any store, with the keys that it takes."""

from __future__ import annotations

from extauth.extras import extra_needed

with extra_needed("encryption"):
    from extauth.adapters.encryption.keyring import Keyring
    from extauth.adapters.encryption.keys import EncryptionKey
    from extauth.adapters.encryption.sources import keys_from_environment, keys_from_file, keys_from_os
    from extauth.adapters.encryption.store import EncryptedStore
from extauth.domain.data_keys import DataKey, KeyProvider

__all__ = [
    "DataKey",
    "EncryptedStore",
    "EncryptionKey",
    "KeyProvider",
    "Keyring",
    "keys_from_environment",
    "keys_from_file",
    "keys_from_os",
]
