"""From begin to a stored link."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from datetime import timedelta
from typing import Any

import attrs
import pytest

from extauth import GrantOrigin, LinkKey, ProviderUnavailable, TokenSet, UnknownProvider, named_provider_id
from extauth.domain.events import LinkConnected
from extauth.domain.linking import LinkingTraits, companion_key
from extauth.domain.outcomes import Deferred, Exchanged, NotSent
from extauth.domain.storable import MAX_ID_LENGTH
from extauth.testing import ScriptedLinkingProvider, ScriptedProvider
from tests.services.linking.conftest import KEY, REDIRECT_URI, HalfJitter, Scene, parameters
from tests.support.registered import Registered


async def test_connecting(scene: Scene):
    """A user who says yes has a link with working tokens, their scopes and their client."""
    scene.provider.tokens.origin = GrantOrigin("client", "https://provider.example/token")
    service = scene.replica()
    link = await scene.connect(service, scopes=["read", "write"])
    assert await scene.stored() == link
    assert link.key == KEY
    assert link.version == 1
    assert link.origin == scene.provider.origin
    assert link.tokens.scopes == {"read", "write"}
    assert scene.provider.tokens.subject_of(link.tokens.access_token) == "alice-there"
    assert scene.events == [LinkConnected(KEY, 1)]


@pytest.mark.parametrize("form", ["url", "path", "query", "mapping", "lists"])
async def test_forms_of_a_callback(scene: Scene, form):
    """The URL, its path with the query, the query, and the parameters are all good."""
    service = scene.replica()
    url = await scene.authorized(service)
    given: Any = {
        "url": url,
        "path": url.removeprefix("https://app.example"),
        "query": url.partition("?")[2],
        "mapping": parameters(url),
        "lists": {name: [value] for name, value in parameters(url).items()},
    }[form]
    assert (await service.complete(given, user_id="alice")).key == KEY


async def test_only_a_hash_of_the_state_is_stored(scene: Scene):
    """Who reads the store learns neither the state nor, without it, the code verifier and the nonce."""
    scene.provider.linking = LinkingTraits(openid=True)
    service = scene.replica()
    url = parameters(await service.begin("scripted", "alice", REDIRECT_URI, scopes=["openid"]))
    [pending] = scene.begun()
    assert pending.state_hash == hashlib.sha256(url["state"].encode()).hexdigest()
    secrets = attrs.asdict(pending)
    assert url["state"] not in repr(secrets)
    assert url["nonce"] not in repr(secrets)
    assert re.fullmatch(r"[\w-]{43}", url["state"])
    assert re.fullmatch(r"[\w-]{43}", pending.salt)


async def test_code_verifier_and_nonce_are_derived(scene: Scene):
    """They are HMACs of the state with the salt as the key, so that each begin has its own."""
    scene.provider.linking = LinkingTraits(openid=True)
    count = iter(range(9))
    service = scene.replica(secret_source=lambda size: bytes([next(count)]) * size)
    urls = [await service.begin("scripted", "alice", REDIRECT_URI, scopes=["openid"]) for _ in range(2)]
    first, second = map(parameters, urls)
    state = base64.urlsafe_b64encode(b"\0" * 32).rstrip(b"=").decode()
    # Computed with openssl: the salt is the base64url text of 32 bytes of 1.
    assert first["state"] == state
    verifier = "uoR_lvJATZ96j-uufUtPOCHMIGfTgetekkwWzqrNUGE"
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert first["code_challenge"] == challenge
    assert first["nonce"] == "pavjqQRr0Ka2vc1LaOs9azgleevHTWBjqP9f_mpL4GY"
    assert {first[name] for name in first} & {second[name] for name in ("state", "nonce")} == set()
    assert first["code_challenge"] != second["code_challenge"]
    for url in urls:
        await service.complete(scene.provider.consent(url), user_id="alice")


async def test_without_pkce(scene: Scene):
    """A provider that refuses PKCE is sent no challenge and no verifier."""
    scene.provider.linking = LinkingTraits(pkce=False)
    service = scene.replica()
    await scene.connect(service)
    assert scene.provider.asked[0].code_challenge is None


async def test_nonce_only_with_the_scope_openid(scene: Scene):
    """No ID token is expected where none was asked for."""
    scene.provider.linking = LinkingTraits(openid=True)
    service = scene.replica()
    await scene.connect(service, scopes=["read"])
    await scene.connect(service, scopes=["openid"])
    assert [asked.nonce is None for asked in scene.provider.asked] == [True, False]


async def test_what_the_request_says(scene: Scene):
    """Resources and further parameters reach the provider; default scopes if none are named."""
    scene.provider.linking = LinkingTraits(scopes=("profile",))
    service = scene.replica()
    url = await service.begin(
        "scripted", "alice", REDIRECT_URI, resources=["https://api.example"], params={"login_hint": "al"}
    )
    [asked] = scene.provider.asked
    assert (asked.scopes, asked.resources) == ({"profile"}, ("https://api.example",))
    assert parameters(url)["login_hint"] == "al"


async def test_resources_reach_the_exchange(scene: Scene):
    """The resources asked for are repeated with the code (RFC 8707 section 2.2)."""
    service = scene.replica()
    callback = await scene.authorized(service, resources=["https://api.example"])
    seen = {}
    exchange = scene.provider.exchange_code

    async def exchange_code(code, **arguments):
        seen.update(arguments)
        return await exchange(code, **arguments)

    scene.provider.exchange_code = exchange_code
    await service.complete(callback, user_id="alice")
    assert seen["resources"] == ("https://api.example",)


async def test_scopes_that_the_answer_omits(scene: Scene):
    """They are those asked for (RFC 6749 section 5.1)."""
    scene.provider.says_scopes = False
    link = await scene.connect(scene.replica(), scopes=["read"])
    assert link.tokens.scopes == {"read"}


async def test_asking_for_more_scopes(scene: Scene):
    """Granted scopes are asked for again if so wanted; the old link works until the new one is stored."""
    service = scene.replica()
    old = await scene.connect(service, scopes=["read"])
    callback = await scene.authorized(service, scopes=["write"], include_granted=True)
    assert scene.provider.asked[-1].scopes == {"read", "write"}
    assert await scene.stored() == old
    link = await service.complete(callback, user_id="alice")
    assert link.version == 2
    assert link.tokens.scopes == {"read", "write"}


async def test_scopes_of_another_client_are_left_out(scene: Scene):
    """What was granted to another client says nothing about this one."""
    scene.provider.tokens.origin = GrantOrigin("new", "https://provider.example/token")
    old = GrantOrigin("old", "https://provider.example/token")
    await scene.inner.put(KEY, TokenSet("at", scopes=frozenset({"admin"})), origin=old)
    service = scene.replica()
    await service.begin("scripted", "alice", REDIRECT_URI, scopes=["read"], include_granted=True)
    assert scene.provider.asked[-1].scopes == {"read"}


async def test_callback_parameters_to_keep(scene: Scene):
    """They go into extra, and never over what the token endpoint said."""
    scene.provider.linking = LinkingTraits(callback_fields=frozenset({"realmId", "team", "absent"}))
    service = scene.replica()
    url = await service.begin("scripted", "alice", REDIRECT_URI)
    callback = scene.provider.consent(url, realmId="42", team="forged", other="x")
    grant = scene.provider._grant

    def with_team(subject, scopes):
        exchanged = grant(subject, scopes)
        return attrs.evolve(exchanged, tokens=attrs.evolve(exchanged.tokens, extra={"team": "true"}))

    scene.provider._grant = with_team
    link = await service.complete(callback, user_id="alice")
    assert link.tokens.extra == {"realmId": "42", "team": "true"}


async def test_companions(scene: Scene):
    """Further grants in the answer are links of their own beside it."""
    scene.provider.linking = LinkingTraits(companions=("user",))
    link = await scene.connect(scene.replica())
    companion = await scene.stored("scripted/user")
    assert companion is not None
    assert companion.tokens.access_token != link.tokens.access_token
    assert scene.provider.tokens.is_live(companion.tokens)
    assert scene.events == [LinkConnected(KEY, 1), LinkConnected(companion.key, 1)]


async def test_an_answer_for_a_companion_alone(scene: Scene):
    """It is stored as the companion's link, and never in place of the link that was asked for."""
    scene.provider.linking = LinkingTraits(companions=("user",))
    service = scene.replica()
    bot = await scene.connect(service)
    tokens = scene.provider.tokens.grant("alice-there")
    scene.provider.code_script = [Exchanged(tokens, link_name="user")]
    link = await scene.connect(service, scopes=["bot-scope"])
    assert link.key == companion_key(KEY, "user")
    assert link.tokens == tokens
    assert await scene.stored() == bot
    assert await scene.stored("scripted/user") == link


