"""When a client makes way for another, and whose links are a former one's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth import TokenSet
from extauth.domain.link import GrantOrigin
from extauth.domain.linking import ClientRegistration
from extauth.domain.outcomes import ClientRejected, Deferred, Exchanged, GrantRejected, NotSent, Unknown
from extauth.domain.registered_clients import (
    PATIENCE,
    YOUNG,
    Standing,
    of_former_client,
    scopes_to_register,
    why_replaced,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEPT = ClientRegistration(issuer="https://as.example", client_id="c", scopes={"a", "b"})
UNKNOWN = ClientRejected("invalid_client")
TAKEN = (Exchanged(TokenSet("at")), GrantRejected("invalid_grant"))
SILENT = (
    ClientRejected("unauthorized_client"),
    ClientRejected("invalid_request"),
    ClientRejected("http_401"),
    Deferred("http_503"),
    Unknown("timeout"),
    NotSent("refused"),
    None,
)
HEARD = st.lists(
    st.tuples(st.sampled_from([UNKNOWN, *TAKEN, *SILENT]), st.integers(0, 90)), min_size=1, max_size=8
)


def after(*answers, standing=Standing()):  # noqa: B008 - frozen
    """Return what is known after these answers, each with its seconds."""
    for answer, seconds in answers:
        standing = standing.after(answer, NOW + timedelta(seconds=seconds))
    return standing


def test_one_answer_is_not_enough():
    """Nor are many within a minute; the same once more after it is."""
    minute = PATIENCE.total_seconds()
    assert not after((UNKNOWN, 0)).forgotten
    assert not after(*((UNKNOWN, second) for second in range(int(minute)))).forgotten
    assert after((UNKNOWN, 0), (UNKNOWN, minute)).forgotten


@pytest.mark.parametrize("taken", TAKEN)
def test_a_client_that_was_taken_meanwhile_is_known(taken):
    """Whoever judges the grant has known the client."""
    assert not after((UNKNOWN, 0), (taken, 30), (UNKNOWN, 90)).forgotten


@pytest.mark.parametrize("answer", SILENT)
def test_other_refusals_say_nothing(answer):
    """Neither that the client is unknown nor that it is known."""
    assert not after((answer, 0), (answer, 3600)).forgotten
    assert after((UNKNOWN, 0), (answer, 30), (UNKNOWN, 60)).forgotten
    assert after((UNKNOWN, 7), (answer, 9)) == after((UNKNOWN, 7))


def test_a_client_that_was_never_taken_is_given_time():
    """A server that does not take what it has registered is not sent one registration after the other."""
    young = Standing.registered(NOW)
    hour = YOUNG.total_seconds()
    assert not after((UNKNOWN, 60), (UNKNOWN, hour - 1), standing=young).forgotten
    assert after((UNKNOWN, 60), (UNKNOWN, hour), standing=young).forgotten
    assert after((TAKEN[0], 60), (UNKNOWN, 61), (UNKNOWN, 121), standing=young).forgotten


@given(HEARD)
def test_forgotten_is_what_was_said_twice_with_nothing_between(heard):
    """For any answers in the order of their time."""
    times = [sum(gap for _, gap in heard[: number + 1]) for number in range(len(heard))]
    answers = [(answer, time) for (answer, _), time in zip(heard, times, strict=True)]
    row: list[int] = []
    for answer, time in answers:
        if answer in TAKEN:
            row = []
        elif answer == UNKNOWN:
            row.append(time)
    expected = len(row) > 1 and row[-1] - row[0] >= PATIENCE.total_seconds()
    assert after(*answers).forgotten is expected


def test_the_server_is_asked_again_after_a_while():
    """A minute after the last answer, and where the clock was put back."""
    heard = after((UNKNOWN, 0))
    assert Standing().is_due(NOW)
    for known in (heard, after((TAKEN[0], 0)), after((TAKEN[1], 0)), Standing.registered(NOW)):
        assert not known.is_due(NOW)
    assert not heard.is_due(NOW + PATIENCE / 2)
    assert heard.is_due(NOW + PATIENCE)
    assert heard.is_due(NOW - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("scopes", "replaced"), [(set(), None), ({"a"}, None), ({"a", "b"}, None), ({"c"}, "scopes_grown")]
)
def test_scopes_that_have_grown(scopes, replaced):
    """Fewer are no reason; and what was not noted is none either."""
    assert why_replaced(KEPT, scopes, NOW, standing=Standing()) == replaced
    assert why_replaced(attrs.evolve(KEPT, scopes=None), scopes, NOW, standing=Standing()) is None


def test_every_reason():
    """An expired secret, a client that was forgotten, and the application's word."""
    expired = attrs.evolve(KEPT, client_secret_expires_at=NOW)
    assert why_replaced(expired, {"a"}, NOW, standing=Standing()) == "secret_expired"
    assert why_replaced(expired, {"a"}, NOW - timedelta(seconds=1), standing=Standing()) is None
    forgotten = after((UNKNOWN, 0), (UNKNOWN, 60))
    assert why_replaced(KEPT, {"a"}, NOW, standing=forgotten) == "forgotten"
    assert why_replaced(KEPT, {"a"}, NOW, standing=Standing(), told="c") == "told"
    assert why_replaced(KEPT, {"a"}, NOW, standing=Standing(), told="another") is None


@pytest.mark.parametrize(
    ("before", "listed", "registered"),
    [
        (None, set(), {"c"}),
        ({"a"}, set(), {"a", "c"}),
        ({"a", "b"}, {"a"}, {"a", "c"}),
        ({"a"}, {"b"}, {"c"}),
    ],
)
def test_the_next_client_is_registered_for_both(before, listed, registered):
    """What is wanted now and what was before, as far as the server still has it."""
    kept = attrs.evolve(KEPT, scopes=before)
    assert scopes_to_register(kept, {"c"}, listed) == registered
    assert scopes_to_register(None, {"c"}, listed) == {"c"}


PRESENT = GrantOrigin("new", "https://as.example/token", "https://mcp.example/")


@pytest.mark.parametrize(
    ("granted", "former"),
    [
        (None, False),
        (PRESENT, False),
        (attrs.evolve(PRESENT, resource=None), False),
        (attrs.evolve(PRESENT, client_id="old"), True),
        (attrs.evolve(PRESENT, client_id="old", resource=None), True),
        (attrs.evolve(PRESENT, client_id="old", resource="https://other.example/"), False),
        (attrs.evolve(PRESENT, client_id="old", token_endpoint="https://other.example/token"), False),
    ],
)
def test_links_of_former_clients(granted, former):
    """Another client of the same server, for the same resource."""
    assert of_former_client(granted, PRESENT) is former
