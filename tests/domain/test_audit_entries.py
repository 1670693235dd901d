"""Who is said to have done what."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from extauth import LinkKey, TokenSet
from extauth.domain.acting import acting_as
from extauth.domain.actors import LINKING, Operator, Service, Target, User
from extauth.domain.audit import AuditEntry, AuditKind, actor_name, audit_of, fingerprint, trail_of
from extauth.domain.errors import ConfigurationError

KEY = LinkKey("github", "alice")
TOKENS = TokenSet("at", "rt")


def test_an_entry_says_what_it_is_about():
    """A link, or a user's, with fingerprints instead of tokens."""
    entry = AuditEntry.of(AuditKind.REVOKED, KEY, tokens=TOKENS, version=3, reason="no_endpoint")
    assert entry == AuditEntry(
        AuditKind.REVOKED,
        provider_id="github",
        user_id="alice",
        version=3,
        reason="no_endpoint",
        hashed_access_token=fingerprint("at"),
        hashed_refresh_token=fingerprint("rt"),
    )
    assert fingerprint("at") != fingerprint("rt")
    assert AuditEntry.of(AuditKind.WRONG_USER, "bob") == AuditEntry(AuditKind.WRONG_USER, user_id="bob")
    assert AuditEntry.of(AuditKind.EXPORTED) == AuditEntry(AuditKind.EXPORTED)


def test_who_did_it_and_for_whom():
    """A service that works for a caller is told with the caller, and a caller once."""
    alice = User("alice")
    with acting_as(alice):
        assert _actors(AuditEntry.of(AuditKind.UNLINKED, KEY)) == ("user:alice", None)
        assert _actors(AuditEntry.of(AuditKind.UNLINKED, KEY, actor=alice)) == ("user:alice", None)
        assert _actors(AuditEntry.of(AuditKind.UNLINKED, KEY, actor=LINKING)) == (
            "service:linking",
            "user:alice",
        )
    assert _actors(AuditEntry.of(AuditKind.UNLINKED, KEY, actor=LINKING)) == ("service:linking", None)
    assert _actors(AuditEntry.of(AuditKind.UNLINKED, KEY)) == (None, None)


def _actors(entry: AuditEntry) -> tuple[str | None, str | None]:
    return entry.actor, entry.on_behalf_of


def test_how_they_are_named():
    """By what they are and what they are called."""
    actors = User("alice"), Operator("eve", frozenset({"support"})), Service("refresh"), None
    assert [actor_name(actor) for actor in actors] == ["user:alice", "operator:eve", "service:refresh", None]


def test_how_people_read_them():
    """In errors: with an operator's roles, and what it was about."""
    assert str(Operator("eve", frozenset({"support", "admin"}))) == "operator 'eve' (admin, support)"
    assert str(Operator("eve", frozenset())) == "operator 'eve' (no role)"
    assert [
        str(target)
        for target in (
            Target.of(KEY),
            Target(user_id="alice"),
            Target(provider_id="github"),
            Target(state_hash="hash"),
            Target(name="client"),
            Target(),
        )
    ] == [
        "the link to github of 'alice'",
        "the links of 'alice'",
        "links to github",
        "an authorization of whatever user",
        "a registered client",
        "links of all users",
    ]
    with pytest.raises(ValueError, match=r"^a role must "):
        Operator("eve", frozenset({"nul\0"}))


def test_whose_trail_is_told():
    """The first that is there, from a store to what it stands around."""
    audited = SimpleNamespace(trail="theirs")
    around = SimpleNamespace(beneath=SimpleNamespace(trail=None, beneath=audited))
    assert trail_of(audited) == "theirs"
    assert trail_of(around) == "theirs"
    assert trail_of(SimpleNamespace(trail="nearer", beneath=audited)) == "nearer"
    assert trail_of(SimpleNamespace()) is None


def test_a_store_without_entries():
    """Says so."""
    with pytest.raises(ConfigurationError, match=r"^SimpleNamespace keeps no audit trail: it has no audit"):
        audit_of(SimpleNamespace())
