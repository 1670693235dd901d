"""What a person says of their clients: a file, and the environment over it. Pure but for :func:`read_config`.

::

    [providers.github]
    preset = "github_app"
    client_id = "..."
    client_secret_file = "~/.secrets/github"

A provider of the catalogue needs no file: ``EXTAUTH_GITHUB_CLIENT_ID`` and ``EXTAUTH_GITHUB_CLIENT_SECRET``.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, cast, final

import attrs

from extauth.domain.errors import ConfigurationError, UnknownProvider
from extauth.domain.hidden import Hidden
from extauth.domain.linking import ACCOUNT_SEPARATOR
from extauth.private_files import in_home, read_private

CONFIG: Final = "EXTAUTH_CONFIG"
WHAT: Final = "the configuration"

Flow: TypeAlias = Literal["browser", "device"]

_FLOWS: Final = ("browser", "device")
_TEXTS: Final = frozenset(
    {"preset", "client_id", "client_secret", "client_secret_file", "redirect_uri", "flow", "env", "issuer"}
)
_LISTS: Final = frozenset({"scopes", "git_hosts"})
_GIT: Final = frozenset({"git_username"})
_NONE: Final[Hidden[str | None]] = Hidden(None)
_OWN: Final = _TEXTS | _LISTS | _GIT


@final
@attrs.frozen(kw_only=True)
class ProviderEntry:
    """One provider that a person has a client at."""

    provider_id: str
    preset: str | None = None
    """Of the catalogue; None: it is described by ``settings`` or found by ``issuer``."""
    client_id: str
    client_secret: Hidden[str | None] = _NONE
    client_secret_file: str | None = None
    scopes: Sequence[str] | None = None
    issuer: str | None = None
    redirect_uri: str | None = None
    """On this machine; without a port any that is free."""
    flow: Flow | None = None
    env: str | None = None
    """The variable that ``extauth run`` puts the token into."""
    git_hosts: Sequence[str] | None = None
    git_username: str | None = None
    settings: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Endpoints, variables of the preset, ``client_auth``."""


@final
@attrs.frozen(kw_only=True)
class PersonalConfig:
    """All that a person says."""

    store: Hidden[str | None] = _NONE
    keys_file: str | None = None
    providers: Mapping[str, ProviderEntry] = attrs.field(factory=dict[str, ProviderEntry])

    def of(self, provider_id: str) -> ProviderEntry:
        """Return the entry that serves links with this provider id, ``github`` for ``github/work``.

        :raises UnknownProvider: if there is none; it says how to make one.
        """
        name = provider_id.partition(ACCOUNT_SEPARATOR)[0]
        if (found := self.providers.get(name)) is None:
            client_id, client_secret = variables_of(name)
            msg = (
                f"nothing is known of {name}: write [providers.{name}] with client_id into"
                f" {default_path(os.environ)}, or for a provider of `extauth providers` set {client_id} and"
                f" {client_secret}"
            )
            raise UnknownProvider(msg)
        return found


def variables_of(provider_id: str) -> tuple[str, str]:
    """Return the environment variables of a provider's client: its id and its secret."""
    name = re.sub(r"[^A-Z0-9]", "_", provider_id.upper())
    return f"EXTAUTH_{name}_CLIENT_ID", f"EXTAUTH_{name}_CLIENT_SECRET"


def default_path(environ: Mapping[str, str]) -> Path:
    """Return where the file is if nobody says (XDG Base Directory Specification 0.8)."""
    return (_below(environ, "XDG_CONFIG_HOME", ".config") or Path("~/.config/extauth")) / "config.toml"


def default_store(environ: Mapping[str, str]) -> Path:
    """Return where the links are if nobody says.

    :raises ConfigurationError: if there is no such place.
    """
    folder = _below(environ, "XDG_DATA_HOME", ".local/share")
    if folder is None:
        msg = (
            "no home folder is known here to keep links in; set HOME or XDG_DATA_HOME, or give the store's"
            " address by --store"
        )
        raise ConfigurationError(msg)
    return folder / "links.db"


def read_config(given: str | None, environ: Mapping[str, str], known: frozenset[str]) -> PersonalConfig:
    """Read the file, which must be there only if it was ``given``, and the environment.

    ``known`` are the ids of presets, which need no entry in the file.

    :raises ConfigurationError: if it cannot be read, or says what cannot be; no value is quoted.
    """
    named = given or environ.get(CONFIG)
    path = in_home(named) if named else default_path(environ)
    document: dict[str, Any] = {}
    problem = ""
    if named or (path.is_absolute() and path.exists()):
        text = read_private(path, WHAT)
        try:
            document = tomllib.loads(text.value)
        except tomllib.TOMLDecodeError as error:
            problem = str(error).rpartition("(")[2].rstrip(")")
    if problem:  # not in the handler: its error holds the text
        msg = f"{WHAT} {path} is no TOML: look {problem}"
        raise ConfigurationError(msg)
    return parse_config(document, environ, known)


