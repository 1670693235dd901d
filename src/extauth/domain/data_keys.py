"""What encryption needs of a key service: data keys, made and opened with a key that never leaves it."""

from __future__ import annotations

from typing import Protocol, final

import attrs

DATA_KEY_BYTES = 32
"""A data key is for AES-256."""


def _data_key(_: object, __: object, value: bytes) -> None:
    if type(value) is not bytes or len(value) != DATA_KEY_BYTES:
        msg = f"a data key is {DATA_KEY_BYTES} bytes, for AES-256"
        raise ValueError(msg)


@final
@attrs.frozen
class DataKey:
    """A key that encrypts tokens, plain and as the key service has encrypted it. Its ``repr`` shows neither.

    :raises ValueError: if the plain key is not 32 bytes.
    """

    plain: bytes = attrs.field(validator=_data_key, repr=False)
    wrapped: bytes = attrs.field(repr=False)
    """The same key as the key service has encrypted it: stored beside all that it encrypts."""


class KeyProvider(Protocol):
    """A key service: AWS KMS, Google Cloud KMS, Azure Key Vault, HashiCorp Vault's transit engine.

    Called seldom: data keys are kept for a while. Both methods may be called again after any failure, and
    both raise :class:`~extauth.ConfigurationError` if the key is not there or may not be used. Whatever else
    they raise counts as trouble that passes, and is told as :class:`~extauth.StoreUnavailable`.
    """

    @property
    def key_id(self) -> str:
        """Names the service's key that new data keys are wrapped with; stored in each row."""
        ...

    async def new_data_key(self) -> DataKey:
        """Make a data key, at random."""
        ...

    async def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """Return the plain data key of ``wrapped``, which the key with that id has wrapped.

        It may be an id that :attr:`key_id` was before.
        """
        ...
