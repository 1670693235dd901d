"""Who acts on links, what can be done to them, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum, unique
from typing import Final, TypeAlias, final

import attrs

from extauth.domain.link import LinkKey
from extauth.domain.storable import identifier, key_part, storable_text


@unique
class Action(StrEnum):
    """What an actor may be allowed to do. Most are about one link; others are about many."""

    READ = "read"
    """See a link with its tokens, or have an access token that works."""
    CONNECT = "connect"
    """Begin and complete authorizations, and store what they bring."""
    DISCONNECT = "disconnect"
    """Remove a link, and withdraw authorizations."""
    IDENTIFY = "identify"
    """Write down whose account a link is for."""
    REFRESH = "refresh"
    """Take the lease, save new tokens, mark failures."""
    REGISTER = "register"
    """Keep and read registered clients, secrets included."""
    FIND_DUE = "find_due"
    """List which links need looking after."""
    LIST = "list"
    """See which links there are and how they are, without their tokens."""
    IMPORT = "import"
    """Add links that come from elsewhere, list those to give away, and lift fences."""
    DELIVER = "deliver"
    """Take events about links from the outbox, and look after it."""
    PURGE = "purge"
    """Remove authorizations that have expired."""
    LIFT = "lift"
    """Take failure marks off, but no fences."""
    RESEAL = "reseal"
    """Encrypt anew."""
    RECORD = "record"
    """Write entries of the audit trail."""
    READ_AUDIT = "read_audit"
    PURGE_AUDIT = "purge_audit"
    """Remove old entries of the audit trail."""


def _role_names(roles: Iterable[str]) -> frozenset[str]:
    if isinstance(roles, str):
        msg = 'roles must be a collection of names, such as {"support"}, not one str'
        raise ValueError(msg)  # noqa: TRY004 - one exception type for every refused value
    return frozenset(storable_text(role, "a role") for role in roles)


@final
@attrs.frozen
class User:
    """A user of the application, who reaches their own links and nobody else's.

    :raises ValueError: if ``user_id`` cannot be one.
    :raises TypeError: if it is no ``str``.
    """

    user_id: str = attrs.field(validator=key_part)

    def __str__(self) -> str:
        return f"user {self.user_id!r}"


@final
@attrs.frozen
class Operator:
    """Somebody who looks after the deployment: may do what the policy says for one of the ``roles``.

    :raises ValueError: if ``name`` or a role cannot be stored, or one ``str`` is given for the roles.
    """

    name: str = attrs.field(validator=identifier)
    roles: frozenset[str] = attrs.field(converter=_role_names)

    def __str__(self) -> str:
        return f"operator {self.name!r} ({', '.join(sorted(self.roles)) or 'no role'})"


@final
@attrs.frozen
class Service:
    """A part of extauth, or of the application, that works for many users; may do what the policy says."""

    name: str = attrs.field(validator=identifier)

    def __str__(self) -> str:
        return f"the {self.name} service"


Actor: TypeAlias = User | Operator | Service

REFRESHING: Final = Service("refresh")
"""A :class:`~extauth.TokenService`, whoever asked it for a token."""
LINKING: Final = Service("linking")
"""A :class:`~extauth.LinkingService`, once it has seen that the caller may."""
REGISTERING: Final = Service("registration")
"""What keeps the application's own registered clients."""
ROTATING: Final = Service("rotation")
"""What encrypts anew, with another key."""
DELIVERING: Final = Service("delivery")
"""What delivers events about links."""
UPKEEP: Final = Service("upkeep")
"""What looks after many links, whether anybody waits for them or not."""


@final
@attrs.frozen
class Target:
    """What an operation is about, as far as its arguments say; all None where it is about any link."""

    provider_id: str | None = None
    user_id: str | None = None
    state_hash: str | None = attrs.field(default=None, repr=False)
    """Of an authorization under way."""
    name: str | None = None
    """Of a registered client."""

    @classmethod
    def of(cls, key: LinkKey) -> Target:
        """Return the link with this key."""
        return cls(key.provider_id, key.user_id)

    def __str__(self) -> str:
        if self.user_id is not None:
            to = "links" if self.provider_id is None else f"link to {self.provider_id}"
            return f"the {to} of {self.user_id!r}"
        if self.provider_id is not None:
            return f"links to {self.provider_id}"
        if self.state_hash is not None:
            return "an authorization of whatever user"
        return "links of all users" if self.name is None else "a registered client"


def target_of(arguments: Mapping[str, object]) -> Target:
    """Return what a call with these arguments, by name, is about: the same for every port of a store.

    Of a ``key``, or of what has one, such as a ``pending`` authorization; else by the names of its fields.
    """
    for each in (arguments.get("key"), getattr(arguments.get("pending"), "key", None)):
        if isinstance(each, LinkKey):
            return Target.of(each)
    named = {field.name: arguments.get(field.name) for field in attrs.fields(Target)}
    return Target(**{name: value for name, value in named.items() if isinstance(value, str)})
