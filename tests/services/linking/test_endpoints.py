"""A server that publishes another's endpoints as its own is not connected."""

from __future__ import annotations

from typing import Any

import pytest

from extauth import LinkingService, ProviderMisconfigured
from extauth.adapters.discovery import ServerMetadata
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import AuthorizationRules, OAuth2Provider
from extauth.adapters.providers import google
from extauth.services.linking import endpoints

AUTHORIZE, TOKEN = "https://honest.example/authorize", "https://honest.example/oauth/token"


def honest(**others: Any) -> OAuth2Provider:
    """Return the application's own provider, whose endpoints it has written itself."""
    given = {"authorize_url": AUTHORIZE, "token_url": TOKEN, **others}
    return OAuth2Provider("honest", client_id="c", client_secret="s", **given)


def published(issuer: str = "https://evil.example", provider_id: str = "evil", **found: Any) -> Any:
    """Return a provider that was made of what an issuer publishes."""
    metadata = ServerMetadata(
        issuer=issuer,
        code_challenge_methods=("S256",),
        **{
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "device_authorization_endpoint": f"{issuer}/device",
            **found,
        },
    )
    return metadata.provider(provider_id, client_id="c")


async def begun(provider_id: str, *providers: Any, store: Any = None) -> str | None:
    """Begin, and return the reason why not."""
    async with LinkingService(store or MemoryLinkStore(), providers) as linking:
        try:
            await linking.begin(provider_id, "alice", f"https://app.example/callback/{provider_id}")
        except ProviderMisconfigured as error:
            return error.reason
    return None


@pytest.mark.parametrize(
    "found",
    [
        {"token_endpoint": TOKEN},
        {"authorization_endpoint": AUTHORIZE},
        {"token_endpoint": "https://HONEST.example:443/oauth//token/"},
        {"token_endpoint": "https://honest.example./oauth/%74oken?x=1"},
        {"token_endpoint": "https://honest.example/OAuth/token;v=1"},
        {"token_endpoint": AUTHORIZE},
    ],
)
@pytest.mark.parametrize("order", [1, -1])
async def test_another_server_s_endpoint(found, order):
    """It is refused however it writes the URL; the application's own provider goes on."""
    providers = [honest(), published(**found)][::order]
    assert await begun("evil", *providers) == "foreign_endpoint"
    assert await begun("honest", *providers) is None


async def test_by_another_service_on_the_store():
    """A service for each provider sees it once the owner was seen, and keeps nobody else out."""
    store = MemoryLinkStore()
    assert await begun("evil", published(token_endpoint=TOKEN), store=store) is None
    assert await begun("honest", honest(), store=store) is None
    assert await begun("evil", published(token_endpoint=TOKEN), store=store) == "foreign_endpoint"
    assert await begun("evil", published(token_endpoint=TOKEN)) is None


async def test_in_the_device_flow():
    """There, too: what comes of it is stored as its link."""
    async with LinkingService(MemoryLinkStore(), [honest(), published(token_endpoint=TOKEN)]) as linking:
        with pytest.raises(ProviderMisconfigured, match="that of honest, too"):
            await linking.begin_device("evil", "alice")


async def test_whoever_is_at_home_there():
    """A server that was discovered has the endpoints of its issuer's host, whoever else has them."""
    found = published("https://honest.example", authorization_endpoint=AUTHORIZE, token_endpoint=TOKEN)
    assert await begun("evil", honest(), found) is None
    assert await begun("honest", honest(), found) is None


async def test_the_same_issuer():
    """One server twice, as a preset and discovered, with endpoints at other hosts than the issuer's."""
    found = published("https://accounts.google.com", token_endpoint="https://oauth2.googleapis.com/token")
    preset = google(client_id="c", client_secret="s")
    written = OAuth2Provider(
        "other", client_id="c", client_secret="s", token_url="https://oauth2.googleapis.com/token"
    )
    assert await begun("evil", preset, found, written) is None
    assert await begun("evil", found, written) == "foreign_endpoint"


async def test_one_endpoint_of_its_own_excuses_no_other():
    """A server that has one by the application's word is refused for the other one."""
    for number in range(20):  # in which order they are looked at is chance
        login = f"https://login-{number}.example/authorize"
        written = OAuth2Provider(
            "written",
            client_id="c",
            client_secret="s",
            issuer="https://evil.example",
            authorize_url=login,
            token_url="https://evil.example/token",
        )
        assert await begun("evil", written, published(authorization_endpoint=login)) is None
        found = published(authorization_endpoint=login, token_endpoint=TOKEN)
        assert await begun("evil", written, honest(), found) == "foreign_endpoint"


async def test_what_the_application_writes_is_its_own_business():
    """Two providers by hand may share what they like, whatever issuer they have."""
    other = OAuth2Provider(
        "other", client_id="c", client_secret="s", token_url=TOKEN, issuer="https://other.example"
    )
    assert await begun("honest", honest(), other) is None


async def test_two_that_only_say_so():
    """Nobody knows whose it is, so neither is connected."""
    both = [
        published(token_endpoint=TOKEN),
        published("https://worse.example", "worse", token_endpoint=TOKEN),
    ]
    assert await begun("evil", *both) == "foreign_endpoint"
    assert await begun("worse", *both) == "foreign_endpoint"


async def test_rules_of_the_application_change_nothing_of_it():
    """It is published all the same."""
    provider = ServerMetadata(issuer="https://evil.example", token_endpoint=TOKEN).provider(
        "evil", client_id="c", authorization=AuthorizationRules(), authorize_url="https://evil.example/a"
    )
    assert await begun("evil", honest(), provider) == "foreign_endpoint"


def test_not_all_are_remembered(monkeypatch):
    """The oldest are forgotten first; one that is seen again is young."""
    monkeypatch.setattr(endpoints, "_MOST_ENDPOINTS", 2)
    known = endpoints.KnownEndpoints()
    one, two, three = [(("h", 443), (each,)) for each in "abc"]
    for each in (one, two, one, three):
        known.note(frozenset([each]), "server")
    assert [bool(known.owners(each)) for each in (one, two, three)] == [True, False, True]
