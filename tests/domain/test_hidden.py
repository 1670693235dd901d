"""Secrets on their way through a function."""

from __future__ import annotations

from extauth.domain.hidden import Hidden, HiddenText, NamesOnly, plain


def test_what_hides_a_value_still_has_it() -> None:
    """Only the ``repr`` is another."""
    assert (Hidden("secret").value, str(HiddenText("secret")), NamesOnly({"a": "secret"})["a"]) == (
        "secret",
    ) * 3


def test_a_hidden_value_is_not_shown() -> None:
    """Not in the ``repr``, which tools that report errors print."""
    assert repr(Hidden("secret")) == "Hidden()"


def test_a_hidden_text_is_not_shown() -> None:
    """Nor how long it is, nor its beginning, to which tools cut it before they show it."""
    assert repr(HiddenText("secret")) == repr(HiddenText("secret")[:3]) == "<hidden>"
    assert HiddenText("secret")[:3] == "sec"


def test_names_are_shown_without_their_values() -> None:
    """In the order in which they are there."""
    given = {"client_id": "public", "client_secret": "secret"}
    assert repr(NamesOnly(given)) == "NamesOnly(client_id, client_secret)"


def test_values_by_name_are_hidden_from_those_who_look_into_them() -> None:
    """Tools that report errors look into mappings, whatever their ``repr``."""
    given = {"a": "secret", "b": [{"c": "secret"}], "d": 7, "e": None}
    kept = NamesOnly(given)
    assert kept == given
    assert repr(dict(kept)) == "{'a': <hidden>, 'b': [{'c': <hidden>}], 'd': 7, 'e': None}"


def test_values_by_name_may_be_nested_as_deep_as_json_can_be() -> None:
    """Beyond what anybody looks into they are left as they are."""
    for wrapped in (lambda inner: [inner], lambda inner: {"b": inner}):
        deep: object = "secret"
        for level in range(900):
            kept = NamesOnly({"a": deep})
            assert kept == {"a": deep}
            assert ("<hidden>" in repr(dict(kept))) is (level <= 8)
            deep = wrapped(deep)


def test_what_is_no_secret_is_shown_again() -> None:
    """However deep its texts are in what was hidden as a whole; the rest is as it was."""
    hidden = NamesOnly({"a": "one", "b": [{"c": "two"}, 7], "d": {"e": "three"}, "f": None})
    shown = plain(dict(hidden))
    assert repr(shown) == "{'a': 'one', 'b': [{'c': 'two'}, 7], 'd': {'e': 'three'}, 'f': None}"
    assert type(plain(HiddenText("one"))) is str


def test_what_is_shown_again_may_be_nested_as_deep_as_it_likes() -> None:
    """All that was hidden in it is shown, and what is deeper is left to whoever says how deep it may be."""
    for wrapped in (lambda inner: [inner], lambda inner: {"b": inner}):
        deep: object = "one"
        for _ in range(20):
            assert "<hidden>" not in repr(plain(dict(NamesOnly({"a": deep}))))
            deep = wrapped(deep)
        for _ in range(5000):
            deep = wrapped(deep)
        assert type(plain(deep)) is type(deep)
