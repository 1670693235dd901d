"""What real servers send to be left alone for a while, and what is read in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.adapters.oauth2.reading.retry_after import LONGEST_WAIT, retry_after, speaks_of_a_limit

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
MINUTE = timedelta(minutes=1)

SENT = [
    # A wait.
    pytest.param("RFC 9110, section 10.2.3", {"retry-after": "60"}, MINUTE),
    pytest.param("RFC 9110, as a date", {"retry-after": "Fri, 02 Jan 2026 03:05:05 GMT"}, MINUTE),
    pytest.param("better-auth, docs/concepts/rate-limit", {"x-retry-after": "60"}, MINUTE),
    pytest.param("Docker Hub, docs/docker-hub/usage", {"x-retry-after": f"{EPOCH + 60}"}, MINUTE),
    pytest.param("Azure OpenAI, quickstart on 429", {"retry-after-ms": "1500"}, timedelta(seconds=1.5)),
    pytest.param("Azure Cosmos DB, REST headers", {"x-ms-retry-after-ms": "60000"}, MINUTE),
    # A limit of three fields; its reset is an instant.
    pytest.param(
        "GitHub, docs.github.com/rest, rate limits",
        {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{EPOCH + 60}"},
        MINUTE,
    ),
    pytest.param(
        "Okta, developer.okta.com, rl-best-practices",
        {"x-rate-limit-limit": "600", "x-rate-limit-remaining": "0", "x-rate-limit-reset": f"{EPOCH + 60}"},
        MINUTE,
    ),
    pytest.param(
        "X, docs.x.com, rate limits",
        {"x-rate-limit-remaining": "0", "x-rate-limit-reset": f"{EPOCH + 60}"},
        MINUTE,
    ),
    pytest.param(
        "GitLab, administration/settings/user_and_ip_rate_limits",
        {"ratelimit-limit": "60", "ratelimit-remaining": "0", "ratelimit-reset": f"{EPOCH + 60}"},
        MINUTE,
    ),
    pytest.param(
        "Linear, developers/rate-limiting, in milliseconds",
        {
            "x-ratelimit-requests-limit": "5000",
            "x-ratelimit-requests-remaining": "0",
            "x-ratelimit-requests-reset": f"{(EPOCH + 60) * 1000}",
        },
        MINUTE,
    ),
    pytest.param(
        "Linear, of one endpoint",
        {
            "x-ratelimit-requests-remaining": "4990",
            "x-ratelimit-requests-reset": f"{(EPOCH + 3000) * 1000}",
            "x-ratelimit-endpoint-requests-remaining": "0",
            "x-ratelimit-endpoint-requests-reset": f"{(EPOCH + 60) * 1000}",
        },
        MINUTE,
    ),
    pytest.param(
        "Discord, docs.discord.com/developers/topics/rate-limits, fractional",
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{EPOCH + 60}.250"},
        timedelta(seconds=60.25),
    ),
    pytest.param(
        "Rachio, community notice of 2018, as ISO 8601",
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2026-01-02T03:05:05Z"},
        MINUTE,
    ),
    # A limit of three fields; its reset is a span.
    pytest.param(
        "Discord, without any clock",
        {
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": f"{EPOCH + 9}.250",
            "x-ratelimit-reset-after": "1.5",
        },
        timedelta(seconds=1.5),
    ),
    pytest.param(
        "Reddit, github.com/reddit-archive/reddit/wiki/API; its numbers are rough",
        {"x-ratelimit-used": "600", "x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "60"},
        MINUTE,
    ),
    pytest.param(
        "Fitbit, dev.fitbit.com, rate limits",
        {
            "fitbit-rate-limit-limit": "150",
            "fitbit-rate-limit-remaining": "0",
            "fitbit-rate-limit-reset": "60",
        },
        MINUTE,
    ),
    pytest.param(
        "draft-ietf-httpapi-ratelimit-headers-06",
        {"ratelimit-limit": "100", "ratelimit-remaining": "0", "ratelimit-reset": "60"},
        MINUTE,
    ),
    # One field.
    pytest.param(
        "draft-ietf-httpapi-ratelimit-headers-07",
        {"ratelimit": "limit=100, remaining=0, reset=60", "ratelimit-policy": "100;w=60"},
        MINUTE,
    ),
    pytest.param(
        "draft-ietf-httpapi-ratelimit-headers-08 and later",
        {"ratelimit": '"default";r=0;t=60', "ratelimit-policy": '"default";q=100;w=60'},
        MINUTE,
    ),
]


@pytest.mark.parametrize(("source", "headers", "expected"), SENT)
@pytest.mark.parametrize("limited", [False, True])
def test_what_real_servers_send_is_read(
    source: str, headers: dict[str, str], expected: timedelta, limited: bool
) -> None:
    """Whatever the form, the wait is the same."""
    assert expected == retry_after(headers, NOW, limited=limited), source


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-ratelimit-reset": "60"}, MINUTE),
        ({"x-ratelimit-limit": "5", "x-ratelimit-reset": f"{EPOCH + 60}"}, MINUTE),
        ({"x-ratelimit-remaining": "7", "x-ratelimit-reset": "60"}, None),
        ({"ratelimit": '"hour";r=3;t=60'}, None),
    ],
)
def test_a_limit_that_does_not_say_what_remains_counts_with_status_429(
    headers: dict[str, str], expected: timedelta | None
) -> None:
    """The status says that it is used up; with another status it may be far from that."""
    assert expected == retry_after(headers, NOW, limited=True)
    assert retry_after(headers, NOW) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ('"minute";r=0;t=20, "day";r=0;t=500', 500),
        ('"minute";r=0;t=20, "day";r=99;t=500', 20),
        ('"minute" ; r=0 ; t=20', 20),
        ('"a, b;r=5;t=9";r=0;t=20', 20),
        (r'"a\";r=5";t=20;r=0', 20),
        ('"day";r=0', None),
        ('"day";t=20', None),
        ("remaining=0", None),
        ("limit=10, remaining=4, reset=20", None),
        ('"unfinished;r=0;t=20', 20),
        ('"default";r=0;t=999999999999999', 3600),
        ("remaining=0, reset=999999999999999", 3600),
        ("", None),
    ],
)
def test_all_quotas_that_are_used_up_must_have_been_reset(value: str, seconds: int | None) -> None:
    """The draft's list has several; what stands in a name is no parameter."""
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert expected == retry_after({"ratelimit": value}, NOW)


