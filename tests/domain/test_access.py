"""Who may do what, and that there is a rule for whatever a store can be asked."""

from __future__ import annotations

from typing import Any

import pytest

from extauth import AccessPolicy, LinkKey, Operator, Service, User
from extauth.adapters.memory import MemoryLinkStore
from extauth.domain.access import OPERATORS, RULES
from extauth.domain.actors import (
    LINKING,
    REFRESHING,
    REGISTERING,
    ROTATING,
    UPKEEP,
    Action,
    Target,
    target_of,
)
from tests.support.store_calls import ALICE, ARGUMENTS, methods_of, store_ports

HERS, HIS = Target.of(ALICE), Target.of(LinkKey("app", "bob"))
EVERYBODYS = Target("app")


def allowed(actor: Any, target: Target, policy: AccessPolicy | None = None) -> set[Action]:
    """Return all that the actor may do with this."""
    return {action for action in Action if (policy or AccessPolicy()).allows(actor, action, target)}


@pytest.mark.parametrize("port", sorted(store_ports()))
def test_every_method_of_every_port_has_a_rule(port):
    """Whoever adds a method to a port, or a port, says what it takes to call it."""
    members = {name for name in vars(store_ports()[port]) if not name.startswith("_")}
    ruled = {part for rule in RULES for part in rule.split(".")}  # of a port that is an attribute, both
    assert members - ruled - {"beneath", "acting_as", "authorize"} == set()


def test_every_method_of_a_store_has_a_rule():
    """So it is with what a store that ships has beside its ports, and with those that are attributes."""
    assert set(methods_of(MemoryLinkStore())) - RULES.keys() == set()


def test_a_user_reaches_only_what_is_theirs():
    """Their own links and authorizations they may use, make and end; others' not even look at."""
    own = {Action.READ, Action.CONNECT, Action.DISCONNECT}
    alice = User("alice")
    assert allowed(alice, HERS) == allowed(alice, Target(user_id="alice")) == own
    for target in (HIS, EVERYBODYS, Target(), Target(state_hash="hash"), Target(name="client")):
        assert allowed(alice, target) == set()


def test_services_have_what_their_work_takes():
    """Whoever's link it is, and no more."""
    assert {
        service.name: allowed(service, HIS) for service in (REFRESHING, UPKEEP, REGISTERING, ROTATING)
    } == {
        "refresh": {Action.READ, Action.REFRESH, Action.IDENTIFY},
        "upkeep": {Action.READ, Action.FIND_DUE, Action.PURGE},
        "registration": {Action.REGISTER},
        "rotation": {Action.READ, Action.RESEAL},
    }
    assert allowed(LINKING, HIS) == {
        Action.READ,
        Action.CONNECT,
        Action.DISCONNECT,
        Action.IDENTIFY,
        Action.PURGE,
    }


def test_operators_have_what_their_roles_say():
    """All of their roles together; a role that the policy does not name gives nothing."""
    assert allowed(Operator("eve", {"support"}), HIS) == {
        Action.LIST,
        Action.DISCONNECT,
        Action.LIFT,
        Action.PURGE,
    }
    both = allowed(Operator("eve", {"support", "keys"}), HIS)
    assert both == {*OPERATORS["support"], *OPERATORS["keys"]}
    assert allowed(Operator("eve", {"admin"}), EVERYBODYS) == set(Action)
    assert allowed(Operator("eve", {"root"}), HIS) == allowed(Operator("eve", set()), HIS) == set()


def test_an_application_has_roles_and_services_of_its_own():
    """The roles given are those that there are; its services are beside extauth's, which stay as they are."""
    policy = AccessPolicy(
        operators={"reader": {Action.READ}}, services={"sync": {Action.READ}, "refresh": set(Action)}
    )
    assert allowed(Operator("eve", {"reader", "admin"}), HIS, policy) == {Action.READ}
    assert allowed(Service("sync"), HIS, policy) == {Action.READ}
    assert allowed(Service("other"), HIS, policy) == set()
    assert allowed(Service("refresh"), HIS, policy) == allowed(REFRESHING, HIS)


@pytest.mark.parametrize(
    ("names", "target"),
    [
        (["key", "version"], HERS),
        (["pending", "ttl"], HERS),
        (["provider_id", "user_id"], HERS),
        (["state_hash", "user_id"], Target(user_id="alice", state_hash="hash")),
        (["name", "registration"], Target(name="client")),
        (["limit"], Target()),
    ],
)
def test_what_a_call_is_about(names, target):
    """Its arguments say it: a key, what has a key, or the parts of one."""
    assert target_of({name: ARGUMENTS.get(name) for name in names}) == target


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: User(""), ValueError),
        (lambda: User(7), TypeError),  # type: ignore[arg-type]  # that is the slip
        (lambda: Operator("", {"support"}), ValueError),
        (lambda: Operator("eve", "support"), ValueError),
        (lambda: Service("a\0"), ValueError),
    ],
)
def test_actors_that_cannot_be(make, error):
    """A slip is told where the actor is made."""
    with pytest.raises(error):
        make()