async def test_a_key_that_leaves_no_room_for_companions(scene: Scene):
    """It is refused before the user is sent anywhere, not when the tokens are there."""
    scene.provider.linking = LinkingTraits(companions=("user",), device=True)
    service = scene.replica()
    longest = named_provider_id("scripted", "a" * (MAX_ID_LENGTH - len("scripted/") - len("/user")))
    await service.begin(longest, "alice", REDIRECT_URI)
    for begin in (
        service.begin(longest + "a", "alice", REDIRECT_URI),
        service.begin_device(longest + "a", "alice"),
    ):
        with pytest.raises(ValueError, match="at most 255 characters"):
            await begin


async def test_a_companion_alone_cannot_be_connected(scene: Scene):
    """Its link would get the tokens of the one that it comes with."""
    scene.provider.linking = LinkingTraits(companions=("user",), device=True)
    service = scene.replica()
    await scene.connect(service)
    for provider_id in ("scripted/user", "scripted/work/user"):
        for begin in (
            service.begin(provider_id, "alice", REDIRECT_URI),
            service.begin_device(provider_id, "alice"),
        ):
            with pytest.raises(ValueError, match="connect that"):
                await begin
    await service.begin("scripted/users", "alice", REDIRECT_URI)


@pytest.mark.parametrize("resources", ["https://api.example", [""], ["https://api.example", ""], [7]])
async def test_resources_that_are_none(scene: Scene, resources):
    """They are refused at once, and not when the user comes back."""
    with pytest.raises(ValueError, match="resources must be"):
        await scene.replica().begin("scripted", "alice", REDIRECT_URI, resources=resources)
    assert scene.begun() == []


