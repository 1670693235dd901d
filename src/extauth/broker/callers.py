"""Who may ask the broker, how they prove who they are, and what each may have. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias, final

import attrs

from extauth.domain.hidden import Hidden

Right: TypeAlias = Literal["token", "proxy"]
"""To be given a token, or to have requests sent with one that stays here."""

RIGHTS: Final[tuple[Right, ...]] = ("token", "proxy")
PREFIX: Final = "sha256:"
SHORTEST: Final = 32
"""Characters of a secret: a hash without salt guards only what nobody can guess."""


def digest_of(secret: Hidden[str]) -> bytes:
    """Return what is kept of a secret."""
    # What is no UTF-8 comes from an HTTP server like that.
    return hashlib.sha256(secret.value.encode("utf-8", "surrogateescape")).digest()


def read_digest(text: str) -> bytes:
    """Read ``sha256:`` and 64 hexadecimal digits.

    :raises ValueError: for anything else; the message does not repeat it.
    """
    given = text.removeprefix(PREFIX)
    try:
        digest = bytes.fromhex(given) if given != text else b""
    except ValueError:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        msg = (
            f"a secret_hash is {PREFIX} and 64 hexadecimal digits, as `extauth serve --new-secret` prints it"
        )
        raise ValueError(msg)
    return digest


@final
@attrs.frozen(kw_only=True)
class Permission:
    """What a caller may have of one provider."""

    provider_id: str
    """Of the links themselves: ``github`` is not ``github/work``."""
    users: frozenset[str] | None
    """Whose links; None: everybody's."""
    rights: frozenset[Right]
    methods: frozenset[str] | None = None
    """Of forwarded requests; None: all."""

    def covers(self, right: Right, provider_id: str, user_id: str, method: str) -> bool:
        """Whether it is enough for a request."""
        return (
            right in self.rights
            and provider_id == self.provider_id
            and (self.users is None or user_id in self.users)
            and (right != "proxy" or self.methods is None or method in self.methods)
        )


@final
@attrs.frozen(kw_only=True)
class Caller:
    """A program that may ask. It has a secret, or runs as a user of this machine, or both are asked for.

    :raises ValueError: if neither is.
    """

    name: str
    digests: Sequence[bytes] = attrs.field(default=(), repr=False)
    """SHA-256 of each of its secrets; two while one takes the place of the other."""
    uid: int | None = None
    """The user that it must run as, which only a Unix socket shows."""
    permissions: Sequence[Permission] = ()

    def __attrs_post_init__(self) -> None:
        if not self.digests and self.uid is None:
            msg = f"the caller {self.name} needs a secret or a uid, or anybody could be it"
            raise ValueError(msg)

    def may(self, right: Right, provider_id: str, user_id: str, method: str) -> bool:
        """Whether it may do that; what no permission covers it may not."""
        return any(each.covers(right, provider_id, user_id, method) for each in self.permissions)


def check_distinct(callers: Iterable[Caller]) -> None:
    """Refuse callers that cannot be told from each other.

    :raises ValueError: for them.
    """
    seen: dict[object, str] = {}
    for caller in callers:
        proofs: list[object] = [*caller.digests] or [caller.uid]
        for proof in proofs:
            if (other := seen.setdefault(proof, caller.name)) != caller.name:
                msg = f"the callers {other} and {caller.name} prove who they are by the same secret or uid"
                raise ValueError(msg)


def authenticated(callers: Iterable[Caller], secret: Hidden[str] | None, uid: int | None) -> Caller | None:
    """Return who it is. Each secret of each caller is compared, in the same time whatever was given.

    ``uid`` is the user at the other end of a Unix socket, or None.
    """
    given = digest_of(secret) if secret is not None else None
    found: Caller | None = None
    for caller in callers:
        if caller.digests:
            # No short cut: how many were compared would tell which caller's secret it nearly was.
            same = [given is not None and hmac.compare_digest(given, each) for each in caller.digests]
            proven = any(same) and caller.uid in {None, uid}
        else:
            proven = secret is None and caller.uid == uid
        found = caller if proven else found
    return found
