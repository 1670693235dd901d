"""Callbacks that connect nobody: a clear error each, and nothing is stored."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs
import pytest

from extauth import (
    AlreadyCompleted,
    AuthorizationExpired,
    AuthorizationFailed,
    AuthorizationRejected,
    ConsentDenied,
    InvalidCallback,
    IssuerMismatch,
    LinkingFailed,
    ProviderMisconfigured,
    ProviderUnavailable,
    StoreUnavailable,
    UnknownState,
    WrongUser,
)
from extauth.domain.events import ProviderRejectedClient
from extauth.domain.linking import LinkingTraits
from extauth.domain.linking_outcomes import IdTokenRejected
from extauth.domain.outcomes import ClientRejected, Deferred, GrantRejected, NotSent, Unknown
from extauth.testing import ScriptedLinkingProvider
from tests.services.linking.conftest import REDIRECT_URI, Scene, parameters
from tests.support.faulty_store import down

ISSUER = "https://provider.example"


async def refused(scene: Scene, service, callback, error, **options):
    """Complete, expect the error and that nothing was asked of the provider and nothing stored."""
    with pytest.raises(error) as caught:
        await service.complete(callback, **{"user_id": "alice", **options})
    assert await scene.inner.links_of("alice") == []
    return caught.value


async def unspent(scene: Scene, service, callback, **options):
    """The state is good still."""
    assert scene.provider.presented == []
    assert (await service.complete(callback, **{"user_id": "alice", **options})).version == 1


async def spent(scene: Scene, service, callback):
    """The state was used up, and whoever comes with it again hears that it connected nobody."""
    for replica in (service, scene.replica(), service):
        with pytest.raises(AuthorizationFailed):
            await replica.complete(callback, user_id="alice")
    with pytest.raises(WrongUser):
        await service.complete(callback, user_id="mallory")
    assert await scene.stored() is None


async def test_double_callback(scene: Scene):
    """The second of two finds the state used, and the link is the first's."""
    service = scene.replica()
    callback = await scene.authorized(service)
    link = await service.complete(callback, user_id="alice")
    with pytest.raises(AlreadyCompleted):
        await service.complete(callback, user_id="alice")
    assert await scene.stored() == link
    assert scene.provider.presented == ["code-1"]
    assert scene.provider.tokens.is_live(link.tokens)


async def test_a_double_callback_while_the_first_is_completed(scene: Scene):
    """Nobody knows yet what comes of it, so the second is not told that it failed; a later one is."""
    scene.provider.code_script = [GrantRejected("invalid_grant")]
    scene.provider.gate = asyncio.Event()
    service = scene.replica()
    callback = await scene.authorized(service)
    first = asyncio.create_task(service.complete(callback, user_id="alice"))
    await scene.provider.exchanging.wait()
    with pytest.raises(AlreadyCompleted):
        await service.complete(callback, user_id="alice")
    scene.provider.gate.set()
    with pytest.raises(AuthorizationRejected):
        await first
    await spent(scene, service, callback)


async def test_a_store_that_was_down_before_the_exchange(scene: Scene):
    """The state is used up, and nothing was stored for certain."""
    service = scene.replica()
    callback = await scene.authorized(service)
    scene.store.before["get"] = down()
    await refused(scene, service, callback, StoreUnavailable)
    assert scene.provider.presented == []
    await spent(scene, service, callback)


async def test_a_store_that_was_down_when_it_was_given_the_tokens(scene: Scene):
    """It may have kept them, so the second callback is sent to look at the links."""
    service = scene.replica()
    callback = await scene.authorized(service)
    scene.store.before["put"] = down(1000)
    with pytest.raises(StoreUnavailable):
        await service.complete(callback, user_id="alice")
    with pytest.raises(AlreadyCompleted):
        await service.complete(callback, user_id="alice")


async def test_a_failure_that_cannot_be_noted(scene: Scene):
    """The caller hears why it failed all the same; whoever comes later hears what is known."""
    service = scene.replica()
    url = await service.begin("scripted", "alice", REDIRECT_URI)
    callback = scene.provider.deny(url)
    scene.store.before["begin_authorization"] = down()
    await refused(scene, service, callback, ConsentDenied)
    await refused(scene, service, callback, AlreadyCompleted)


