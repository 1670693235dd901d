"""A service that an address names: a section of libpq's file of services, which asyncpg reads.

asyncpg passes over one that it does not find, and connects to this machine; libpq refuses it. And of
``postgresql:///?service=shop`` libpq takes the service's database, asyncpg the one with the user's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as NotReadable
from pathlib import Path
from urllib.parse import urlparse

from extauth.adapters.postgres.address import options_of
from extauth.domain.errors import ConfigurationError
from extauth.domain.hidden import Hidden

_NOT_FOUND = (
    "the Postgres address, or PGSERVICE, names a service that is not in the file of services (PGSERVICEFILE,"
    " or .pg_service.conf in the home folder); correct the name or the file"
)


def names_service(dsn: Hidden[str], environment: Mapping[str, str]) -> bool:
    """Whether the address or the environment names one."""
    return bool(_named(dsn, environment))


def of_service(dsn: Hidden[str], environment: Mapping[str, str]) -> Hidden[str]:
    """Return the address as asyncpg reads it as libpq would, where it names a service. Reads the file.

    :raises ConfigurationError: if there is no such service.
    """
    named = _named(dsn, environment)
    if not named:
        return dsn
    if named not in _services(environment):
        raise ConfigurationError(_NOT_FOUND)
    parsed = urlparse(dsn.value)
    return Hidden(parsed._replace(path="").geturl()) if parsed.path == "/" else dsn


def _named(dsn: Hidden[str], environment: Mapping[str, str]) -> str:
    return options_of(dsn).get("service") or environment.get("PGSERVICE", "")


def _services(environment: Mapping[str, str]) -> list[str]:
    services = ConfigParser(interpolation=None)
    try:
        services.read(environment.get("PGSERVICEFILE") or Path.home() / ".pg_service.conf")
    except (NotReadable, OSError, RuntimeError, UnicodeDecodeError):
        return []
    return services.sections()
