"""Reading WWW-Authenticate."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.adapters.discovery import Challenge, missing_scopes, parse_challenges
from extauth.domain.challenges import LONGEST_CHALLENGES

TOKEN = st.text(string.ascii_letters + string.digits + "!#$%&'*+.^_`|~-", min_size=1)
VALUE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"))
PARAMS = st.dictionaries(TOKEN.map(str.lower), VALUE, max_size=4)
TOKEN68 = st.from_regex(r"[A-Za-z0-9._~+/-]+={0,2}", fullmatch=True)
CHALLENGES = st.lists(
    st.builds(Challenge, TOKEN.map(str.lower), PARAMS)
    | st.builds(Challenge, TOKEN.map(str.lower), st.just({}), TOKEN68),
    max_size=4,
)


def quoted(value: str) -> str:
    """Return a quoted-string (RFC 9110 section 5.6.4)."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def written(challenge: Challenge) -> str:
    """Return a challenge as the standard writes it."""
    params = ", ".join(f"{name}={quoted(value)}" for name, value in challenge.params.items())
    return " ".join(filter(None, (challenge.scheme, params, challenge.token68)))


@given(CHALLENGES, st.sampled_from([", ", ",", " ,, ", "\t,\t"]))
def test_what_is_written_is_read(challenges, between):
    """Any list of challenges is read as it was meant, whatever its values hold."""
    assert parse_challenges(between.join(map(written, challenges))) == tuple(challenges)


@given(st.text(st.sampled_from('abB =",\\\t/:')) | st.text())
def test_anything_can_be_read(text):
    """No text makes the reader fail."""
    for challenge in parse_challenges(text):
        assert challenge.scheme == challenge.scheme.lower() != ""


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        ("", ()),
        ("Bearer", (Challenge("bearer"),)),
        ("Negotiate, Basic realm=x", (Challenge("negotiate"), Challenge("basic", {"realm": "x"}))),
        (
            "Bearer resource_metadata=https://a/b?c=d",
            (Challenge("bearer", {"resource_metadata": "https://a/b?c=d"}),),
        ),
        ('Bearer error="a" Scope = "b c"', (Challenge("bearer", {"error": "a", "scope": "b c"}),)),
        ('Bearer scope="a", scope="b"', (Challenge("bearer", {"scope": "a"}),)),
        (
            'Basic realm="Bearer resource_metadata=\\"https://evil.example\\", x"',
            (Challenge("basic", {"realm": 'Bearer resource_metadata="https://evil.example", x'}),),
        ),
        ('Basic realm="open, Bearer scope="', (Challenge("basic", {"realm": "open, Bearer scope="}),)),
        ('Basic realm="never closed, Bearer scope=a', (Challenge("basic"),)),
        ('"Bearer scope=a", Basic', (Challenge("basic"),)),
        ("=, Bearer", (Challenge("bearer"),)),
        ("realm=lonely, Bearer", (Challenge("bearer"),)),
    ],
)
def test_challenges_as_servers_write_them(header, challenges):
    """Slips are forgiven where the meaning is plain; quoted text is never taken for a challenge."""
    assert parse_challenges(header) == challenges


def test_a_long_header_is_read_in_linear_time():
    """Neither many challenges nor one long quotation make the reader slow."""
    parse_challenges('Bearer a="' + "\\" * 16_000)
    assert len(parse_challenges("Bearer a=b," * 1_400)) == 1_400


def test_a_header_beyond_all_measure_is_not_read():
    """At 16 KiB it ends: whoever sends more has nothing to say."""
    challenge = 'Bearer a="' + "b" * (LONGEST_CHALLENGES - 11) + '"'
    assert len(parse_challenges(challenge)) == 1
    assert parse_challenges(challenge + " ") == ()


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ('Bearer error="insufficient_scope", scope="read write admin"', {"write", "admin"}),
        ('Basic realm="x", Bearer error="insufficient_scope" scope="write"', {"write"}),
        ('Bearer error="insufficient_scope", scope="read"', set()),
        ('Bearer error="insufficient_scope"', set()),
        ('Bearer error="invalid_token", scope="write"', None),
        ('DPoP error="insufficient_scope", scope="write"', None),
        ("", None),
    ],
)
def test_missing_scopes(header: str, missing: set[str] | None) -> None:
    """What is named and not granted; nothing where no scope is named; None where the trouble is another."""
    assert missing_scopes(header, ["read"]) == missing