async def test_what_is_noted_of_a_failure(scene: Scene):
    """It opens nothing, holds no salt, and goes in its time."""
    service = scene.replica(authorization_ttl=timedelta(minutes=2))
    url = await service.begin("scripted", "alice", REDIRECT_URI)
    [begun] = scene.begun()
    await refused(scene, service, scene.provider.deny(url), ConsentDenied)
    [taken, noted] = scene.begun()
    assert (taken.state_hash, taken.salt) == (begun.state_hash, "")
    assert noted == attrs.evolve(begun, state_hash=noted.state_hash, salt=noted.state_hash)
    scene.clock.advance(timedelta(minutes=2))
    assert await service.purge() == 2
    assert scene.begun() == []


async def test_concurrent_double_callbacks(scene: Scene):
    """Of any number at once, over two replicas, one exchanges the code and all others are told."""
    services = [scene.replica(), scene.replica()]
    callback = await scene.authorized(services[0])
    calls = [service.complete(callback, user_id="alice") for service in services for _ in range(5)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["AlreadyCompleted"] * 9 + ["Link"]
    assert scene.provider.presented == ["code-1"]


@pytest.mark.parametrize("state", ["A" * 43, "forged", "A" * 42 + "=", "ä" * 43, "\ud800" * 43])
async def test_forged_state(scene: Scene, state):
    """A state that was never given out is unknown, and burns no other."""
    service = scene.replica()
    callback = await scene.authorized(service)
    error = InvalidCallback if state[0] == "\ud800" else UnknownState
    await refused(scene, service, {**parameters(callback), "state": state}, error)
    await unspent(scene, service, callback)


async def test_what_cannot_be_a_state_costs_no_query(scene: Scene):
    """Junk is refused without the store."""
    await refused(scene, scene.replica(), {"code": "c", "state": "junk"}, UnknownState)
    assert scene.store.calls["take_authorization"] == 0


async def test_someone_elses_state(scene: Scene):
    """Mallory cannot complete what alice began, nor spoil it."""
    service = scene.replica()
    callback = await scene.authorized(service)
    await refused(scene, service, callback, WrongUser, user_id="mallory")
    await unspent(scene, service, callback, user_id="alice")


async def test_too_late(scene: Scene):
    """A user who takes longer than the authorization is valid must begin again."""
    service = scene.replica(authorization_ttl=timedelta(minutes=2))
    callback = await scene.authorized(service)
    scene.clock.advance(timedelta(minutes=2))
    await refused(scene, service, callback, AuthorizationExpired)
    assert await service.purge() == 1
    await refused(scene, service, callback, UnknownState)


@pytest.mark.parametrize(
    ("error", "expected", "reason"),
    [
        ("access_denied", ConsentDenied, None),
        ("user_cancelled_authorize", ConsentDenied, None),
        ("consent_required", ConsentDenied, None),
        ("invalid_scope", AuthorizationRejected, "invalid_scope"),
        ("unauthorized_client", AuthorizationRejected, "unauthorized_client"),
        ("login_required", AuthorizationRejected, "login_required"),
        ("<script>leaked-token", AuthorizationRejected, "unrecognized_error"),
        ("server_error", ProviderUnavailable, None),
        ("temporarily_unavailable", ProviderUnavailable, None),
    ],
)
async def test_errors_of_the_provider(scene: Scene, error, expected, reason):
    """Each becomes a typed error with a known code; the provider's own words are not repeated."""
    service = scene.replica()
    url = await service.begin("scripted", "alice", REDIRECT_URI)
    callback = scene.provider.deny(url, error, error_description="leaked-token")
    caught = await refused(scene, service, callback, expected)
    assert getattr(caught, "reason", None) == reason
    assert "leaked-token" not in f"{caught!s}{caught!r}"
    await spent(scene, service, callback)


async def test_an_error_beats_a_code(scene: Scene):
    """An answer with both is an error, and the code is not spent."""
    service = scene.replica()
    callback = await scene.authorized(service)
    await refused(scene, service, callback + "&error=access_denied", ConsentDenied)
    assert scene.provider.presented == []


async def test_facebooks_own_error(scene: Scene):
    """Its dialog's error_code is an error, too."""
    service = scene.replica()
    url = parameters(await service.begin("scripted", "alice", REDIRECT_URI))
    callback = {"state": url["state"], "error_code": "1349048", "error_message": "text"}
    caught = await refused(scene, service, callback, AuthorizationRejected)
    assert caught.reason == "unrecognized_error"


async def test_neither_code_nor_error(scene: Scene):
    """It is no answer."""
    service = scene.replica()
    callback = parameters(await scene.authorized(service))
    await refused(scene, service, {"state": callback["state"], "code": ""}, InvalidCallback)
    await unspent(scene, service, callback)


@pytest.mark.parametrize(
    "given", ["https://app.example/callback", "/callback", "", {}, "?code=c", {"code": "c"}]
)
async def test_no_state(scene: Scene, given):
    """Without a state it is no answer to anything."""
    await refused(scene, scene.replica(), given, InvalidCallback)


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "get"])
async def test_callback_by_another_method(scene: Scene, method):
    """A provider that redirects does not post, and a link preview's HEAD burns nothing and asks nobody."""
    service = scene.replica()
    callback = await scene.authorized(service)
    await refused(scene, service, callback, InvalidCallback, method=method)
    assert scene.store.calls["find_authorization"] == 0
    await unspent(scene, service, callback, method="GET")


