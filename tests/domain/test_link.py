"""The values that are kept: what they accept, and what becomes of it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extauth import GrantOrigin, Link, LinkKey, PendingExchange, RefreshFailure, TokenSet
from extauth.domain.storable import MAX_ID_LENGTH
from extauth.domain.token_set import ResourceToken
from extauth.testing import ScriptedProvider

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
NEW_YORK = timezone(timedelta(hours=-5))
KEY = LinkKey("provider", "alice")
TOKENS = TokenSet("at-1", "rt-1", NOW, frozenset({"read"}), extra={"team": "t-1"})

UNSTORABLE = ["nul\0", "surrogate\ud800", 7, b"bytes", None]
"""What no store could keep as text."""


class Timeless(tzinfo):
    """A time zone that does not say its offset, which makes a datetime naive all the same."""

    def utcoffset(self, dt: datetime | None) -> None:
        return None


class TestLinkKey:
    @pytest.mark.parametrize("part", ["provider_id", "user_id"])
    @pytest.mark.parametrize("value", ["", "x" * (MAX_ID_LENGTH + 1), "nul\0", "surrogate\ud800"], ids=ascii)
    def test_what_is_no_id(self, part, value):
        """Refused with a message that names the part and never quotes the value."""
        parts = {"provider_id": "provider", "user_id": "alice", part: value}
        with pytest.raises(ValueError, match=f"^{part} must") as caught:
            LinkKey(**parts)
        if value:
            assert str(value) not in str(caught.value)
        assert caught.value.__cause__ is None
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (1234, r"^user_id must be a str, not int; ids are text: write str\(user.id\)$"),
            (UUID(int=1234), r"^user_id must be a str, not UUID; ids are text: write str\(user.id\)$"),
            (b"1234", r"^user_id must be a str, not bytes; decode it: value.decode\(\)$"),
            (None, r"^user_id must be a str, not None; is anybody signed in\?$"),
        ],
    )
    def test_an_id_of_another_type(self, value, message):
        """It is no id by guessing: ``b'1'`` and ``1`` would be other users in other places."""
        with pytest.raises(TypeError, match=message) as caught:
            LinkKey("provider", value)
        assert "1234" not in str(caught.value)

    def test_a_provider_is_not_its_id(self):
        """Whoever gives the provider itself reads what to write."""
        provider: Any = ScriptedProvider("github")
        with pytest.raises(
            TypeError, match=r"provider_id must be a str, not Script.*; write its .provider_id$"
        ):
            LinkKey(provider, "alice")

    @pytest.mark.parametrize("value", ["a", " ", "x" * MAX_ID_LENGTH, "😀" * MAX_ID_LENGTH, "\U0010ffff"])
    def test_what_is_an_id(self, value):
        """Any other text, measured in code points, and kept as it is."""
        assert LinkKey(value, value).user_id == value

    def test_it_is_its_parts(self):
        """Equal parts make equal keys; the parts are not run together."""
        assert LinkKey("a", "b") == LinkKey("a", "b")
        assert len({LinkKey("a", "b"), LinkKey("a", "b"), LinkKey("b", "a"), LinkKey("ab", "b")}) == 3

    def test_it_sorts_by_code_point(self):
        """Provider first, then user."""
        keys = [LinkKey("b", "a"), LinkKey("a", "é"), LinkKey("a", "z"), LinkKey("a", "Z")]
        assert [(k.provider_id, k.user_id) for k in sorted(keys)] == [
            ("a", "Z"),
            ("a", "z"),
            ("a", "é"),
            ("b", "a"),
        ]

    def test_it_is_found_again_in_another_process(self):
        """A key that travels does not bring along a hash that is good only where it was made."""
        hash(KEY)
        script = (
            "import pickle, sys; from extauth import LinkKey;"
            "print(pickle.load(sys.stdin.buffer) in {LinkKey('provider', 'alice')})"
        )
        environment = {
            **os.environ,
            "PYTHONHASHSEED": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        told = subprocess.run(
            [sys.executable, "-c", script],
            input=pickle.dumps(KEY),
            env=environment,
            capture_output=True,
            check=True,
        )
        assert told.stdout.split() == [b"True"]


class TestTokenSet:
    def test_only_the_access_token_is_needed(self):
        """Everything else has a default that says "none given"."""
        tokens = TokenSet("at-1")
        assert (
            tokens.refresh_token,
            tokens.expires_at,
            tokens.scopes,
            tokens.token_type,
            tokens.extra,
            tokens.access_token_key_id,
            tokens.refresh_token_key_id,
            tokens.issued_at,
        ) == (None, None, frozenset(), "Bearer", {}, None, None, None)

    @pytest.mark.parametrize("value", ["", *UNSTORABLE], ids=ascii)
    def test_what_is_no_access_token(self, value):
        """Refused without quoting it."""
        with pytest.raises(ValueError, match=r"^access_token must") as caught:
            TokenSet(value)
        if value:
            assert str(value) not in str(caught.value)

    @pytest.mark.parametrize(
        "field", ["refresh_token", "token_type", "access_token_key_id", "refresh_token_key_id"]
    )
    def test_every_text_can_be_stored(self, field):
        """NUL, lone surrogates and other types are refused, by name."""
        for value in UNSTORABLE[:4]:
            with pytest.raises(ValueError, match=f"^{field} must"):
                TokenSet("at-1", **{field: value})

    def test_an_empty_refresh_token_is_none(self):
        """Some providers send ``""`` where others leave it out."""
        assert TokenSet("at-1", "").refresh_token is None

    @pytest.mark.parametrize("field", ["expires_at", "issued_at"])
    def test_instants_are_aware_and_become_utc(self, field):
        """A naive datetime is refused; any other is the same instant in UTC."""
        for zone in (NEW_YORK, ZoneInfo("UTC"), UTC):
            kept = getattr(TokenSet("at-1", **{field: NOW.astimezone(zone)}), field)
            assert (kept, kept.tzinfo) == (NOW, UTC)
        for naive in (NAIVE, NAIVE.replace(tzinfo=Timeless())):
            with pytest.raises(ValueError, match="aware"):
                TokenSet("at-1", **{field: naive})

    @pytest.mark.parametrize(
        "instant",
        [datetime.max.replace(tzinfo=NEW_YORK), datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))],
        ids=["after", "before"],
    )
    def test_an_instant_that_utc_cannot_say_is_refused(self, instant):
        """The ends of the calendar are a bad value like any other."""
        with pytest.raises(ValueError, match="year"):
            TokenSet("at-1", expires_at=instant)

    def test_scopes_are_a_set_of_names(self):
        """Any collection will do, but one text is a mistake."""
        assert TokenSet("at-1", scopes=["write", "read", "read"]).scopes == {"read", "write"}
        with pytest.raises(ValueError, match="not one str"):
            TokenSet("at-1", scopes="read write")

    @pytest.mark.parametrize("scope", UNSTORABLE, ids=ascii)
    def test_every_scope_can_be_stored(self, scope):
        """A scope is text like any other."""
        with pytest.raises(ValueError, match=r"^scopes must"):
            TokenSet("at-1", scopes=frozenset({scope}))
        with pytest.raises(ValueError, match=r"^scopes must"):
            TokenSet("at-1", scopes=[scope])

    def test_a_value_that_compares_equal_hashes_equal(self):
        """``extra`` cannot be hashed, and does not have to be."""
        assert len({TOKENS, attrs.evolve(TOKENS), attrs.evolve(TOKENS, refresh_token="rt-2")}) == 2
        assert attrs.evolve(TOKENS, extra={}) != TOKENS

    def test_it_cannot_be_changed(self):
        """A value that is being saved stays as it is."""
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            TOKENS.refresh_token = None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def nested(depth: int) -> list[Any]:
    """Return a list in a list in a list."""
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


class TestExtra:
    @settings(max_examples=200, deadline=None)
    @given(extra=st.dictionaries(st.text(), json_values, max_size=4))
    def test_json_is_kept_as_it_is(self, extra: Mapping[str, Any]) -> None:
        """Whatever JSON can say comes back equal."""
        assert TokenSet("at-1", extra=extra).extra == extra

    @pytest.mark.parametrize(
        "value",
        [
            float("nan"),
            float("inf"),
            b"bytes",
            {1: "int key"},
            (1, 2),
            {1, 2},
            NOW,
            object(),
            nested(100_000),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_anything_else_is_refused(self, value):
        """Also what JSON would give back as something else."""
        with pytest.raises(ValueError, match=r"^extra must be JSON"):
            TokenSet("at-1", extra={"member": value})

    def test_it_is_a_copy(self):
        """Changing what was given changes nothing here, at any depth."""
        inner = ["first"]
        given_extra: dict[str, Any] = {"list": inner}
        tokens = TokenSet("at-1", extra=given_extra)
        inner.append("second")
        given_extra["more"] = 1
        assert tokens.extra == {"list": ["first"]}

    def test_a_resource_can_be_stored(self):
        """Refused with a message that names the field."""
        with pytest.raises(ValueError, match=r"^resource_tokens must not contain a NUL"):
            TokenSet("at-1", resource_tokens={"nul\0": ResourceToken("at-r")})

    def test_two_sets_of_tokens_share_no_default(self):
        """Each has an empty object of its own."""
        assert TokenSet("at-1").extra is not TokenSet("at-1").extra


class TestSucceeding:
    def test_what_the_answer_omits_is_carried_forward(self):
        """Refresh token with its key id, scopes and extra members."""
        before = attrs.evolve(TOKENS, refresh_token_key_id="k-1", access_token_key_id="k-1")
        after = TokenSet("at-2", issued_at=NOW).succeeding(before)
        assert after == TokenSet(
            "at-2",
            "rt-1",
            scopes=frozenset({"read"}),
            extra={"team": "t-1"},
            refresh_token_key_id="k-1",
            issued_at=NOW,
        )

    def test_what_the_answer_gives_replaces(self):
        """And extra members are merged one by one."""
        given_tokens = TokenSet("at-2", "rt-2", NOW, frozenset({"write"}), "DPoP", {"team": "t-2", "b": 1})
        after = given_tokens.succeeding(attrs.evolve(TOKENS, extra={"team": "t-1", "a": 1}))
        assert after == attrs.evolve(given_tokens, extra={"team": "t-2", "a": 1, "b": 1})

    def test_an_expiry_is_never_carried_forward(self):
        """The old token's expiry says nothing about the new one."""
        assert TokenSet("at-2").succeeding(TOKENS).expires_at is None

    def test_the_expiry_of_a_refresh_token_goes_with_it(self):
        """A new refresh token does not inherit the old one's end; an old one keeps it, or gets a new one."""
        later = NOW + timedelta(days=1)
        old = TokenSet("at-1", "rt-1", refresh_token_expires_at=NOW)
        assert TokenSet("at-2", "rt-2").succeeding(old).refresh_token_expires_at is None
        assert TokenSet("at-2").succeeding(old).refresh_token_expires_at == NOW
        moved = TokenSet("at-2", refresh_token_expires_at=later)
        assert moved.succeeding(old).refresh_token_expires_at == later

    def test_a_key_id_goes_with_its_token(self):
        """A new plain refresh token does not get the old one's key id."""
        before = attrs.evolve(TOKENS, refresh_token_key_id="k-1")
        assert TokenSet("at-2", "rt-2").succeeding(before).refresh_token_key_id is None

    def test_neither_side_is_changed(self):
        """It returns a third."""
        old, new = TokenSet("at-1", "rt-1", extra={"a": 1}), TokenSet("at-2", extra={"b": 2})
        merged = new.succeeding(old)
        assert (old.extra, new.extra, merged.extra) == ({"a": 1}, {"b": 2}, {"a": 1, "b": 2})


