"""Class 1: how the client says who it is."""

from __future__ import annotations

import attrs
import pytest
from joserfc.jwk import ECKey, RSAKey

from extauth import ProviderMisconfigured
from extauth.adapters.oauth2 import AppleKey, PrivateKey
from extauth.adapters.providers import (
    apple,
    azure_devops,
    github_app,
    jfrog,
    linkedin,
    microsoft,
    monday,
    notion,
    stripe_app,
    stripe_connect,
    twitch,
)
from tests.quirks.support import USER, scene

ONLY = [
    (notion, {"client_secret_basic"}, {"encoding": "json"}, {}),
    (monday, {"client_secret_post"}, {"encoding": "json"}, {}),
    (jfrog, {"bearer_secret"}, {}, {"base": "https://jfrog.example"}),
    (stripe_connect, {"bearer_secret"}, {}, {}),
    (stripe_app, {"basic_user"}, {}, {}),
    (
        azure_devops,
        {"secret_assertion"},
        {
            "code_grant": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "code_field": "assertion",
            "refresh_field": "assertion",
            "response_type": "Assertion",
        },
        {},
    ),
    (linkedin, {"client_secret_post"}, {}, {}),
    (twitch, {"client_secret_post"}, {}, {}),
]
"""Preset, the only proof that the server takes, its other habits, and the preset's variables."""

IDS = [preset.id for preset, *_ in ONLY]


@pytest.mark.parametrize(("preset", "proofs", "quirks", "variables"), ONLY, ids=IDS)
async def test_the_one_way_that_the_provider_takes(preset, proofs, quirks, variables):
    """The preset's client is believed at the code's exchange and at a refresh."""
    async with scene(client_auth=proofs, **quirks) as s:
        provider = s.client(preset, **variables)
        link = await s.connect(provider)
        fresh = await (await s.tokens(provider)).refresh(preset.id, USER)
        assert s.live(fresh)
        assert s.server.presented == [link.tokens.refresh_token]


@pytest.mark.parametrize(("preset", "proofs", "quirks", "variables"), ONLY, ids=IDS)
async def test_another_way_is_a_wrong_setup_and_no_dead_link(preset, proofs, quirks, variables):
    """A client that proves itself otherwise is told so, and the link stays as it was."""
    other = "client_secret_post" if "client_secret_basic" in proofs else "client_secret_basic"
    async with scene(client_auth=proofs, **quirks) as s:
        wrong = s.client(preset, client_auth=other, **variables)
        with pytest.raises(ProviderMisconfigured):
            await s.connect(wrong)
        assert await s.stored(preset.id) is None

        right = s.client(preset, **variables)
        link = await s.connect(right)
        with pytest.raises(ProviderMisconfigured):
            await (await s.tokens(wrong)).refresh(preset.id, USER)
        assert await s.stored(preset.id) == link
        assert s.server.grants.exchanges == 0
        assert s.live(await (await s.tokens(right)).refresh(preset.id, USER))


@pytest.mark.parametrize("proof", ["client_secret_basic", "client_secret_post"])
async def test_where_the_provider_takes_either(proof):
    """One way of two is used throughout: a request with both is refused (RFC 6749 section 2.3)."""
    async with scene() as s:
        provider = s.client(github_app, client_auth=proof)
        await s.connect(provider)
        assert s.live(await (await s.tokens(provider)).refresh("github_app", USER))


async def test_a_signed_secret():
    """Apple's secret is a JWT that the client makes from the team's key."""
    key = ECKey.generate_key("P-256")
    quirks = {
        "client_auth": {"es256_secret"},
        "assertion_audience": "https://appleid.apple.com",
        "assertion_issuer": "TEAM",
        "assertion_key_id": "KEY",
        "id_tokens": "always",
        "scope_param": None,
    }
    async with scene(server={"client_key": key.as_pem(private=False).decode()}, **quirks) as s:
        settings = {"callback_method": "GET", "authorization": attrs.evolve(apple.authorization, params={})}
        pem = key.as_pem(private=True).decode()
        provider = s.client(apple, client_key=AppleKey("TEAM", "KEY", pem), **settings)
        await s.connect(provider)
        assert s.live(await (await s.tokens(provider)).refresh("apple", USER))
        with pytest.raises(ProviderMisconfigured):
            await s.connect(s.client(apple, client_key=AppleKey("OTHER", "KEY", pem), **settings))


async def test_a_signed_assertion():
    """At Entra a JWT of the client's own key takes the place of a secret; each works once."""
    key = RSAKey.generate_key(2048)
    public = key.as_pem(private=False).decode()
    async with scene(server={"client_key": public}, client_auth={"private_key_jwt"}) as s:
        provider = s.client(
            microsoft,
            client_auth="private_key_jwt",
            client_key=PrivateKey(key.as_pem(private=True).decode()),
        )
        await s.connect(provider)
        tokens = await s.tokens(provider)
        for _ in range(2):
            assert s.live(await tokens.refresh("microsoft", USER))
        with pytest.raises(ProviderMisconfigured):
            await s.connect(s.client(microsoft))