async def test_callback_by_post(scene: Scene):
    """A provider that posts its answer does not redirect."""
    scene.provider.linking = LinkingTraits(callback_method="POST")
    service = scene.replica()
    callback = await scene.authorized(service)
    await refused(scene, service, callback, InvalidCallback, method="GET")
    await unspent(scene, service, parameters(callback), method="POST")


async def test_callback_by_the_method_of_another_provider(scene: Scene):
    """Where one provider posts, another's callback still comes by redirect."""
    posting = ScriptedLinkingProvider("posting", linking=LinkingTraits(callback_method="POST"))
    service = scene.replica(scene.provider, posting)
    url = await service.begin("scripted", "alice", f"{REDIRECT_URI}/scripted")
    callback = scene.provider.consent(url)
    await refused(scene, service, callback, InvalidCallback, method="POST", provider_id="scripted")
    await refused(scene, service, callback, InvalidCallback, method="POST")
    await unspent(scene, service, callback, method="GET")


@pytest.mark.parametrize(
    "location",
    [
        "http://app.example/callback",
        "https://evil.example/callback",
        "https://app.example/callback/",
        "https://app.example/callback/..",
        "https://app.example:443/callback",
        "https://user@app.example/callback",
        "https://user@app.example//callback",
        "https://app.example/@me/callback",
        "https://app.example/Callback",
        "https:/callback",
    ],
)
async def test_other_redirect_uri(scene: Scene, location):
    """A whole URL must be the redirect URI, character by character."""
    service = scene.replica()
    callback = await scene.authorized(service)
    caught = await refused(scene, service, callback.replace(REDIRECT_URI, location), InvalidCallback)
    shown = location.replace("user@", "")
    assert str(caught).startswith(f"the callback came to {shown} and not to the redirect URI {REDIRECT_URI};")
    assert "X-Forwarded-Proto" in str(caught)
    await unspent(scene, service, callback)


async def test_a_long_url_that_was_called(scene: Scene):
    """The message shows its beginning."""
    service = scene.replica()
    callback = await scene.authorized(service)
    longer = callback.replace(REDIRECT_URI, f"{REDIRECT_URI}/{'x' * 10_000}")
    caught = await refused(scene, service, longer, InvalidCallback)
    assert len(str(caught)) < 1000


async def test_the_redirect_uris_own_query(scene: Scene):
    """It must come back as it was."""
    service = scene.replica()

    async def callback():
        url = await service.begin("scripted", "alice", REDIRECT_URI + "?tenant=1&empty=")
        return scene.provider.consent(url)

    came = await callback()
    for changed in ("tenant=2&empty=&", "empty=&", "tenant=1&"):
        wrong = came.replace("tenant=1&empty=&", changed)
        caught = await refused(scene, service, wrong, InvalidCallback)
        missing = "empty" if changed == "tenant=1&" else "tenant"
        assert str(caught) == f"the callback came to {REDIRECT_URI} without the redirect URI's own {missing}"
    await unspent(scene, service, came)


