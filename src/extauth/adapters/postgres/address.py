"""What a Postgres address says: is it one, does what it names stay on this machine, how is it verified.

asyncpg reads the address; this reads it the same way beforehand, and where it could be read otherwise, as one
that is refused or verified.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Literal, TypeAlias
from urllib.parse import parse_qs, unquote, urlparse

from extauth.domain.errors import ConfigurationError
from extauth.domain.hidden import Hidden

Verify: TypeAlias = Literal["verify-full", True]
"""By the authorities that the address or libpq's files name, or else by those of this machine."""

NOT_VALID = (
    "the Postgres address, or an option in it, is not valid; it is like postgresql://user:password@host/database,"
    " with what is special in a user or password percent-encoded: @ as %40, / as %2F, # as %23, % as %25"
)

_CONTROLS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_BRACKETED = re.compile(r"\[([^\]]+)\](:[0-9]+)?")
_FULL = "verify_full"
_PORTS = 1 << 16


def checked_address(dsn: Hidden[str]) -> None:
    """Refuse what can only be a user or password that was not percent-encoded: asyncpg would take a part of
    it for a host, a port or a database, and name that in logs and errors.

    :raises ConfigurationError: it quotes nothing, and no error that does is in its chain.
    """
    if not _is_one(dsn.value):
        raise ConfigurationError(NOT_VALID)


def _is_one(dsn: str) -> bool:
    try:
        parsed = urlparse(dsn)
        _query(parsed.query)
    except ValueError:
        return False
    user, _, servers = parsed.netloc.rpartition("@")
    return (
        parsed.scheme in {"postgresql", "postgres"}
        and not ("@" in user or "@" in parsed.path or "#" in dsn or _CONTROLS.search(dsn.strip()))
        and all(_port(each) for each in servers.split(",") if servers)
    )


def verification(
    dsn: Hidden[str], environment: Mapping[str, str], *, authorities_in_home: bool
) -> Verify | None:
    """Say how the server is verified, of an address that :func:`checked_address` takes.

    That is by its certificate and name (``sslmode=verify-full``) unless the address or ``PGSSLMODE`` says
    otherwise, or every server that it names is on this machine. None leaves it to asyncpg, which reads both.

    ``authorities_in_home`` says whether there is a ``~/.postgresql/root.crt``. Where libpq would have no
    authorities, those of the machine are taken, as with its ``sslrootcert=system`` (PostgreSQL 18
    documentation, section 32.1.2).
    """
    query = options_of(dsn)
    mode = query.get("sslmode", environment.get("PGSSLMODE"))
    if mode is None and query.get("sslrootcert") != "system" and _on_this_machine(dsn.value, environment):
        return None
    if (mode or _FULL).replace("-", "_") != _FULL:
        return None
    authorities = query.get("sslrootcert", environment.get("PGSSLROOTCERT"))
    if authorities == "system" or not (authorities or authorities_in_home):
        return True
    return "verify-full"


def options_of(dsn: Hidden[str]) -> dict[str, str]:
    """Return what stands behind the question mark of an address that :func:`checked_address` takes."""
    return _query(urlparse(dsn.value).query)


def _query(text: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(text, strict_parsing=True).items()} if text else {}


def _on_this_machine(dsn: str, environment: Mapping[str, str]) -> bool:
    parsed = urlparse(dsn)
    query = _query(parsed.query)
    if named := parsed.netloc.rpartition("@")[2]:
        return all(_is_local(unquote(_host(each))) for each in named.split(","))
    if "service" in query or environment.get("PGSERVICE"):
        return False  # its file may name any host
    named = query.get("host") or environment.get("PGHOST") or "localhost"
    return all(_is_local(_host(each)) for each in named.split(","))


def _host(server: str) -> str:
    """Return a server without its port; nothing for what asyncpg would read by its beginning alone."""
    if server.startswith("/"):
        return server
    if server.startswith("["):
        found = _BRACKETED.fullmatch(server)
        return found[1] if found else ""
    return server.partition(":")[0]


def _port(server: str) -> bool:
    """Whether a server's port is left out or is one."""
    port = unquote(server.rpartition("]")[2].partition(":")[2])
    return server != "" and (not port or (port.isascii() and port.isdecimal() and 0 < int(port) < _PORTS))


def _is_local(host: str) -> bool:
    if host.lower() == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