class TestResealed:
    def test_texts_and_key_ids_are_another_encryptions(self):
        """Of the grant's own tokens and of those for single resources; all else stays."""
        before = attrs.evolve(
            TOKENS,
            refresh_token_expires_at=NOW,
            resource_tokens={"r": ResourceToken("at-r", expires_at=NOW), "s": ResourceToken("at-s")},
        )
        sealed = TokenSet(
            "at-2",
            "rt-2",
            access_token_key_id="k-1",
            refresh_token_key_id="k-2",
            resource_tokens={"r": ResourceToken("at-3"), "t": ResourceToken("at-4")},
        )
        assert before.resealed(sealed) == TokenSet(
            "at-2",
            "rt-2",
            NOW,
            frozenset({"read"}),
            extra={"team": "t-1"},
            access_token_key_id="k-1",
            refresh_token_key_id="k-2",
            refresh_token_expires_at=NOW,
            resource_tokens={"r": ResourceToken("at-3", expires_at=NOW)},
        )


class TestRefreshFailure:
    def test_without_retry_it_is_permanent(self):
        """Only the user or an operator can lift it."""
        assert RefreshFailure("invalid_grant", NOW, 1).permanent
        assert not RefreshFailure("server_error", NOW, 1, retry_at=NOW).permanent

    def test_instants_are_aware_and_become_utc(self):
        """As everywhere."""
        failure = RefreshFailure("e", NOW.astimezone(NEW_YORK), 1, retry_at=NOW.astimezone(NEW_YORK))
        assert (failure.at.tzinfo, failure.retry_at.tzinfo) == (UTC, UTC)
        with pytest.raises(ValueError, match="aware"):
            RefreshFailure("e", NAIVE, 1)
        with pytest.raises(ValueError, match="aware"):
            RefreshFailure("e", NOW, 1, retry_at=NAIVE)

    @pytest.mark.parametrize("reason", UNSTORABLE, ids=ascii)
    def test_the_reason_can_be_stored(self, reason):
        """It is a text column like any other."""
        with pytest.raises(ValueError, match=r"^reason must"):
            RefreshFailure(reason, NOW, 1)


