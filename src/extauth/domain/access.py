"""Which actor may do what: a pure policy, and a rule for every method of every port of a store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, Protocol, final

import attrs

from extauth.domain.actors import (
    DELIVERING,
    LINKING,
    REFRESHING,
    REGISTERING,
    ROTATING,
    UPKEEP,
    Action,
    Actor,
    Operator,
    Service,
    Target,
    User,
)

RULES: Final[Mapping[str, Action]] = MappingProxyType(
    {
        "get": Action.READ,
        "links_of": Action.READ,
        "wait_for_change": Action.READ,
        "put": Action.CONNECT,
        "delete": Action.DISCONNECT,
        "claim": Action.REFRESH,
        "time": Action.REFRESH,
        "save": Action.REFRESH,
        "record_failure": Action.REFRESH,
        "release": Action.REFRESH,
        "record_account": Action.IDENTIFY,
        "due": Action.FIND_DUE,
        "lift_failure": Action.LIFT,
        "reseal": Action.RESEAL,
        "begin_authorization": Action.CONNECT,
        "find_authorization": Action.CONNECT,
        "take_authorization": Action.CONNECT,
        "forget_authorizations": Action.DISCONNECT,
        "purge_authorizations": Action.PURGE,
        "registration": Action.REGISTER,
        "keep_registration": Action.REGISTER,
        "ping": Action.REFRESH,
        "keeps_plain": Action.READ,
        "history.look": Action.REFRESH,
        "history.accept": Action.REFRESH,
        "history.hold": Action.REFRESH,
        "history.restored": Action.REFRESH,
        "history.agree": Action.LIFT,
        "outbox.keep_on": Action.DELIVER,
        "outbox.claim": Action.DELIVER,
        "outbox.acknowledge": Action.DELIVER,
        "outbox.postpone": Action.DELIVER,
        "outbox.ending": Action.DELIVER,
        "outbox.tell_expiring": Action.DELIVER,
        "outbox.counts": Action.DELIVER,
        "outbox.dead_letters": Action.DELIVER,
        "outbox.requeue": Action.DELIVER,
        "outbox.discard": Action.DELIVER,
        "inventory.find": Action.LIST,
        "inventory.count": Action.LIST,
        "inventory.authorizations_of": Action.LIST,
        "imports.add": Action.IMPORT,
        "imports.keys": Action.IMPORT,
        "audit.append": Action.RECORD,
        "audit.find": Action.READ_AUDIT,
        "audit.purge": Action.PURGE_AUDIT,
        "sealed.count": Action.RESEAL,
        "sealed.links": Action.RESEAL,
        "sealed.links_among": Action.RESEAL,
        "sealed.registrations": Action.RESEAL,
        "sealed.reseal_registration": Action.RESEAL,
        "sealed.renew_registration": Action.RESEAL,
        "sealed.primary_key_id": Action.RESEAL,
        "sealed.given_key_ids": Action.RESEAL,
    }
)
"""What each method of a store is. Those of a port that is an attribute of the store are named with it, as
``attribute.method``. What is not named here, nobody may."""

EVERYTHING: Final = frozenset(Action)

OPERATORS: Final[Mapping[str, Collection[Action]]] = MappingProxyType(
    {
        "support": frozenset({Action.LIST, Action.DISCONNECT, Action.LIFT, Action.PURGE}),
        "keys": frozenset({Action.FIND_DUE, Action.RESEAL}),
        "auditor": frozenset({Action.READ_AUDIT}),
        "admin": EVERYTHING,
    }
)
"""What operators of each role may do, whoever's link it is. ``support`` sees no tokens."""

_OWN: Final = frozenset({Action.READ, Action.CONNECT, Action.DISCONNECT})
"""What users may do, with what is theirs."""

_SERVICES: Final[Mapping[Service, Collection[Action]]] = MappingProxyType(
    {
        # Links that a failover lost are put back, and then it is written again whose account they are for.
        REFRESHING: frozenset({Action.READ, Action.REFRESH, Action.IDENTIFY}),
        LINKING: frozenset({Action.READ, Action.CONNECT, Action.DISCONNECT, Action.IDENTIFY, Action.PURGE}),
        REGISTERING: frozenset({Action.REGISTER}),
        ROTATING: frozenset({Action.READ, Action.RESEAL}),
        DELIVERING: frozenset({Action.DELIVER}),
        UPKEEP: frozenset({Action.READ, Action.FIND_DUE, Action.PURGE}),
    }
)


class AccessRules(Protocol):
    """Says who may do what. :class:`AccessPolicy` is one."""

    def allows(self, actor: Actor, action: Action, target: Target) -> bool:
        """Whether the actor may. Is asked before each operation, so it must be quick, and look nothing up."""
        ...


def _frozen(given: Mapping[str, Collection[Action]]) -> Mapping[str, Collection[Action]]:
    return MappingProxyType({name: frozenset(actions) for name, actions in given.items()})


@final
@attrs.frozen
class AccessPolicy:
    """Users reach what is theirs, operators what their role says, and services what their work takes.

    ``operators`` are the roles that there are, and what each may do, whoever's link it is; ``services`` are
    the application's own ones, by name, beside those of extauth. Who is not named may do nothing.
    """

    operators: Mapping[str, Collection[Action]] = attrs.field(default=OPERATORS, converter=_frozen)
    services: Mapping[str, Collection[Action]] = attrs.field(
        factory=dict[str, Collection[Action]], converter=_frozen
    )

    def allows(self, actor: Actor, action: Action, target: Target) -> bool:
        """Whether the actor may do this, with what is the target's."""
        match actor:
            case User(user_id):
                return action in _OWN and target.user_id == user_id
            case Operator(_, roles):
                return any(action in self.operators.get(role, ()) for role in roles)
            case Service(name):
                return action in _SERVICES.get(actor, self.services.get(name, ()))
