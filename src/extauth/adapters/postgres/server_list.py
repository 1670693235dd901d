"""An address of several servers, read as one address for each, and which of the servers will do.

The lists are asyncpg's and libpq's: ``postgresql://one,two:5433/database``, ``?host=one,two&port=5432,5433``,
and the environment's ``PGHOST`` and ``PGPORT``. What a service's file says is asyncpg's to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias
from urllib.parse import quote, unquote, urlencode, urlparse

from extauth.adapters.postgres.address import NOT_VALID, options_of
from extauth.adapters.postgres.service import names_service
from extauth.domain.errors import ConfigurationError
from extauth.domain.hidden import Hidden

Wanted: TypeAlias = Literal["any", "primary", "read-write"] | None
"""What a server has to be; None where a service's file may say it."""

_TAKE_WRITES: Mapping[str, Wanted] = {"any": "any", "primary": "primary", "read-write": "read-write"}
_TAKE_NONE = frozenset({"standby", "read-only", "prefer-standby"})
_TAKES_NO_WRITES = (
    "target_session_attrs, in the Postgres address or PGTARGETSESSIONATTRS, asks for a server that may take"
    " no writes, but the store writes; say target_session_attrs=primary, or leave it out"
)


def each_server(dsn: Hidden[str], environment: Mapping[str, str]) -> list[Hidden[str]]:
    """Return an address for each server that one names, in its order.

    Of a list that asyncpg would refuse, and of one that stands in a service's file, that is the same address.
    """
    parsed = urlparse(dsn.value)
    options = options_of(dsn)
    user, at, named = parsed.netloc.rpartition("@")
    ports = environment.get("PGPORT", "").split(",")
    if named and len(ports) == 1:
        found = [parsed._replace(netloc=f"{user}{at}{server}") for server in named.split(",")]
    elif "%" in named or (not named and names_service(dsn, environment)):
        return [dsn]
    else:
        # As options, because asyncpg would want as many hosts as there are ports in the environment.
        servers = (named or options.get("host") or environment.get("PGHOST", "")).split(",")
        own = [_port(server) for server in servers]
        if "port" in options and not named:
            own, ports = [], options["port"].split(",")
        pairs = _paired(servers, ports, own)
        found = [
            parsed._replace(netloc=f"{user}{at}", query=urlencode({**options, **pair}, quote_via=quote))
            for pair in pairs
        ]
    return [Hidden(each.geturl()) for each in found] if len(found) > 1 else [dsn]


def wanted_server(dsn: Hidden[str], environment: Mapping[str, str], *, several: bool) -> Wanted:
    """Say which server will do: of several the primary, unless the address or the environment says otherwise.

    :raises ConfigurationError: if a server is asked for that may take no writes, or one that there is not.
    """
    # What is not known may be a part of a password, so no variable of this frame has it.
    if (problem := _problem(_said(dsn, environment))) is not None:
        raise ConfigurationError(problem)
    if said := _said(dsn, environment):
        return _TAKE_WRITES[said]
    if names_service(dsn, environment):
        return None
    return "primary" if several else "any"


def _said(dsn: Hidden[str], environment: Mapping[str, str]) -> str:
    return options_of(dsn).get("target_session_attrs") or environment.get("PGTARGETSESSIONATTRS", "")


def _problem(said: str) -> str | None:
    if not said or said in _TAKE_WRITES:
        return None
    return _TAKES_NO_WRITES if said in _TAKE_NONE else NOT_VALID


def _paired(servers: list[str], ports: list[str], own: list[str]) -> list[dict[str, str]]:
    """Return the options that name each server; none if there are more or fewer ports.

    A port of its own comes first.
    """
    if len(ports) == 1:
        ports = ports * len(servers)
    if len(ports) != len(servers):
        return []
    pairs = zip(servers, (mine or port for mine, port in zip(own or ports, ports, strict=True)), strict=True)
    return [{"host": server, "port": port} if port else {"host": server} for server, port in pairs]


def _port(server: str) -> str:
    return "" if server.startswith("/") else unquote(server.rpartition("]")[2].partition(":")[2])