class TestLink:
    @pytest.mark.parametrize("field", ["created_at", "updated_at"])
    def test_instants_are_aware_and_become_utc(self, field):
        """Else the first look at the token's lifetime would fail, inside a refresh."""
        link = Link(KEY, TOKENS, 1, NOW, NOW)
        kept = getattr(attrs.evolve(link, **{field: NOW.astimezone(NEW_YORK)}), field)
        assert (kept, kept.tzinfo) == (NOW, UTC)
        with pytest.raises(ValueError, match="aware"):
            attrs.evolve(link, **{field: NAIVE})

    def test_marks_are_none_at_first(self):
        """Nothing failed, nothing is under way, and no client is named."""
        link = Link(KEY, TOKENS, 1, NOW, NOW)
        assert (link.failure, link.origin, link.pending) == (None, None, None)

    def test_it_is_a_value(self):
        """Equal links are one member of a set."""
        assert len({Link(KEY, TOKENS, 1, NOW, NOW), Link(KEY, TOKENS, 1, NOW, NOW)}) == 1

    def test_it_travels(self):
        """A link comes out of a pickle as it went in."""
        link = Link(
            KEY,
            TOKENS,
            2,
            NOW,
            NOW,
            RefreshFailure("e", NOW, 2),
            GrantOrigin("client", "https://provider.example/token"),
            PendingExchange(NOW, live=True),
        )
        assert pickle.loads(pickle.dumps(link)) == link  # noqa: S301 - our own


