"""Git's credential protocol: what git asks a helper, and what it is answered. Pure.

git-credential(1), "Input/Output Format", of git 2.46, and gitcredentials(7); read on 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final, final
from urllib.parse import urlsplit

import attrs

from extauth.cli.personal.config import ProviderEntry
from extauth.domain.hidden import Hidden

USERNAMES: Final = {
    "github": "x-access-token",
    "github_app": "x-access-token",
    "bitbucket_cloud": "x-token-auth",
}
"""What stands beside a token in HTTP Basic; elsewhere ``oauth2``, as GitLab and others have it."""

_HOSTS: Final = {
    "github": "github.com",
    "github_app": "github.com",
    "gitlab": "gitlab.com",
    "bitbucket_cloud": "bitbucket.org",
    "azure_devops": "dev.azure.com",
    "azure_devops_entra": "dev.azure.com",
    "gitea": "gitea.com",
    "forgejo": "codeberg.org",
}
_NONE: Final[Hidden[str | None]] = Hidden(None)
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@final
@attrs.frozen(kw_only=True)
class GitRequest:
    """What git says about one remote."""

    protocol: str = ""
    host: str = ""
    """With its port, if that is not the protocol's own."""
    username: str | None = None
    secret: Hidden[str | None] = _NONE
    """The password or credential that was refused, or worked."""
    capabilities: Collection[str] = ()
    challenges: Sequence[str] = ()
    """The server's ``WWW-Authenticate`` fields (git 2.41)."""

    @property
    def takes_bearer(self) -> bool:
        """Whether git can send another scheme than Basic (git 2.46), and the server says that it takes it."""
        schemes = {each.partition(" ")[0].lower() for each in self.challenges}
        return "authtype" in self.capabilities and "bearer" in schemes


def read_request(text: Hidden[str]) -> GitRequest:
    """Read the lines up to an empty one; what is not known is passed over, as the protocol asks."""
    values: dict[str, Hidden[str]] = {}
    lists: dict[str, list[str]] = {"capability[]": [], "wwwauth[]": []}
    for line in map(Hidden, text.value.split("\n")):
        if not line.value:
            break
        name, _, value = line.value.partition("=")
        if name in lists:
            lists[name].append(value)
        else:
            values[name] = Hidden(value)

    def of(name: str) -> str | None:
        return values[name].value if name in values else None

    return GitRequest(
        protocol=(of("protocol") or "").lower(),
        host=(of("host") or "").lower(),
        username=of("username"),
        secret=Hidden(of("credential") or of("password")),
        capabilities=frozenset(lists["capability[]"]),
        challenges=tuple(lists["wwwauth[]"]),
    )


def answer(
    request: GitRequest, token: Hidden[str], *, username: str, expires_at: datetime | None
) -> Sequence[str]:
    """Return the lines that give git the token.

    It is sent as ``Bearer`` where both git and the server can, and else as a password. ``ephemeral`` and the
    expiry keep other helpers from saving it for longer than it works.
    """
    lines = [f"username={request.username or username}", f"password={token.value}"]
    if request.takes_bearer:
        lines = ["capability[]=authtype", "authtype=Bearer", f"credential={token.value}", "ephemeral=1"]
    if expires_at is not None:
        lines.append(f"password_expiry_utc={int(expires_at.timestamp())}")
    return lines


def is_at(request: GitRequest, hosts: Iterable[str]) -> bool:
    """Whether the remote is at one of the hosts, and a token may be sent there: by TLS, or to this machine.

    A host is ``code.example.com``, with a port if need be, or for this machine ``http://127.0.0.1:8080``.
    """
    for host in hosts:
        protocol, separator, name = host.lower().rpartition("://")
        if request.host != name or request.protocol != (protocol if separator else "https"):
            continue
        if request.protocol == "https" or _is_loopback(host):
            return True
    return False


def hosts_of(entry: ProviderEntry) -> Sequence[str]:
    """Return where a provider's repositories are; none if that is not known."""
    if entry.git_hosts is not None:
        return entry.git_hosts
    if (base := entry.settings.get("base")) is not None and base.startswith("https://"):
        return [base.removeprefix("https://").partition("/")[0].lower()]
    return [_HOSTS[entry.preset]] if entry.preset in _HOSTS else []


def username_of(entry: ProviderEntry) -> str:
    """Return what stands beside a token."""
    return entry.git_username or USERNAMES.get(entry.preset or "", "oauth2")


def _is_loopback(host: str) -> bool:
    try:
        parts = urlsplit(host)
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in _LOOPBACK