def test_only_the_beginning_of_an_endless_list_is_read() -> None:
    """What a hostile server could make expensive to read is cut off."""
    late = ', "late";r=0;t=20'
    assert retry_after({"ratelimit": '"day";r=5' + late}, NOW) == timedelta(seconds=20)
    assert retry_after({"ratelimit": '"day";r=5' + ", x" * 400 + late}, NOW) is None


def test_the_longest_of_several_limits_counts() -> None:
    """Before all of them are reset the next request is refused again."""
    headers = {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "5",
        "ratelimit-remaining": "0",
        "ratelimit-reset": "60",
    }
    assert retry_after(headers, NOW) == MINUTE


@pytest.mark.parametrize("skew", [timedelta(days=-400), timedelta(days=400)])
@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "Fri, 02 Jan 2026 03:05:05 GMT"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{EPOCH + 60}"},
    ],
)
def test_a_wrong_clock_of_this_machine_does_not_matter(headers: dict[str, str], skew: timedelta) -> None:
    """An instant is compared with the time that the server itself says it is."""
    dated = {**headers, "date": format_datetime(NOW, usegmt=True)}
    assert retry_after(dated, NOW + skew) == MINUTE


@pytest.mark.parametrize(("source", "headers", "expected"), SENT)
def test_such_an_answer_speaks_of_a_limit(source: str, headers: dict[str, str], expected: timedelta) -> None:
    """Status 403 with any of them is a rate limit, as GitHub answers, not a refusal."""
    assert speaks_of_a_limit(headers), (source, expected)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-reset": "60"},
        {"x-ratelimit-remaining": "1", "x-ratelimit-reset": "60"},
        {"x-rate-limit-remaining": "none"},
        {"ratelimit": '"default";r=5;t=60'},
    ],
)
def test_a_count_that_is_not_used_up_does_not(headers: dict[str, str]) -> None:
    """Many servers send their counts with every answer."""
    assert not speaks_of_a_limit(headers)


TEXTS = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[0-9]{1,30}(\.[0-9]{1,5})?", fullmatch=True),
    st.from_regex(r'"[a-z]*";r=[0-9]{1,20};t=[0-9]{1,20}', fullmatch=True),
)
NAMES = st.sampled_from(
    sorted({name for param in SENT for name in param.values[1]} | {"date", "retry-after"})  # type: ignore[union-attr]
)


@given(st.dictionaries(NAMES, TEXTS), st.booleans())
def test_nothing_that_is_sent_is_an_error_or_a_long_wait(headers: dict[str, str], limited: bool) -> None:
    """Any headers give no wait, or one that is positive and bounded."""
    wait = retry_after(headers, NOW, limited=limited)
    assert wait is None or timedelta(0) < wait <= LONGEST_WAIT
