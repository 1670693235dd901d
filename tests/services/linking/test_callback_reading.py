"""Reading callbacks, as a function of their text."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth import InvalidCallback, LinkingFailed, ProviderUnavailable
from extauth.services.linking.callback import read_callback

VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
PAIRS = st.lists(st.tuples(VALUES.filter(bool), VALUES), max_size=6, unique_by=lambda pair: pair[0])


class Multi(dict[str, list[str]]):
    """The multidict of aiohttp, of Starlette, Django and Werkzeug, or of HTTPX, by its method's name."""

    def __init__(self, values, method):
        super().__init__(values)
        setattr(self, method, super().__getitem__)

    def __getitem__(self, name):
        return super().__getitem__(name)[-1]

    def items(self):
        return {name: values[-1] for name, values in super().items()}.items()


def test_a_hundred_parameters_are_not_too_many():
    """No provider sends as many."""
    params = {f"p{number}": "" for number in range(98)}
    read_callback({**params, "code": "c", "state": "s"})


@pytest.mark.parametrize("method", ["getall", "getlist", "get_list", None])
def test_of_too_many_parameters_none_is_looked_for(method):
    """Starlette looks through all for each: a query of 70 KB kept the event loop for seconds."""
    params: dict[str, list[str]] = {f"p{number}": [""] for number in range(101)}
    given_params = params if method is None else Multi(params, method)
    if method is not None:
        setattr(given_params, method, lambda _: pytest.fail("it was looked for"))
    with pytest.raises(InvalidCallback, match="too many parameters"):
        read_callback(given_params)


@given(PAIRS, st.sampled_from(["https://app.example/cb?", "/cb?", "?", ""]))
def test_what_is_sent_is_read(pairs, prefix):
    """Every parameter comes out as it was put in, but for those without a value."""
    pairs = [("state", "s"), ("code", "c"), *(pair for pair in pairs if pair[0] not in {"state", "code"})]
    expected = {name: value for name, value in pairs if value}
    assert read_callback(prefix + urlencode(pairs)).params == expected
    assert read_callback(dict(pairs)).params == expected


@given(PAIRS.filter(bool), st.data())
def test_any_repeated_parameter_is_refused(pairs, data):
    """Even with the same value, or with none (RFC 6749 section 3.1)."""
    name, _ = data.draw(st.sampled_from(pairs))
    pairs = [*pairs, ("state", "s"), (name, data.draw(VALUES))]
    with pytest.raises(InvalidCallback):
        read_callback("/cb?" + urlencode(pairs))


@pytest.mark.parametrize("method", ["getall", "getlist", "get_list"])
def test_multidicts(method):
    """All values of a name are seen, by whatever method a web framework shows them."""
    assert read_callback(Multi({"state": ["s"], "code": ["c"]}, method)).params == {"state": "s", "code": "c"}
    with pytest.raises(InvalidCallback, match="repeated"):
        read_callback(Multi({"state": ["s"], "code": ["good", "evil"]}, method))


def test_parameters_that_did_not_come():
    """A handler that declares what may come, as FastAPI's do, has None for what did not."""
    code, state, error, iss = "c", "s", None, None
    read = read_callback({"code": code, "state": state, "error": error, "iss": iss})
    assert read.params == {"code": "c", "state": "s"}
    with pytest.raises(InvalidCallback, match="no state"):
        read_callback({"code": code, "state": None})


def test_real_multidicts():
    """Aiohttp's is one of them."""
    from multidict import CIMultiDict, MultiDict, MultiDictProxy

    for kind in (MultiDict, CIMultiDict):
        given_once = kind([("state", "s"), ("code", "c")])
        assert read_callback(MultiDictProxy(given_once)["state"] and given_once).params["code"] == "c"
        with pytest.raises(InvalidCallback, match="repeated"):
            read_callback(kind([("state", "s"), ("code", "c"), ("code", "d")]))


@given(st.one_of(st.text(), st.binary().map(lambda data: "/cb?" + data.decode("latin-1"))))
def test_junk_is_refused_or_read(text):
    """Nothing but the typed error comes out of any text, and reprs and errors show none of it."""
    try:
        callback = read_callback(text)
    except InvalidCallback as error:
        refusal = str(error)
    else:
        refusal = "the callback was read"
        assert callback.params["state"]
        assert all(value not in repr(callback) for value in callback.params.values() if len(value) > 8)
    assert re.fullmatch("(the|a parameter of the) callback [a-z ]+", refusal)


@pytest.mark.parametrize(
    "value", [b"bytes", 7, object(), [None], {"a": 1}, "nul\0", "\udfff", ["x", "y"], [[]]]
)
def test_values_that_are_no_text(value):
    """A posted file, bytes, or text that no store can keep are refused."""
    with pytest.raises(InvalidCallback):
        read_callback({"state": "s", "code": value})


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("/cb?state=s&code=b c", "spaces or control"),
        ("/cb?code=c&state=s\n", "spaces or control"),
        ("/cb?code=c\x7f&state=s", "spaces or control"),
        ("\tx:?code=c&state=s", "spaces or control"),
        ("/cb?code=c&state=s&" + "&".join(f"p{n}=" for n in range(99)), "too many"),
    ],
)
def test_urls_that_are_none(url, why):
    """Control characters, spaces and floods of parameters are refused."""
    with pytest.raises(InvalidCallback, match=why):
        read_callback(url)


def test_a_path_is_no_query():
    """Whatever it looks like: parameters come after a question mark."""
    with pytest.raises(InvalidCallback):
        read_callback("/cb&code=c&state=s")


@given(st.text(min_size=1))
def test_errors_repeat_nothing_unknown(error):
    """Whatever the provider calls its error, only a known code is repeated."""
    callback = read_callback({"state": "s", "error": "Zz9" + "".join(c for c in error if c.isalnum())})
    with pytest.raises((LinkingFailed, ProviderUnavailable)) as caught:
        callback.code("provider")
    assert "Zz9" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("code=0123&installation_id=1&setup_action=install", True),
        ("code=0123&state=", True),
        ("installation_id=1&setup_action=update", False),
    ],
)
def test_a_callback_that_nobody_began(query, told):
    """A code without a state is refused, and whoever began at the provider is told to begin here."""
    with pytest.raises(InvalidCallback, match="has no state") as caught:
        read_callback(f"https://app.example/callback?{query}")
    assert ("let them begin here" in str(caught.value)) is told