async def test_asking_for_more(scene: Scene):
    """The provider is told to keep what was granted before, if that is wanted and anything was."""
    scene.provider.tokens.origin = GrantOrigin("new", "https://provider.example/token")
    service = scene.replica()
    await scene.connect(service, include_granted=True)
    await scene.authorized(service, include_granted=True)
    await scene.authorized(service)
    await scene.inner.put(KEY, TokenSet("at"), origin=GrantOrigin("old", "https://provider.example/token"))
    await scene.authorized(service, include_granted=True)
    assert [request.incremental for request in scene.provider.asked] == [False, True, False, False]


async def test_a_named_link(scene: Scene):
    """A second account at the same provider is a link beside the first, with companions of its own."""
    scene.provider.linking = LinkingTraits(companions=("user",))
    service = scene.replica()
    first = await scene.connect(service)
    url = await service.begin(named_provider_id("scripted", "work"), "alice", REDIRECT_URI)
    await service.complete(
        scene.provider.consent(url, "work-account"), user_id="alice", provider_id="scripted"
    )
    assert await scene.stored() == first
    keys = [link.key.provider_id for link in await service.links("alice")]
    assert keys == ["scripted", "scripted/user", "scripted/work", "scripted/work/user"]
    assert (await service.unlink("scripted/work", "alice")).revoked
    assert [link.key.provider_id for link in await service.links("alice")] == keys[:2]


@pytest.mark.parametrize(("provider_id", "name"), [("", "work"), ("scripted", ""), ("scripted", "a/b")])
def test_names_that_cannot_be_one(provider_id, name):
    """They are refused."""
    with pytest.raises(ValueError, match="name"):
        named_provider_id(provider_id, name)


async def test_another_replica_completes(scene: Scene):
    """Begin and complete need nothing in common but the store: a restart in between is no matter."""
    first = scene.replica()
    callback = await scene.authorized(first)
    await first.aclose()
    assert (await scene.replica().complete(callback, user_id="alice")).version == 1