@pytest.mark.parametrize(
    "redirect_uri", ["https://app.example", "https://app.example?a=1", "app.example:/cb"]
)
async def test_redirect_uris_without_path_or_host(scene: Scene, redirect_uri):
    """A browser adds the empty path's slash; an application's own scheme needs no host."""
    service = scene.replica()
    url = await service.begin("scripted", "alice", redirect_uri)
    callback = scene.provider.consent(url).replace("app.example?", "app.example/?")
    assert (await service.complete(callback + "#_=_", user_id="alice")).version == 1


@pytest.mark.parametrize("sends", [True, False])
async def test_mix_up(scene: Scene, sends):
    """An honest provider's code that comes back for an attacker's provider is not sent to the attacker."""
    traits = LinkingTraits(issuer="https://attacker.example", sends_issuer=True) if sends else LinkingTraits()
    attacker = ScriptedLinkingProvider("attacker", linking=traits)
    scene.provider.linking = LinkingTraits(issuer=ISSUER, sends_issuer=True)
    service = scene.replica(scene.provider, attacker)
    # The attacker's authorization endpoint sends the browser on to the honest provider with its own state.
    redirect_uris = [REDIRECT_URI] * 2 if sends else [f"{REDIRECT_URI}/attacker", f"{REDIRECT_URI}/scripted"]
    at_attacker = parameters(await service.begin("attacker", "alice", redirect_uris[0]))
    at_honest = await service.begin("scripted", "alice", redirect_uris[1])
    honest_state = parameters(at_honest)["state"]
    callback = parameters(scene.provider.consent(at_honest.replace(honest_state, at_attacker["state"])))
    # An honest provider that does not mind the path of a redirect URI sends it to the attacker's.
    options = {} if sends else {"provider_id": "attacker"}
    await refused(scene, service, callback, IssuerMismatch, **options)
    assert attacker.presented == []


@pytest.mark.parametrize(
    ("sends", "issuer", "good"),
    [
        (True, ISSUER, True),
        (True, None, False),
        (True, "", False),
        (True, ISSUER + "/", False),
        (False, ISSUER, True),
        (False, None, True),
        (False, "https://other.example", False),
    ],
)
async def test_issuer(scene: Scene, sends, issuer, good):
    """A wrong one is always refused; a missing one where the provider always sends it (RFC 9207)."""
    service = scene.replica()
    callback = parameters(await scene.authorized(service))
    scene.provider.linking = LinkingTraits(issuer=ISSUER, sends_issuer=sends)
    if issuer is not None:
        callback["iss"] = issuer
    if good:
        assert (await service.complete(callback, user_id="alice")).version == 1
    else:
        await refused(scene, service, callback, IssuerMismatch)
        await unspent(scene, service, {**callback, "iss": ISSUER})


async def test_an_error_from_another_issuer(scene: Scene):
    """Whose error it is comes before what it says."""
    scene.provider.linking = LinkingTraits(issuer=ISSUER)
    service = scene.replica()
    url = await service.begin("scripted", "alice", REDIRECT_URI)
    callback = scene.provider.deny(url, iss="https://attacker.example")
    await refused(scene, service, callback, IssuerMismatch)
    await unspent(scene, service, scene.provider.consent(url))


async def test_an_error_at_another_url(scene: Scene):
    """It is not this authorization's; at its own URL it spends the state like any answer."""
    service = scene.replica()
    url = await service.begin("scripted", "alice", REDIRECT_URI)
    callback = scene.provider.deny(url)
    await refused(scene, service, callback.replace("app.example", "evil.example"), InvalidCallback)
    await refused(scene, service, callback, ConsentDenied)
    await spent(scene, service, callback)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"error": "access_denied"}, ConsentDenied),
        ({"error": "consent_required"}, ConsentDenied),
        ({"error": "invalid_scope"}, AuthorizationRejected),
        ({"error_code": "1349187"}, AuthorizationRejected),
        ({"error": "access_denied", "code": "code-1"}, ConsentDenied),
    ],
)
async def test_an_error_that_does_not_say_whose_it_is(scene: Scene, answer, error):
    """Some servers send their issuer with codes only; there is no code that could go astray."""
    service = scene.replica()
    state = parameters(await scene.authorized(service))["state"]
    scene.provider.linking = LinkingTraits(issuer=ISSUER, sends_issuer=True)
    await refused(scene, service, {"state": state, **answer}, error)
    assert scene.provider.presented == []


