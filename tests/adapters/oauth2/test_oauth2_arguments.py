"""What a provider says to arguments that cannot be meant."""

from __future__ import annotations

import inspect
from typing import get_type_hints

import pytest
from aiohttp import ClientSession
from yarl import URL

from extauth.adapters.oauth2 import OAuth2Provider, ReplyRules
from extauth.adapters.oauth2.options import ProviderOptions

TOKEN_URL = "https://p.example/token"


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        (
            {"replies": ReplyRules},
            r"replies must be of ReplyRules, not the class ReplyRules; write replies=Rep",
        ),
        (
            {"traits": {"rotates": True}},
            r"traits must be of ProviderTraits, not dict; write traits=ProviderTr",
        ),
        ({"timeouts": 30}, r"timeouts must be of HttpTimeouts, not int; write timeouts=HttpTimeouts\(...\)"),
        ({"session": ClientSession}, "session must be of ClientSession, not the class ClientSession; write"),
        ({"requests": None}, "requests must be of TokenRequests, not None; write requests=TokenRequests"),
        ({"token_url": b"https://p.example/token"}, r"not bytes; decode it: value.decode\(\)"),
        ({"token_url": None}, r"token_url must be a str or a yarl.URL, not None; is it configured\?"),
        ({"authorize_url": 5}, r"authorize_url must be a str or a yarl.URL, not int"),
        ({"issuer": URL("https://p.example")}, "issuer must be a str, not URL; write it as the server does"),
    ],
)
def test_an_argument_of_another_type_is_told_what_to_write(keywords, message):
    """A class that was not called, or a number, fails when the provider is made."""
    with pytest.raises(TypeError, match=message):
        OAuth2Provider("p", **{"client_id": "c", "client_secret": "s", "token_url": TOKEN_URL, **keywords})


def test_endpoints_may_be_urls_of_yarl():
    """The URL objects of aiohttp are as good as text, and just as well looked at."""
    keywords = {"client_id": "c", "client_secret": "s", "authorize_url": URL("https://p.example/authorize")}
    client = OAuth2Provider("p", token_url=URL(TOKEN_URL), **keywords)
    assert client.origin.token_endpoint == TOKEN_URL
    assert client.authorize_url == "https://p.example/authorize"
    with pytest.raises(ValueError, match="secrets are sent there"):
        OAuth2Provider("p", token_url=URL("http://p.example/token"), **keywords)


SECRET = "s3cret-in-a-wrong-place"


def refusal(**keywords):
    """Return what the provider says to these arguments, or nothing if it takes them."""
    try:
        OAuth2Provider(**keywords)
    except (ValueError, TypeError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize("keyword", sorted(inspect.signature(OAuth2Provider).parameters))
@pytest.mark.parametrize("value", [SECRET, SECRET.encode(), [SECRET, b"x"], {SECRET: SECRET}], ids=repr)
def test_a_secret_in_a_wrong_place_is_not_repeated(keyword, value):
    """Whichever keyword it is given to: if that is an error, the message does not show it."""
    keywords = {"provider_id": "p", "client_id": "c", "client_secret": "s", "token_url": TOKEN_URL}
    assert SECRET not in refusal(**{**keywords, keyword: value})


def test_the_options_are_the_keywords():
    """A type checker knows by them what the class takes, with the same types."""
    keywords = get_type_hints(OAuth2Provider.__init__)
    own = {"provider_id", "client_id", "client_secret", "scopes", "return"}
    assert get_type_hints(ProviderOptions) == {
        name: kind for name, kind in keywords.items() if name not in own
    }
