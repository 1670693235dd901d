"""How a redirect URI may be written, by a table; what could be done with the others is among the attacks."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from extauth.services.linking.redirect_uri_form import checked_redirect_uri

GOOD = [
    "https://app.example/callback",
    "https://app.example",
    "https://app.example?a=1",
    "https://app.example:8443/callback/github?tenant=1&empty=",
    "https://xn--bcher-kva.example/r%C3%BCckruf",
    "https://app.example/a/.../b..c/.d",
    "https://app.example//callback/",
    "https://192.0.2.1/callback",
    "https://[2001:db8::1]:8443/callback",
    "http://127.0.0.1/callback",
    "http://127.0.0.1:8000/callback",
    "http://127.1.2.3:8000/callback",
    "http://[::1]:8000/callback",
    "http://localhost:8000/callback",
    "http://app.localhost:8000/callback",
    "com.example.app:/callback/github",
    "com.example.app://callback",
]


@pytest.mark.parametrize("redirect_uri", GOOD)
def test_what_a_browser_writes_so_is_taken(redirect_uri):
    """As it is, also as a yarl.URL; deployments, development on loopback, and applications of one's own."""
    assert checked_redirect_uri(redirect_uri) == redirect_uri


def test_a_url_object_is_taken():
    """It has the form of a browser already."""
    assert checked_redirect_uri(URL("HTTPS://App.example:443/a/../b")) == "https://app.example/b"


@pytest.mark.parametrize(
    ("redirect_uri", "written"),
    [
        ("HTTPS://app.example/callback", "https://app.example/callback"),
        ("https://App.example/callback", "https://app.example/callback"),
        ("https://app.example:443/callback", "https://app.example/callback"),
        ("http://localhost:80/callback", "http://localhost/callback"),
        ("https://app.example:/callback", "https://app.example/callback"),
        ("https://app.example:08443/callback", "https://app.example:8443/callback"),
        ("https://app.example/a/../callback", "https://app.example/callback"),
        ("https://app.example/../callback", "https://app.example/callback"),
        ("https://app.example/./callback", "https://app.example/callback"),
        ("https://app.example/a/%2E%2e/callback", "https://app.example/callback"),
        ("https://app.example/a/.%2e/callback", "https://app.example/callback"),
        ("https://app.example/callback/.", "https://app.example/callback/"),
        ("https://app.example/a/b/../callback", "https://app.example/a/callback"),
        ("https://app.example/callback/..?a=1", "https://app.example/?a=1"),
        ("https://[2001:DB8:0:0::1]/callback", "https://[2001:db8::1]/callback"),
        ("http://[0:0:0:0:0:0:0:1]/callback", "http://[::1]/callback"),
    ],
)
def test_what_a_browser_writes_otherwise_is_refused(redirect_uri, written):
    """The error says how to write it, and that is taken."""
    with pytest.raises(ValueError, match="must be written as a browser does") as caught:
        checked_redirect_uri(redirect_uri)
    assert str(caught.value).endswith(f": {written}")
    assert checked_redirect_uri(written) == written


@pytest.mark.parametrize(
    ("redirect_uri", "message"),
    [
        ("javascript:alert(1)//https://app.example/callback", "own scheme, in lower case and with a dot"),
        ("data:text/html,x", "with a dot"),
        ("file:///callback", "with a dot"),
        ("myapp://callback", "RFC 8252 section 7.1"),
        ("Com.Example.App:/callback", "in lower case"),
        ("http://app.example/callback", "https://.* loopback"),
        ("http://192.168.0.1/callback", "https://.* loopback"),
        ("http://localhost.example/callback", "https://.* loopback"),
        ("http://127.0.0.1.example/callback", "https://.* loopback"),
        ("https://user:leaked-secret@app.example/callback", "no user name or password"),
        ("https://@app.example/callback", "no user name or password"),
        ("https://app.example\\@evil.example/callback", "only the characters of a URI"),
        ("https://app.example\\.evil.example/callback", "only the characters of a URI"),
        ("https://app.example/call\tback", "only the characters of a URI"),
        ("https://app.example/callback\n", "only the characters of a URI"),
        ("https://bücher.example/callback", "xn-- form"),
        ("https://app。example/callback", "xn-- form"),
        ("https://app.example/rückruf", "only the characters of a URI"),
        ("https://app.example/100%", "only the characters of a URI"),
        ("https://app%2eexample/callback", "host and a port that can be read"),
        ("https://127.1/callback", "host and a port that can be read"),
        ("http://2130706433/callback", "host and a port that can be read"),
        ("http://0x7f.0.0.1/callback", "host and a port that can be read"),
        ("https://[::1%25eth0]/callback", "host and a port that can be read"),
        ("https://[::1/callback", "host and a port that can be read"),
        ("https://app.example:99999/callback", "host and a port that can be read"),
        ("https:/app.example/callback", "host and a port that can be read"),
        ("https:app.example/callback", "host and a port that can be read"),
        ("https:///callback", "host and a port that can be read"),
        ("//app.example/callback", "absolute"),
        ("/callback", "absolute"),
        ("", "absolute"),
        ("https://app.example/callback#", "without a fragment"),
        ("https://app.example/callback?code=mine", "have none of code"),
        ("https://app.example/callback?state=", "have none of code"),
        ("https://app.example/callback?a=1&a=2", "not repeat"),
    ],
)
def test_what_is_unsafe_or_ambiguous_is_refused(redirect_uri, message):
    """The error says what to write instead, and repeats no password."""
    with pytest.raises(ValueError, match=message) as caught:
        checked_redirect_uri(redirect_uri)
    assert "leaked-secret" not in str(caught.value)
    assert str(caught.value).isprintable()


@given(
    st.sampled_from(["https://app.example", "http://localhost:8000", "https://[::1]", "https://"]),
    st.text("/.%2eE\\@:?a1[]", max_size=12),
)
def test_whatever_is_taken_is_read_one_way(start, rest):
    """What is taken is to another reader of URLs the same, and of the same host."""
    try:
        taken = checked_redirect_uri(start + rest)
    except ValueError:
        return
    parts, other = urlsplit(taken), URL(taken)
    assert (other.scheme, other.user, other.host) == (parts.scheme, None, parts.hostname)
    assert not {".", ".."} & set(unquote(parts.path).split("/"))
