"""A device flow as text: all of it comes back, and nothing else is taken for one."""

from __future__ import annotations

import json
import traceback
from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth import DeviceAuthorization, LinkKey

DEVICE = DeviceAuthorization(
    key=LinkKey("github/work", "alice"),
    device_code="device-secret",
    user_code="ABCD-EFGH",
    verification_uri="https://as.example/device",
    verification_uri_complete="https://as.example/device?user_code=ABCD-EFGH",
    expires_at=datetime(2031, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    interval=timedelta(seconds=7, microseconds=1),
    scopes=frozenset({"read", "\u00e9crire"}),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
SPANS = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=3650))


@given(
    st.builds(
        DeviceAuthorization,
        key=st.builds(LinkKey, TEXTS, TEXTS),
        device_code=TEXTS,
        user_code=TEXTS,
        verification_uri=TEXTS,
        verification_uri_complete=st.none() | TEXTS,
        expires_at=st.datetimes(
            min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - the strategy wants it so
            max_value=datetime(2100, 1, 1),  # noqa: DTZ001
            timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
        ),
        interval=SPANS,
        scopes=st.frozensets(TEXTS, max_size=3),
    )
)
def test_it_comes_back_whole(device: DeviceAuthorization) -> None:
    """Whatever it holds, to the microsecond, through text that any session can keep."""
    written = device.to_json()
    assert written.isascii()
    assert DeviceAuthorization.from_json(written) == device


def test_the_text_is_json_of_named_members() -> None:
    """Another process, of another version, reads the same names; what it does not know it passes over."""
    members = json.loads(DEVICE.to_json())
    assert members == {
        "provider_id": "github/work",
        "user_id": "alice",
        "device_code": "device-secret",
        "user_code": "ABCD-EFGH",
        "verification_uri": "https://as.example/device",
        "verification_uri_complete": "https://as.example/device?user_code=ABCD-EFGH",
        "expires_at": "2031-01-02T03:04:05.678901+00:00",
        "interval": 7.000001,
        "scopes": ["read", "\u00e9crire"],
    }
    assert DeviceAuthorization.from_json(json.dumps({**members, "later": [1]})) == DEVICE


ODD: dict[str, list[object]] = {
    "provider_id": ["", None, 7],
    "user_id": ["", "\0"],
    "device_code": [None, 7, "\0"],
    "user_code": [None, {}],
    "verification_uri": [None],
    "verification_uri_complete": [7],
    "expires_at": [None, 7, "soon", "2031-01-02T03:04:05"],
    "interval": [None, 0, -1, "5", 1e300, float("nan")],
    "scopes": [None, "read", [None], {"read": 1}],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, odd in ODD.items() for value in odd])
def test_odd_members_are_refused(name: str, value: object) -> None:
    """Each with one error that says what to do; a member that is missing likewise."""
    members = json.loads(DEVICE.to_json())
    without = {each: members[each] for each in members if each != name}
    for text in (json.dumps({**members, name: value}), json.dumps(without)):
        with pytest.raises(ValueError, match="let the user begin again"):
            DeviceAuthorization.from_json(text)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", "[" * 100_000, DEVICE.to_json()[:-1]])
def test_what_is_not_the_text_is_refused_without_a_word_of_it(text: str) -> None:
    """Neither the message, nor what stands behind it, nor a frame that it passed shows the device code."""
    with pytest.raises(ValueError, match="begin again") as caught:
        DeviceAuthorization.from_json(text)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack[1:]
    assert frames
    assert "device-secret" not in "".join(repr(frame.locals) for frame in frames)


def test_its_repr_shows_no_secret() -> None:
    """Nor does the repr of what comes back."""
    back = DeviceAuthorization.from_json(attrs.evolve(DEVICE).to_json())
    assert "device-secret" not in repr(back)
    assert "ABCD" not in repr(back)
