"""Which database a store's address is of, and which version of the schema it has. Changes nothing."""

from __future__ import annotations

from typing import Literal, TypeAlias

from extauth.domain.errors import ConfigurationError
from extauth.domain.hidden import Hidden, HiddenText
from extauth.opening import sqlite_path

Kind: TypeAlias = Literal["sqlite", "postgres"]


def kind_of(url: Hidden[str]) -> Kind:
    """Return which database it is; drivers are not needed for that.

    :raises ValueError: if it is none. It quotes nothing.
    """
    scheme = url.value.partition("://")[0].lower()
    if scheme == "sqlite":
        return "sqlite"
    if scheme in {"postgresql", "postgres"}:
        return "postgres"
    msg = "a store's address begins with sqlite:/// or postgresql://"
    raise ValueError(msg)


async def stored_version(url: Hidden[str]) -> int | None:
    """Return the version of the schema; 0 if there is none yet, None if there is not even a file.

    :raises StoreUnavailable: if it cannot be reached.
    :raises ConfigurationError: if something is wrong that stays so until somebody mends it.
    """
    if kind_of(url) == "sqlite":
        from extauth.adapters.sqlite.ddl import stored_version as of_file  # noqa: PLC0415

        return await of_file(HiddenText(sqlite_path(url.value)))
    from extauth.adapters.postgres.ddl import stored_version as of_database  # noqa: PLC0415

    return await of_database(url)


def newest_version(kind: Kind) -> int:
    """Return the version that this extauth has."""
    if kind == "sqlite":
        from extauth.adapters.sqlite import ddl as of_sqlite  # noqa: PLC0415

        return of_sqlite.NEWEST
    from extauth.adapters.postgres import ddl as of_postgres  # noqa: PLC0415

    return of_postgres.NEWEST


async def check_migrated(url: Hidden[str]) -> None:
    """Refuse a database that opening would create or migrate: only ``extauth migrate`` may do that.

    :raises ConfigurationError: it says what to do.
    """
    version, newest = await stored_version(url), newest_version(kind_of(url))
    if version is None:
        msg = "there is no such SQLite file; look at the address, or make it with: extauth migrate"
        raise ConfigurationError(msg)
    if version == 0:
        msg = "there are no tables of extauth in this database; look at the address, or run: extauth migrate"
        raise ConfigurationError(msg)
    if version < newest:
        msg = (
            f"the database has version {version} of the schema, and this extauth needs {newest};"
            " run: extauth migrate"
        )
        raise ConfigurationError(msg)
