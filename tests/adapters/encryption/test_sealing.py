"""A sealed text opens in its own place, with its own key, whole; nowhere else, and in no other way."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from extauth.adapters.encryption.sealing import (
    KeyName,
    SealingKey,
    Trouble,
    associated,
    decoded,
    encoded,
    named_key,
    seal,
    unseal,
)
from extauth.adapters.encryption.xaes import NONCE_BYTES, Xaes256Gcm
from extauth.domain.sealed import is_sealed, sealing_key_id

texts = st.text(st.characters(exclude_categories=["Cs"]))
contexts = st.lists(st.text(), min_size=1, max_size=6).map(tuple)


def key(key_id: str = "k1", wrapped: str = "") -> SealingKey:
    """Make a key of that name."""
    return SealingKey(KeyName(key_id, wrapped), Xaes256Gcm(os.urandom(32)))


KEY = key()

_PAYLOAD = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXkbmqMqNjnoa2K5-Y6i_OyVJZ9-JYbw"
STORED = {"": f"$extauth1$k1$${_PAYLOAD}", "d3JhcHBlZA": f"$extauth1$k1$d3JhcHBlZA${_PAYLOAD}"}
"""By the wrapped data key."""


@given(texts, contexts)
def test_it_opens_where_it_was_sealed(text, context):
    """Any text comes back; what is stored names the key, and shows nothing of it."""
    sealed = seal(KEY, text, context)
    assert unseal(KEY, sealed, context) == text
    assert named_key(sealed) == KeyName("k1")
    assert (is_sealed(sealed), sealing_key_id(sealed), sealed.isascii()) == (True, "k1", True)


@given(texts, contexts, contexts)
def test_it_opens_nowhere_else(text, context, other):
    """A text that was moved is not authentic."""
    if context != other:
        assert unseal(KEY, seal(KEY, text, context), other) == Trouble("not_authentic", "k1")


@given(contexts, contexts)
def test_no_two_places_are_written_alike(one, other):
    """Neither where a part ends nor how many there are can be mistaken."""
    assert (associated("k", one) == associated("k", other)) == (one == other)


def test_places_that_a_separator_would_confuse():
    """Texts that look alike when joined are different places."""
    places = [("a", "b", "c"), ("a", "bc", ""), ("ab", "c"), ("a/b", "c"), ("a", "b/c"), ("", "a", "b", "c")]
    assert len({associated("k", place) for place in places}) == len(places)


@given(st.data())
def test_no_character_can_be_changed(data):
    """Whatever is changed, left out or added: it does not open, or opens as what it was."""
    sealed = seal(KEY, "a token", ("place",))
    place = data.draw(st.integers(len("$extauth1$"), len(sealed) - 1))
    put = data.draw(st.text(max_size=2))
    changed = sealed[:place] + put + sealed[place + data.draw(st.integers(0, 2)) :]
    name = named_key(changed)
    opened = name if isinstance(name, Trouble) else unseal(KEY, changed, ("place",))
    if name == KEY.name and changed != sealed:
        assert opened == Trouble("not_authentic", "k1")


def test_another_key():
    """Neither a key of another id opens it, nor another key of that id, nor the same key by another id."""
    sealed = seal(KEY, "a token", ("place",))
    for other in (key("k2"), key("k1"), SealingKey(KeyName("k2"), KEY.cipher)):
        assert unseal(other, sealed, ("place",)) == Trouble("not_authentic", other.name.key_id)


def test_no_two_are_alike():
    """The same text for the same place is another one each time, so that equal tokens do not show."""
    assert len({seal(KEY, "a token", ("place",)) for _ in range(100)}) == 100


def test_the_nonce_is_all_random_bytes():
    """As many bytes are drawn as the nonce has, once for each text."""
    drawn: list[int] = []

    def draw(count: int) -> bytes:
        drawn.append(count)
        return os.urandom(count)

    seal(KEY, "a token", ("place",), draw)
    assert drawn == [24]


def test_a_wrapped_data_key_goes_along():
    """The text carries all that a key service needs to open it."""
    sealed = seal(key("arn:aws:kms:eu-west-1:1:key/a", "d3JhcHBlZA"), "a token", ("place",))
    assert named_key(sealed) == KeyName("arn:aws:kms:eu-west-1:1:key/a", "d3JhcHBlZA")


def test_what_was_stored_opens():
    """How a text is written stays the same as long as the format's name does."""
    cipher, place = Xaes256Gcm(bytes(range(32))), ("links", "github", "alice", "access_token", "")
    for wrapped, stored in STORED.items():
        known = SealingKey(KeyName("k1", wrapped), cipher)
        assert seal(known, "a text", place, lambda count: bytes(range(count))) == stored
        assert unseal(known, stored, place) == "a text"


@given(st.binary())
def test_bytes_as_text(data):
    """In base64url without padding, which reads back; nothing else does."""
    text = encoded(data)
    assert (len(text), decoded(text)) == (-(-len(data) * 4 // 3), data)
    assert decoded(f"{text}=") is None


def test_what_is_too_short():
    """Of a text that was cut off in the nonce or in the tag nothing opens."""
    for length in range(NONCE_BYTES + 16):
        short = f"$extauth1$k1$${encoded(bytes(length))}"
        assert unseal(KEY, short, ("place",)) == Trouble("not_authentic", "k1")


def test_what_is_no_sealed_text():
    """A later format is told apart from a damaged text."""
    assert named_key("$extauth2$k1$whatever$more") == Trouble("unknown_format", "k1")
    assert named_key("$extauth1$k1$too-few") == Trouble("not_authentic", "k1")
    assert named_key("$extauth1$k1$$a$b") == Trouble("not_authentic", "k1")
    assert not is_sealed("gho_16C7e42F292c6912E7710c838347Ae178B4a")


@given(st.binary())
def test_base64url(data):
    """Bytes come back, and no other spelling of them is taken."""
    text = encoded(data)
    assert decoded(text) == data
    for other in (text + "=", text + "\n", text + "é", " " + text):
        assert decoded(other) is None
