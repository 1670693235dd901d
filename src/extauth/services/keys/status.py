"""How many rows each key is in use for, and whether one may go."""

from __future__ import annotations

from typing import cast

from extauth.domain.errors import ConfigurationError, KeyInUse
from extauth.domain.key_use import KeysStatus, keys_status_of
from extauth.domain.sealed_rows import OwnSealedRows, RowFinder


async def keys_status(store: object) -> KeysStatus:
    """Return how many rows each key is in use for, what is plain, and what a rotation would have to do.

    ``store`` is one that was opened with ``keys``, or without: then there is no primary key. All rows are
    read, in slices, so that other calls go on: 100,000 links take some seconds. Changes nothing.

    :raises ConfigurationError: if the store cannot say it, or a key service refuses.
    :raises StoreUnavailable: if the store, or a key service, cannot be asked now.
    """
    rows = rows_of(store)
    if not hasattr(rows, "primary_key_id"):
        return keys_status_of(await rows.count(), None)
    own = cast("OwnSealedRows", rows)
    return keys_status_of(await own.count(), await own.primary_key_id(), own.given_key_ids())


async def ensure_key_unused(store: object, key_id: str) -> None:
    """See that no row names that key, so that it can be taken away from all replicas.

    Authorizations under way count as well, until they have expired and were purged. It says nothing of
    backups, nor of what a replica that still has this key as its first will write.

    :raises KeyInUse: if one does; the error says how many.
    :raises ConfigurationError: if it is the primary key of this store, or as for :func:`keys_status`.
    :raises StoreUnavailable: as for that.
    """
    status = await keys_status(store)
    use = status.use_of(key_id)
    if use.rows:
        until = "" if use.latest_expiry is None else f" (the last expires at {use.latest_expiry:%FT%TZ})"
        msg = (
            f"the key {key_id!r} still encrypts {use}{until}; rotate, or wait until the authorizations have"
            " expired, before you take it away"
        )
        raise KeyInUse(msg, key_id=key_id, use=use)
    if any(key.primary and key.key_id == key_id for key in status.keys):
        msg = f"the key {key_id!r} is the primary key: give another one before it, and rotate"
        raise ConfigurationError(msg)


def rows_of(store: object) -> RowFinder:
    """Return the store's ``sealed``.

    :raises ConfigurationError: if it has none.
    """
    rows: RowFinder | None = getattr(store, "sealed", None)
    if rows is None:
        msg = (
            f"{type(store).__name__} cannot say which rows are encrypted with which key; it takes the"
            " attribute sealed, which all shipped stores have"
        )
        raise ConfigurationError(msg)
    return rows
