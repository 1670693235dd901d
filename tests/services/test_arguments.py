"""What the services say to arguments that cannot be meant."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

import extauth
from extauth import (
    InvalidCallback,
    LinkingService,
    LinkKey,
    TokenService,
    TokenSet,
    UnknownProvider,
    UpkeepService,
    open_store,
)
from extauth.adapters.memory import MemoryLinkStore
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.providers import github
from extauth.services.arguments import unknown_provider
from extauth.testing import MovableClock, ScriptedLinkingProvider

SERVICES = pytest.mark.parametrize("service", [TokenService, LinkingService])
PASSWORD = "correct-horse"
REDIRECT_URI = "https://app.example/callback/scripted"
PROVIDER = github(client_id="client", client_secret=PASSWORD)


@SERVICES
@pytest.mark.parametrize(
    ("store", "found"),
    [
        (f"postgresql://app:{PASSWORD}@db/links", "str"),
        (Path("links.db"), "PosixPath"),
        (open_store("memory://"), "_OpenStore"),
        (MemoryLinkStore, "the class MemoryLinkStore"),
        ([PROVIDER], "list"),
        ({}, "dict"),
        (None, "None"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_open_store(service, store, found):
    """Neither a URL nor what opens a store is one; the message says how to open it, and shows no password."""
    with pytest.raises(TypeError) as refused:
        service(store, [PROVIDER])
    wanted = f"store must be a store that is open, not {found}; write: async with open_store(url) as store"
    assert str(refused.value) == wanted


@pytest.mark.parametrize(
    "rejected", [b"at-1-1", 7, TokenSet("at-1-1")], ids=lambda value: type(value).__name__
)
async def test_what_is_no_rejected_token(rejected):
    """It is refused: the token that there is would be given again each time that an API refuses it."""
    async with open_store("memory://") as store, TokenService(store, [PROVIDER]) as service:
        await store.put(LinkKey("github", "alice"), TokenSet("at-1-1"), origin=PROVIDER.origin)
        with pytest.raises(TypeError, match="rejected must be a str, not ") as refused:
            await service.refresh("github", "alice", rejected=rejected)
    assert "at-1-1" not in str(refused.value)


class Waiting:
    """An observer that would have to be awaited."""

    async def notify(self, event):
        """Take note."""


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("policy", 5, "policy must be a RefreshPolicy, not int; write RefreshPolicy(...)"),
        ("policy", {}, "policy must be a RefreshPolicy, not dict; write RefreshPolicy(...)"),
        ("upkeep", True, "upkeep must be an Upkeep or None, not bool; write Upkeep()"),
        ("upkeep", False, "upkeep must be an Upkeep or None, not bool; write Upkeep()"),
        (
            "observer",
            print,
            "observer must be an Observer, not builtin_function_or_method; write",
        ),
        ("observer", Waiting, "observer must be an Observer, not the class Waiting; write a class with a"),
        ("observer", Waiting(), "notify of an observer must be no async function"),
        ("clock", time.time, "clock must be a Clock, with now, monotonic and sleep, not builtin_function"),
        (
            "clock",
            MovableClock,
            "clock must be a Clock, with now, monotonic and sleep, not the class Movable",
        ),
    ],
)
def test_options_of_another_type(argument, value, message):
    """They are refused at the front door, and by what takes them."""
    with pytest.raises(TypeError) as refused:
        extauth.open("memory://", [PROVIDER], **{argument: value})
    assert str(refused.value).startswith(message)
    if argument != "upkeep":
        with pytest.raises(TypeError) as refused:
            TokenService(MemoryLinkStore(), [PROVIDER], **{argument: value})
        assert str(refused.value).startswith(message)


def upkeep(store, providers, **options):
    """Make upkeep as the others are made."""
    return UpkeepService(store, providers, TokenService(store, providers), **options)


@pytest.mark.parametrize(("rng", "given"), [(7, "int"), (random.Random, "the class Random")])
@pytest.mark.parametrize("service", [TokenService, LinkingService, upkeep])
def test_a_seed_is_nothing_that_draws(service, rng, given):
    """It would be found out by the first pause after a failure, which tokens may wait for."""
    told = rf"^rng must be a random\.Random, not {given}; write random\.Random\(seed\)$"
    with pytest.raises(TypeError, match=told):
        service(MemoryLinkStore(), [ScriptedLinkingProvider()], rng=rng)


async def test_numbers_are_no_spans():
    """Nobody guesses of what they are."""
    for argument in ("authorization_ttl", "exchange_timeout"):
        options: dict[str, Any] = {argument: 600}
        with pytest.raises(TypeError, match=f"{argument} must be a timedelta, not int; write timedelta"):
            LinkingService(MemoryLinkStore(), [ScriptedLinkingProvider()], **options)
    async with extauth.open("memory://", [PROVIDER]) as auth:
        within: Any = 2
        with pytest.raises(TypeError, match="within must be a timedelta, not int; write timedelta"):
            await auth.ready(within=within)


async def test_upkeep_of_another_type():
    """It is refused by an open one, too."""
    async with extauth.open("memory://", [PROVIDER]) as auth:
        with pytest.raises(TypeError, match="upkeep must be an Upkeep or None, not bool"):
            auth.upkeep(False)


@SERVICES
@pytest.mark.parametrize(
    ("providers", "message"),
    [
        (PROVIDER, "providers must be a list of providers, not OAuth2Provider; write [provider]"),
        (github, "providers must be a list of providers, not Preset; write [github(client_id=...)]"),
        (OAuth2Provider, "not the class OAuth2Provider; write [github(client_id=...)]"),
        (None, "providers must be a list of providers, not None; write [github(client_id=...)]"),
        ("github", "providers must be a list of providers, not str; write [github(client_id=...)]"),
        ({"github": PROVIDER}, "not dict; write list(providers.values())"),
        ([github], "Preset is no provider; call a preset first: github(client_id=...)"),
        ([OAuth2Provider], "the class OAuth2Provider is no provider; call it: OAuth2Provider(...)"),
        ([PROVIDER, PASSWORD], "str is no provider; call a preset first: github(client_id=...)"),
        ([None], "NoneType is no provider; call a preset first: github(client_id=...)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_list_of_providers(service, providers, message):
    """The message says what to write, and repeats nothing."""
    with pytest.raises(TypeError) as refused:
        service(MemoryLinkStore(), providers)
    assert str(refused.value).endswith(message)
    assert PASSWORD not in str(refused.value)


@SERVICES
async def test_any_collection_of_providers_will_do(service):
    """A generator is as good as a list."""
    async with service(MemoryLinkStore(), (each for each in [PROVIDER])) as made:
        with pytest.raises(UnknownProvider, match="it has 'github'; did you mean 'github'"):
            await (made.link if service is TokenService else made.validate)("githb", "alice")


@pytest.mark.parametrize(
    ("asked", "known", "message"),
    [
        ("gitlab", ["google", "github"], "it has 'github', 'google'"),
        ("GitHub", ["google", "github"], "it has 'github', 'google'; did you mean 'github'?"),
        ("gogle", ["google", "github"], "it has 'github', 'google'; did you mean 'google'?"),
        ("github", [], "it was given none"),
    ],
)
def test_an_unknown_provider_is_told_which_there_are(asked, known, message):
    """And which of them was meant, if that is near."""
    assert str(unknown_provider(asked, known)) == (
        f"no provider {asked!r} was given to this service; {message}"
    )


async def test_urls_of_yarl_are_urls():
    """A redirect URI and a callback may be the objects that aiohttp has."""
    provider, store = ScriptedLinkingProvider(), MemoryLinkStore()
    given = [URL(REDIRECT_URI)]
    async with LinkingService(store, [provider], redirect_uris=given) as linking:
        callback = provider.consent(
            await linking.begin("scripted", "alice", URL(REDIRECT_URI)), "alice-there"
        )
        assert (await linking.complete(URL(callback), user_id="alice")).key.user_id == "alice"
    by_id = {"scripted": URL(REDIRECT_URI)}
    async with LinkingService(store, [provider], redirect_uris=by_id) as linking:
        assert await linking.begin("scripted", "alice", REDIRECT_URI)


class Request:
    """A framework's request, or its URL: neither text nor a mapping."""

    def __str__(self) -> str:
        return f"{REDIRECT_URI}?code={PASSWORD}&state=x"