class TestPendingExchange:
    def test_its_instant_is_aware_and_becomes_utc(self):
        """As everywhere."""
        assert PendingExchange(NOW.astimezone(NEW_YORK), live=True).since.tzinfo is UTC
        with pytest.raises(ValueError, match="aware"):
            PendingExchange(NAIVE, live=True)


class TestGrantOrigin:
    @pytest.mark.parametrize("field", ["client_id", "token_endpoint"])
    @pytest.mark.parametrize("value", UNSTORABLE, ids=ascii)
    def test_both_parts_can_be_stored(self, field, value):
        """They stand in text columns."""
        parts = {"client_id": "client", "token_endpoint": "https://provider.example/token", field: value}
        with pytest.raises(ValueError, match=f"^{field} must"):
            GrantOrigin(**parts)

    def test_whose_grant_it_is(self):
        """The same client, endpoint and resource; or a grant that does not say where it is from."""
        ours = GrantOrigin("client", "https://provider.example/token", "https://mcp.example")
        assert ours.owns(GrantOrigin("client", "https://provider.example/token", "https://mcp.example"))
        assert ours.owns(None)

    def test_an_earlier_grant_names_no_resource(self):
        """It is its client's at that endpoint, whatever resource that is configured with now."""
        earlier = GrantOrigin("client", "https://provider.example/token")
        ours = GrantOrigin("client", "https://provider.example/token", "https://mcp.example")
        assert (ours.owns(earlier), earlier.owns(earlier), earlier.owns(ours)) == (True, True, False)

    @pytest.mark.parametrize(
        "other",
        [
            GrantOrigin("another", "https://provider.example/token", "https://mcp.example"),
            GrantOrigin("client", "https://another.example/token", "https://mcp.example"),
            GrantOrigin("client", "https://provider.example/token", "https://another.example"),
            GrantOrigin("another", "https://provider.example/token"),
            GrantOrigin("client", "https://another.example/token"),
        ],
    )
    def test_whose_grant_it_is_not(self, other):
        """Another client's, endpoint's or resource's."""
        assert not GrantOrigin("client", "https://provider.example/token", "https://mcp.example").owns(other)