async def test_a_client_that_is_replaced_while_the_user_consents(scene: Scene):
    """The code goes with the client that it was asked for, which hears what came of it and has the link."""
    former, present = (
        ScriptedLinkingProvider(origin=GrantOrigin(client_id, "https://provider.example/token"))
        for client_id in ("former", "present")
    )
    clients = Registered(former, present, present="former")
    for provider in (former, present):
        provider.clients = clients  # type: ignore[attr-defined]
    service = scene.replica(present)
    callback = former.consent(await service.begin("scripted", "alice", REDIRECT_URI))
    clients.present_now = "present"
    link = await service.complete(callback, user_id="alice")
    assert (link.origin, former.presented, present.presented) == (former.origin, ["code-1"], [])
    [(client_id, answer)] = clients.answers
    assert (client_id, type(answer)) == ("former", Exchanged)


async def test_a_code_that_could_not_be_sent_is_sent_again(scene: Scene):
    """Nothing left the machine, so the code is good still."""
    scene.provider.code_script = [NotSent("connect_failed")] * 2
    assert (await scene.connect(scene.replica(rng=HalfJitter()))).version == 1
    assert len(scene.provider.presented) == 3
    assert scene.clock.slept == [0.0375, 0.075]


async def test_a_code_that_came_while_there_were_too_many_is_sent_again(scene: Scene):
    """The provider has processed nothing; after the short pause that it asked for the code is good still."""
    scene.provider.code_script = [Deferred("http_429", timedelta(seconds=2)), Deferred("http_429")]
    before = scene.clock.now()
    assert (await scene.connect(scene.replica())).version == 1
    assert len(scene.provider.presented) == 3
    waited = scene.clock.now() - before
    assert timedelta(seconds=3) < waited < timedelta(seconds=4)


async def test_for_just_as_long_a_pause_somebody_waits(scene: Scene):
    """With the first pause of all it is five seconds."""
    scene.provider.code_script = [Deferred("http_429", timedelta(seconds=5 - 0.0375))]
    assert (await scene.connect(scene.replica(rng=HalfJitter()))).version == 1
    assert scene.clock.slept == [5.0]


async def test_a_code_that_the_provider_puts_off_is_sent_again(scene: Scene):
    """Whatever its reason: it has said for how long."""
    scene.provider.code_script = [Deferred("http_503", timedelta(seconds=1))]
    assert (await scene.connect(scene.replica())).version == 1
    assert len(scene.provider.presented) == 2


async def test_a_code_that_is_put_off_for_nobody_knows_how_long_is_not_sent_again(scene: Scene):
    """The user hears of it at once, and can begin again."""
    scene.provider.code_script = [Deferred("http_503")]
    with pytest.raises(ProviderUnavailable):
        await scene.connect(scene.replica())
    assert len(scene.provider.presented) == 1
    assert scene.clock.slept == []


async def test_for_a_longer_pause_nobody_waits(scene: Scene):
    """A user looks at an empty page meanwhile; they are told when to begin again."""
    scene.provider.code_script = [Deferred("http_429", timedelta(seconds=3))] * 2
    with pytest.raises(ProviderUnavailable) as caught:
        await scene.connect(scene.replica())
    assert caught.value.retry_after == timedelta(seconds=3)
    assert len(scene.provider.presented) == 2


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "/callback",
        "",
        "https://app.example/callback#fragment",
        "https://app.example/call back",
        "https://app.example/callback?state=mine",
        "https://app.example/callback?a=1&a=2",
        "https://app.example/\0",
    ],
)
async def test_redirect_uris_that_cannot_be_one(scene: Scene, redirect_uri):
    """They are refused before anything is stored."""
    with pytest.raises(ValueError, match="redirect_uri"):
        await scene.replica().begin("scripted", "alice", redirect_uri)
    with pytest.raises(ValueError, match="redirect_uri"):
        scene.replica(redirect_uris=[redirect_uri])
    assert scene.begun() == []