@pytest.mark.parametrize("callback", [Request(), f"?code={PASSWORD}".encode(), None, 5, URL])
async def test_what_is_no_callback(callback: Any):
    """Another type is refused with what to write; nothing of it is shown."""
    async with LinkingService(MemoryLinkStore(), [ScriptedLinkingProvider()]) as linking:
        with pytest.raises(TypeError, match="callback must be the URL that was called or its") as refused:
            await linking.complete(callback, user_id="alice")
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize(
    ("device", "told"),
    [
        (PASSWORD, r"not str; write DeviceAuthorization\.from_json\(text\)$"),
        ({PASSWORD: 1}, "not dict$"),
        (None, r"not None; is it configured\?$"),
    ],
)
async def test_what_is_no_device_flow(device: Any, told: str):
    """Above all its text, as an application keeps it."""
    async with LinkingService(MemoryLinkStore(), [ScriptedLinkingProvider()]) as linking:
        with pytest.raises(TypeError, match=f"device must be what begin_device returned, {told}") as refused:
            await linking.complete_device(device)
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize(
    ("params", "given"),
    [([("prompt", PASSWORD)], "list"), (f"prompt={PASSWORD}", "str"), ({1: PASSWORD}, "dict")],
)
async def test_what_are_no_parameters(params: Any, given: str):
    """A query in another form is refused with what to write."""
    async with LinkingService(MemoryLinkStore(), [ScriptedLinkingProvider()]) as linking:
        told = rf"^params must be a mapping with names that are str, not {given}; write {{'prompt': '...'}}$"
        with pytest.raises(TypeError, match=told) as refused:
            await linking.begin("scripted", "alice", REDIRECT_URI, params=params)
    assert PASSWORD not in str(refused.value)


async def test_what_is_no_text_where_text_is_meant():
    """Ids and URIs of another type are refused before anything is done."""
    provider = ScriptedLinkingProvider()
    async with LinkingService(MemoryLinkStore(), [provider]) as service:
        linking: Any = service
        with pytest.raises(TypeError, match=r"redirect_uri must be a str or a yarl.URL, not bytes; deco"):
            await linking.begin("scripted", "alice", REDIRECT_URI.encode())
        with pytest.raises(TypeError, match=r"redirect_uri must be a str or a yarl.URL, not None"):
            await linking.begin("scripted", "alice", None)
        with pytest.raises(TypeError, match=r"user_id must be a str, not int; ids are text"):
            await linking.links(7)
        with pytest.raises(TypeError, match=r"provider_id must be .* not Scripted.*; write its .provider_id"):
            await linking.complete("?state=x&code=y", user_id="alice", provider_id=provider)
        with pytest.raises(InvalidCallback):
            await linking.complete("?code=y", user_id="alice", provider_id="scripted")
