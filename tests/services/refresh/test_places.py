"""Places in the line at a provider."""

from __future__ import annotations

from extauth import LinkKey
from extauth.services.refresh import places
from extauth.services.refresh.places import Places, Waiter

NOW = 1000.0
LATER = NOW + 60.0


def key(user: str) -> LinkKey:
    """That user's link."""
    return LinkKey("crm", user)


def join(line: Places, *users: str, now: float = NOW, patience: float = LATER, hurry_at: float = 0) -> None:
    """Let them wait, in this order."""
    for user in users:
        line.join(key(user), now, patience, hurry_at)


def users(waiters: list[Waiter]) -> str:
    """Whose they are."""
    return "".join(waiter.key.user_id for waiter in waiters)


def all_in_turn(line: Places, now: float = NOW) -> str:
    """Take everybody out, one after the other."""
    taken = []
    while (waiter := line.next(now)) is not None:
        taken.append(waiter)
    return users(taken)


async def test_first_come_first_served():
    """Where nobody has a token that works; each is there once, until it is taken out."""
    line = Places()
    join(line, *"abc")
    assert users(line.in_order()) == "abc"
    assert len(line) == 3
    assert all_in_turn(line) == "abc"
    assert len(line) == 0
    assert users(line.in_order()) == ""


async def test_whose_token_still_works_lets_others_go_first():
    """Those whose token ends first come first among them; once it has ended they have waited the longest."""
    line = Places()
    join(line, "x", hurry_at=NOW + 9)
    join(line, "y", hurry_at=NOW + 5)
    join(line, *"ab")
    assert users(line.in_order()) == "abyx"
    assert all_in_turn(line) == "abyx"
    join(line, "x", hurry_at=NOW + 9)
    join(line, "y", hurry_at=NOW + 5)
    join(line, *"ab")
    assert all_in_turn(line, NOW + 5) == "yabx"


async def test_who_was_told_otherwise_is_passed_over():
    """Whether it was cancelled or its patience has ended, of those in a hurry and of the others."""
    line = Places()
    join(line, *"ab")
    join(line, *"xyz", hurry_at=NOW + 9)
    for waiter in line.in_order():
        if waiter.key.user_id in "ax":
            waiter.turn.cancel()
            line.leave(waiter)
    assert users(line.in_order()) == "byz"
    assert len(line) == 3
    assert all_in_turn(line) == "byz"


async def test_who_is_impatient_is_taken_out_in_order():
    """At the end of its patience; then the next one's counts, and with nobody none."""
    line = Places()
    join(line, "a", patience=NOW + 3)
    join(line, "b", patience=NOW + 1)
    join(line, "c", patience=NOW + 2)
    line.in_order()[0].turn.cancel()
    assert line.patient_until() == NOW + 1
    assert users(line.impatient(NOW)) == ""
    assert users(line.impatient(NOW + 2)) == "bc"
    assert line.patient_until() == float("inf")
    assert users(line.impatient(NOW + 9)) == ""


async def test_who_was_sent_away_comes_back_to_its_place():
    """However often it was, when it was due each time."""
    line = Places()
    assert line.send_away(key("a"), NOW, NOW + 2, 1.0) == NOW + 2
    assert line.send_away(key("x"), NOW, NOW + 2, 1.0) == NOW + 3
    assert not line.is_due(key("a"), NOW + 1)
    assert line.is_due(key("a"), NOW + 2)
    assert line.send_away(key("a"), NOW + 2, NOW + 4, 1.0) == NOW + 5
    join(line, *"xa", now=NOW + 5)
    assert all_in_turn(line, NOW + 5) == "ax"


async def test_who_was_served_has_no_place():
    """Nor does anybody wait behind it any more."""
    line = Places()
    for user in "ab":
        line.send_away(key(user), NOW, NOW + 2, 1.0)
    line.forget(key("a"))
    line.forget(key("a"))
    line.forget(key("nobody"))
    assert line.send_away(key("c"), NOW, NOW + 2, 1.0) == NOW + 3
    assert not line.is_due(key("a"), NOW + 9)
    join(line, *"ba", now=NOW + 3)
    assert all_in_turn(line, NOW + 3) == "ba"


async def test_each_is_told_a_time_of_its_own():
    """After those who wait, and those who were told one and are not due yet."""
    line = Places()
    join(line, *"ab")
    assert [line.send_away(key(user), NOW, NOW, 2.0) - NOW for user in "xyzx"] == [1.0, 1.5, 2.0, 1.0]
    assert all_in_turn(line) == "ab"
    assert line.send_away(key("w"), NOW + 1.5, NOW + 1.5, 2.0) - NOW == 2.0, "behind z alone"


async def test_places_are_kept_for_an_hour(monkeypatch):
    """After that they are forgotten, when there are many, and those that are not due yet never."""
    monkeypatch.setattr(places, "_MANY", 3)
    line = Places()
    for user, due in (("old", NOW + 1), ("late", NOW + 2), ("due", NOW + 3601)):
        line.send_away(key(user), NOW - 1, due, 1000.0)
    line.send_away(key("new"), NOW + 3601, NOW + 3602, 1.0)
    kept = [user for user in ("old", "late", "due", "new") if line.is_due(key(user), NOW + 9999)]
    assert kept == ["late", "due", "new"]