@pytest.mark.parametrize(
    "redirect_uri",
    [
        REDIRECT_URI + "/",
        "https://app.example/Callback",
        "https://app.example:8443/callback",
        REDIRECT_URI + "?",
    ],
)
async def test_redirect_uris_are_compared_exactly(scene: Scene, redirect_uri):
    """One that differs in a single character is none of those given."""
    service = scene.replica(redirect_uris=[REDIRECT_URI])
    await service.begin("scripted", "alice", REDIRECT_URI)
    with pytest.raises(ValueError, match="redirect_uris"):
        await service.begin("scripted", "alice", redirect_uri)


async def test_params_that_are_not_the_applications(scene: Scene):
    """What the flow's safety hangs on cannot be overridden, replaced, or brought back another way."""
    service = scene.replica()
    with pytest.raises(ValueError, match="must not set redirect_uri, state"):
        await service.begin("scripted", "alice", REDIRECT_URI, params={"state": "x", "redirect_uri": "y"})
    for name in (
        *("request", "request_uri", "registration", "claims", "response_mode", "response_type", "scope"),
        *("resource", "nonce", "code_challenge", "client_id", "Redirect_URI", "REQUEST_URI", "request.uri"),
    ):
        with pytest.raises(ValueError, match=f"must not set {name}"):
            await service.begin("scripted", "alice", REDIRECT_URI, params={name: "x"})
    for name in ("state[]", "redirect_uri ", "%73tate", "", "st\u00e4te", "state\n"):
        with pytest.raises(ValueError, match="names of letters"):
            await service.begin("scripted", "alice", REDIRECT_URI, params={name: "x"})
    assert scene.begun() == []
    url = await service.begin("scripted", "alice", REDIRECT_URI, params={"login_hint": "a@b.example"})
    assert parameters(url)["login_hint"] == "a@b.example"


async def test_unknown_provider(scene: Scene):
    """A provider that the service was not given is a mistake of the deployment."""
    service = scene.replica()
    with pytest.raises(UnknownProvider):
        await service.begin("other", "alice", REDIRECT_URI)
    callback = await scene.authorized(service)
    with pytest.raises(UnknownProvider):
        await service.complete(callback, user_id="alice", provider_id="other")
    assert (await service.complete(callback, user_id="alice")).version == 1


@pytest.mark.parametrize(
    "options",
    [
        {"authorization_ttl": timedelta(0)},
        {"exchange_timeout": timedelta(seconds=-1)},
        {"redirect_uris": REDIRECT_URI},
        {"on_account_change": "ask"},
    ],
)
async def test_options_that_cannot_be(scene: Scene, options):
    """They are refused at once, by their names."""
    with pytest.raises(ValueError, match=f"^{next(iter(options))} must "):
        scene.replica(**options)


async def test_a_closed_service(scene: Scene):
    """It refuses every call."""
    service = scene.replica()
    callback = await scene.authorized(service)
    device = await service.begin_device("scripted", "alice")
    await service.aclose()
    await service.aclose()
    for call in (
        service.begin("scripted", "alice", REDIRECT_URI),
        service.complete(callback, user_id="alice"),
        service.begin_device("scripted", "alice"),
        service.complete_device(device),
        service.unlink("scripted", "alice"),
        service.links("alice"),
        service.validate("scripted", "alice"),
        service.purge(),
    ):
        with pytest.raises(RuntimeError, match="closed"):
            await call


async def test_many_connect_at_once(scene: Scene):
    """Each user gets their own link."""
    service = scene.replica()
    users = [f"user-{number}" for number in range(20)]

    async def connect(user):
        url = await service.begin("scripted", user, REDIRECT_URI)
        return await service.complete(scene.provider.consent(url, user), user_id=user)

    links = await asyncio.gather(*map(connect, users))
    assert [link.key for link in links] == [LinkKey("scripted", user) for user in users]
    assert [scene.provider.tokens.subject_of(link.tokens.access_token) for link in links] == users


async def test_a_provider_that_can_only_refresh(scene: Scene):
    """It is refused at once, by its id, and not when a user comes back."""
    refreshing: Any = ScriptedProvider("only-refreshing")
    with pytest.raises(ValueError, match="'only-refreshing' can refresh but not connect users"):
        scene.replica(scene.provider, refreshing)