def parse_config(
    document: Mapping[str, Any], environ: Mapping[str, str], known: frozenset[str]
) -> PersonalConfig:
    """Return what a document says, with the environment over it.

    :raises ConfigurationError: for what cannot be; no value is quoted.
    """
    if unknown := document.keys() - {"store", "keys_file", "providers"}:
        problem = f"has {', '.join(sorted(unknown))}, and knows store, keys_file and [providers.ID] only"
        raise _wrong(problem)
    tables = _table(document.get("providers", {}), "providers")
    entries = {
        name: _entry(name, _table(table, f"providers.{name}"), environ) for name, table in tables.items()
    }
    for name in sorted(known - entries.keys()):
        if environ.get(variables_of(name)[0]):
            entries[name] = _entry(name, {}, environ)
    store = _text(document, "store", "")
    return PersonalConfig(store=Hidden(store), keys_file=_text(document, "keys_file", ""), providers=entries)


def _entry(name: str, table: Mapping[str, Any], environ: Mapping[str, str]) -> ProviderEntry:
    where = f"[providers.{name}] "
    if not name or ACCOUNT_SEPARATOR in name:
        problem = f"has {where.strip()}: an id is not empty and has no {ACCOUNT_SEPARATOR}"
        raise _wrong(problem)
    texts = {key: _text(table, key, where) for key in table.keys() - _LISTS}
    lists = {key: _texts(table, key, where) for key in table.keys() & _LISTS}
    id_variable, secret_variable = variables_of(name)
    client_id = environ.get(id_variable) or texts.get("client_id")
    if not client_id:
        problem = f"needs client_id in {where.strip()}, or {id_variable} in the environment"
        raise _wrong(problem)
    secret = Hidden(environ.get(secret_variable) or texts.get("client_secret"))
    file = texts.get("client_secret_file")
    if secret.value is not None and file is not None and "client_secret" in texts:
        problem = f"has both client_secret and client_secret_file in {where.strip()}; keep one"
        raise _wrong(problem)
    flow = texts.get("flow")
    if flow not in {None, *_FLOWS}:
        problem = f"has a flow in {where.strip()} that is neither {' nor '.join(_FLOWS)}"
        raise _wrong(problem)
    described = {"issuer", "token_url"} & texts.keys()
    return ProviderEntry(
        provider_id=name,
        preset=texts.get("preset") or (None if described else name),
        client_id=client_id,
        client_secret=secret,
        client_secret_file=None if secret.value is not None else file,
        scopes=lists.get("scopes"),
        issuer=texts.get("issuer"),
        redirect_uri=texts.get("redirect_uri"),
        flow=cast("Flow | None", flow),
        env=texts.get("env"),
        git_hosts=lists.get("git_hosts"),
        git_username=texts.get("git_username"),
        settings={key: value for key, value in texts.items() if key not in _OWN and value is not None},
    )


def _below(environ: Mapping[str, str], variable: str, otherwise: str) -> Path | None:
    given = environ.get(variable, "")
    if given and Path(given).is_absolute():  # another one is to be ignored
        return Path(given) / "extauth"
    try:
        return Path("~").expanduser() / otherwise / "extauth"
    except RuntimeError:
        return None  # the process' user has no home, nor a name


def _table(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        problem = f"has {name}, which must be a table: [{name}]"
        raise _wrong(problem)
    return cast("dict[str, Any]", value)


def _text(table: Mapping[str, Any], name: str, where: str) -> str | None:
    value = table.get(name)
    if value is not None and not (isinstance(value, str) and value):
        problem = f"has {where}{name}, which must be a text that is not empty"
        raise _wrong(problem)
    return value


def _texts(table: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    value: object = table[name]
    entries = cast("list[object]", value) if isinstance(value, list) else [None]
    if not all(isinstance(each, str) and each for each in entries):
        problem = f"has {where}{name}, which must be a list of texts"
        raise _wrong(problem)
    return tuple(cast("list[str]", entries))


def _wrong(what: str) -> ConfigurationError:
    return ConfigurationError(f"{WHAT} {what}")
