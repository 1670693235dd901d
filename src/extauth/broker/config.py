"""What the broker's configuration says: callers and APIs. Pure but for :func:`read_config`.

::

    [apis.github]
    base = "https://api.github.com/"

    [callers.reports]
    secret_hash = "sha256:..."
    allow = [{provider = "github", users = ["alice"], rights = ["proxy"], methods = ["GET"]}]
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast, final

import attrs

from extauth.broker.callers import (
    RIGHTS,
    SHORTEST,
    Caller,
    Permission,
    Right,
    check_distinct,
    digest_of,
    read_digest,
)
from extauth.broker.targets import checked_base
from extauth.domain.errors import ConfigurationError
from extauth.domain.hidden import Hidden
from extauth.private_files import in_home, read_private

WHAT: Final = "the broker's configuration"
EVERYBODY: Final = "*"

_CALLER: Final = frozenset({"secret_hash", "secret_env", "secret_file", "uid", "allow"})
_ALLOW: Final = frozenset({"provider", "users", "rights", "methods"})


@final
@attrs.frozen(kw_only=True)
class BrokerConfig:
    """Who may ask for what, and where requests are forwarded to."""

    callers: Sequence[Caller]
    apis: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Base URLs by provider id."""

    def __attrs_post_init__(self) -> None:
        check_distinct(self.callers)


def read_config(path: str | os.PathLike[str], environ: Mapping[str, str]) -> BrokerConfig:
    """Read the file, which must be its owner's alone: whoever can change it can have any token.

    :raises ConfigurationError: if it cannot be read, or says what cannot be; no value is quoted.
    """
    text = read_private(path, WHAT)
    document: dict[str, Any] = {}
    problem = ""
    try:
        document = tomllib.loads(text.value)
    except tomllib.TOMLDecodeError as error:
        problem = f" is no TOML: look {str(error).rpartition('(')[2].rstrip(')')}"
    if not problem:
        try:
            return parse_config(document, environ)
        except ValueError as error:
            problem = f": {error}"
    raise ConfigurationError(f"{WHAT} {Path(path)}{problem}")  # noqa: TRY003, EM102


def parse_config(document: Mapping[str, Any], environ: Mapping[str, str]) -> BrokerConfig:
    """Return what a document says.

    :raises ValueError: for what cannot be; no value is quoted.
    """
    _only(document, frozenset({"apis", "callers"}), "the file")
    apis: dict[str, str] = {}
    for provider_id, api in _tables(document, "apis").items():
        where = f"[apis.{provider_id}]"
        _only(api, frozenset({"base"}), where)
        apis[provider_id] = checked_base(_text(api, "base", where))
    callers = [_caller(name, table, environ) for name, table in _tables(document, "callers").items()]
    if not callers:
        msg = "there is no [callers.NAME], so that nobody could ask"
        raise ValueError(msg)
    return BrokerConfig(callers=callers, apis=apis)


def _caller(name: str, table: Mapping[str, Any], environ: Mapping[str, str]) -> Caller:
    where = f"[callers.{name}]"
    _only(table, _CALLER, where)
    uid = table.get("uid")
    if uid is not None and (not isinstance(uid, int) or isinstance(uid, bool) or uid < 0):
        msg = f"{where} uid must be a number"
        raise ValueError(msg)
    allowed: object = table.get("allow", [])
    if not isinstance(allowed, list) or not allowed:
        msg = f"{where} needs allow, a list of what it may do; nothing is allowed that is not said"
        raise ValueError(msg)
    permissions = [_permission(each, where) for each in cast("list[object]", allowed)]
    return Caller(name=name, digests=_digests(table, where, environ), uid=uid, permissions=permissions)


def _digests(table: Mapping[str, Any], where: str, environ: Mapping[str, str]) -> list[bytes]:
    hashes = _texts(table, "secret_hash", where)
    digests = [read_digest(each) for each in hashes]
    what = f"the secret of {where},"
    secrets = [
        *(Hidden(environ.get(variable, "").strip()) for variable in _texts(table, "secret_env", where)),
        *(
            Hidden(read_private(in_home(path), what).value.strip())
            for path in _texts(table, "secret_file", where)
        ),
    ]
    if any(len(secret.value) < SHORTEST for secret in secrets):
        msg = f"{where} a secret has at least {SHORTEST} characters: `extauth serve --new-secret` makes one"
        raise ValueError(msg)
    return [*digests, *map(digest_of, secrets)]


def _permission(given: object, where: str) -> Permission:
    where = f"{where} allow"
    if not isinstance(given, dict):
        msg = f"{where} must be a list of tables"
        raise ValueError(msg)  # noqa: TRY004 - one exception type for every refused value
    table = cast("dict[str, Any]", given)
    _only(table, _ALLOW, where)
    users, rights = _texts(table, "users", where), _texts(table, "rights", where)
    if not users or not rights or not set(rights) <= set(RIGHTS):
        msg = f"{where} needs users, ids or {EVERYBODY!r}, and rights: {', '.join(RIGHTS)}"
        raise ValueError(msg)
    methods = [each.upper() for each in _texts(table, "methods", where)]
    return Permission(
        provider_id=_text(table, "provider", where),
        users=None if users == [EVERYBODY] else frozenset(users),
        rights=frozenset(cast("list[Right]", rights)),
        methods=frozenset(methods) if methods else None,
    )


def _only(table: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    if unknown := table.keys() - known:
        msg = f"{where} has {', '.join(sorted(unknown))}, and may have {', '.join(sorted(known))}"
        raise ValueError(msg)


def _tables(document: Mapping[str, Any], name: str) -> Mapping[str, Mapping[str, Any]]:
    found: object = document.get(name, {})
    tables: dict[str, Any] = cast("dict[str, Any]", found) if isinstance(found, dict) else {"": None}
    if not all(isinstance(each, dict) for each in tables.values()):
        msg = f"{name} must be tables: [{name}.NAME]"
        raise ValueError(msg)
    return tables


def _text(table: Mapping[str, Any], name: str, where: str) -> str:
    value = table.get(name)
    if not isinstance(value, str) or not value:
        msg = f"{where} needs {name}, a text"
        raise ValueError(msg)
    return value


def _texts(table: Mapping[str, Any], name: str, where: str) -> list[str]:
    """Return one text or a list of them as a list."""
    value: object = table.get(name, [])
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    if not all(isinstance(each, str) and each for each in values):
        msg = f"{where} {name} must be a text or a list of texts"
        raise ValueError(msg)
    return cast("list[str]", values)