async def test_callback_at_another_providers_url(scene: Scene):
    """With a URL for each provider, an answer at another's is not taken."""
    other = ScriptedLinkingProvider("other")
    service = scene.replica(scene.provider, other)
    url = await service.begin("scripted", "alice", f"{REDIRECT_URI}/scripted")
    callback = scene.provider.consent(url)
    await refused(scene, service, callback, IssuerMismatch, provider_id="other")
    assert other.presented == []
    await unspent(scene, service, callback, provider_id="scripted")


@pytest.mark.parametrize(
    ("outcome", "expected", "reason"),
    [
        (GrantRejected("invalid_grant"), AuthorizationRejected, "invalid_grant"),
        (IdTokenRejected("nonce_mismatch"), AuthorizationRejected, "nonce_mismatch"),
        (ClientRejected("invalid_client"), ProviderMisconfigured, "invalid_client"),
        (Deferred("http_429", timedelta(seconds=9)), ProviderUnavailable, timedelta(seconds=9)),
        (Unknown("http_503"), ProviderUnavailable, None),
        (NotSent("connect_failed"), ProviderUnavailable, None),
        (RuntimeError("leaked-token"), ProviderUnavailable, None),
        (asyncio.CancelledError(), ProviderUnavailable, None),
    ],
)
async def test_the_code_is_not_accepted(scene: Scene, caplog, outcome, expected, reason):
    """What the exchange comes to decides the error; an unknown outcome is not tried again."""
    scene.provider.code_script = [outcome] * 5
    service = scene.replica()
    callback = await scene.authorized(service)
    caught = await refused(scene, service, callback, expected)
    assert getattr(caught, "reason", getattr(caught, "retry_after", None)) == reason
    assert len(scene.provider.presented) == (5 if isinstance(outcome, NotSent) else 1)
    assert "leaked-token" not in caplog.text
    rejected = [ProviderRejectedClient("scripted", "invalid_client")]
    assert scene.events == (rejected if expected is ProviderMisconfigured else [])
    await spent(scene, service, callback)


async def test_what_may_be_the_cause_is_told(scene: Scene):
    """Where something in the application's settings is under suspicion, whoever mends them is told."""
    scene.provider.code_script = [ClientRejected("invalid_client", "the secret ends in a line break")]
    service = scene.replica()
    caught = await refused(scene, service, await scene.authorized(service), ProviderMisconfigured)
    assert str(caught).endswith("; the secret ends in a line break")


async def test_an_exchange_that_takes_too_long(scene: Scene):
    """It is given up, and its outcome is unknown."""
    scene.provider.gate = asyncio.Event()
    service = scene.replica(exchange_timeout=timedelta(milliseconds=1))
    await refused(scene, service, await scene.authorized(service), ProviderUnavailable)


async def test_a_code_of_another_browser(scene: Scene):
    """A code that was put into a victim's callback does not fit its state's code verifier."""
    service = scene.replica()
    attackers = parameters(scene.provider.consent(await service.begin("scripted", "mallory", REDIRECT_URI)))
    victims = parameters(await scene.authorized(service))
    injected = {**victims, "code": attackers["code"]}
    await refused(scene, service, injected, AuthorizationRejected, user_id="alice")


async def test_an_id_token_for_another_nonce(scene: Scene):
    """Tokens whose ID token is not for this authorization are not stored."""
    scene.provider.linking = LinkingTraits(openid=True, pkce=False)
    service = scene.replica()
    attackers = parameters(
        scene.provider.consent(await service.begin("scripted", "mallory", REDIRECT_URI, scopes=["openid"]))
    )
    victims = parameters(await scene.authorized(service, scopes=["openid"]))
    caught = await refused(scene, service, {**victims, "code": attackers["code"]}, AuthorizationRejected)
    assert caught.reason == "nonce_mismatch"


async def test_a_refused_callback_leaves_the_old_link(scene: Scene):
    """Whatever goes wrong, the link that was there works on."""
    service = scene.replica()
    old = await scene.connect(service)
    url = await service.begin("scripted", "alice", REDIRECT_URI)
    with pytest.raises(LinkingFailed):
        await service.complete(scene.provider.deny(url), user_id="alice")
    assert await scene.stored() == old
    assert scene.provider.tokens.is_live(old.tokens)
