"""Which scopes are asked for, what an answer says of them, and a refresh token that was asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from extauth import Account, LinkingService, LinkKey, TokenService, TokenSet, open_store
from extauth.adapters.oauth2 import AuthorizationRules, OAuth2Provider
from extauth.adapters.providers import CATALOGUE
from extauth.domain.event_reports import report
from extauth.domain.events import LinkConnected, RefreshTokenMissing
from extauth.domain.linking import LinkingTraits
from extauth.domain.policy import ProviderTraits
from extauth.testing import AuthorizationServer
from extauth.testing.server.consent import Consent
from extauth.testing.server.quirks import ServerQuirks
from tests.services.linking.conftest import KEY, REDIRECT_URI, Scene

LINK = LinkKey("example", "alice")


class Site:
    """An application with one provider, a real server."""

    def __init__(self, server: AuthorizationServer, store: Any) -> None:
        self.server, self.store = server, store
        self.events: list[object] = []

    def notify(self, event: object) -> None:
        self.events.append(event)

    def provider(self, **changes: Any) -> OAuth2Provider:
        return OAuth2Provider(
            "example",
            client_id=self.server.client_id,
            client_secret=self.server.client_secret,
            token_url=self.server.token_url,
            authorize_url=self.server.authorize_url,
            device_url=self.server.device_authorization_url,
            **changes,
        )

    async def connect(self, provider: OAuth2Provider, **options: Any) -> tuple[dict[str, str], Any]:
        """Connect alice; return what the request said, and the link."""
        async with LinkingService(self.store, [provider], observer=self) as linking:
            url = await linking.begin("example", "alice", REDIRECT_URI, **options)
            callback = await self.server.visit(url)
            asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
            return asked, await linking.complete(callback.url, user_id="alice")


@pytest.fixture
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """One with an empty store; a test may name the server's quirks."""
    quirks = getattr(request, "param", ServerQuirks())
    async with AuthorizationServer(quirks=quirks) as server, open_store("memory://") as store:
        yield Site(server, store)


async def test_what_is_asked_for_now_decides(site: Site):
    """A scope that the provider has dropped since does not keep the user from connecting again."""
    await site.store.put(LINK, TokenSet("at", "rt", scopes={"view_private", "write"}))
    provider = site.provider(scopes=["activity"])
    asked, link = await site.connect(provider)
    assert (asked["scope"], link.tokens.scopes) == ("activity", {"activity"})
    asked, link = await site.connect(provider, scopes=["write"])
    assert (asked["scope"], link.tokens.scopes) == ("write", {"write"})


async def test_earlier_scopes_are_carried_over_when_asked(site: Site):
    """In both flows; a link of another client has nothing to carry over."""
    provider = site.provider(scopes=["read"])
    await site.connect(provider)
    asked, link = await site.connect(provider, scopes=["write"], include_granted=True)
    assert (asked["scope"], link.tokens.scopes) == ("read write", {"read", "write"})
    async with LinkingService(site.store, [provider]) as linking:
        assert (await linking.begin_device("example", "alice")).scopes == {"read"}
        device = await linking.begin_device("example", "alice", scopes=["own"], include_granted=True)
        assert device.scopes == {"own", "read", "write"}
    await site.store.put(
        LINK, TokenSet("at", scopes={"theirs"}), origin=attrs.evolve(provider.origin, client_id="c")
    )
    asked, _ = await site.connect(provider, include_granted=True)
    assert asked["scope"] == "read"


async def test_an_answer_with_no_scope_means_none(site: Site):
    """What a user has unticked is not on the link."""
    site.server.consent = Consent(scopes=frozenset())
    _, link = await site.connect(site.provider(scopes=["repo", "admin"]))
    assert link.tokens.scopes == frozenset()


@pytest.mark.parametrize(
    "site", [ServerQuirks(granted="always"), ServerQuirks(granted="always", granted_as="list")], indirect=True
)
async def test_a_refresh_that_grants_no_scope_means_none(site: Site):
    """The link claims nothing that the grant no longer has, and keeps what an answer does not speak of."""
    tokens = site.server.new_grant("alice")
    provider = site.provider()
    await site.store.put(LINK, attrs.evolve(tokens, scopes={"read"}), origin=provider.origin)
    async with TokenService(site.store, [provider]) as service:
        assert (await service.refresh("example", "alice")).tokens.scopes == frozenset()
        await site.store.put(
            LINK, attrs.evolve(site.server.new_grant("alice"), scopes={"read"}), origin=provider.origin
        )
        site.server._state.quirks = ServerQuirks(granted="never")
        assert (await service.refresh("example", "alice")).tokens.scopes == {"read"}


@pytest.mark.parametrize(
    ("options", "begin", "prompt"),
    [
        ({"openid": True, "scopes": ["openid", "offline_access"]}, {}, "consent"),
        ({"openid": True, "scopes": ["openid"]}, {"scopes": ["offline_access"]}, "consent"),
        (
            {"openid": True, "authorization": AuthorizationRules(extra_scopes=("offline_access",))},
            {},
            "consent",
        ),
        ({"openid": True, "scopes": ["openid"]}, {}, None),
        ({"scopes": ["offline_access"]}, {}, None),
        ({"openid": True, "scopes": ["offline_access"]}, {"params": {"prompt": "login"}}, "login"),
        (
            {
                "openid": True,
                "scopes": ["offline_access"],
                "authorization": AuthorizationRules(params={"prompt": "none"}),
            },
            {},
            "none",
        ),
        (
            {
                "openid": True,
                "scopes": ["offline_access"],
                "authorization": AuthorizationRules(offline_consent=False),
            },
            {},
            None,
        ),
    ],
)
async def test_offline_access_asks_for_consent(site: Site, options: Any, begin: Any, prompt: str | None):
    """OpenID Connect Core section 11: without the prompt the scope is to be ignored."""
    async with LinkingService(site.store, [site.provider(**options)]) as linking:
        url = await linking.begin("example", "alice", REDIRECT_URI, **begin)
    assert parse_qs(urlsplit(url).query).get("prompt", [None]) == [prompt]


async def test_the_endpoints_own_prompt_stays(site: Site):
    """One that the URL of the endpoint has is not said twice."""
    provider = OAuth2Provider(
        "example",
        client_id="c",
        client_secret="s",
        token_url=site.server.token_url,
        authorize_url=f"{site.server.authorize_url}?prompt=login",
        openid=True,
        scopes=["openid", "offline_access"],
    )
    async with LinkingService(site.store, [provider]) as linking:
        url = await linking.begin("example", "alice", REDIRECT_URI)
    assert parse_qs(urlsplit(url).query)["prompt"] == ["login"]


@pytest.mark.parametrize("name", ["auth0", "keycloak", "microsoft", "okta"])
def test_presets_that_give_refresh_tokens_without_a_prompt(name: str):
    """Their users are not asked for consent again each time."""
    rules = CATALOGUE[name].authorization
    assert (rules.offline_consent, "offline_access" in rules.extra_scopes) == (False, True)


@pytest.mark.parametrize("site", [ServerQuirks(refresh_tokens=False)], indirect=True)
@pytest.mark.parametrize(
    ("options", "begin", "told"),
    [
        ({}, {}, False),
        ({"scopes": ["offline_access"]}, {}, True),
        ({}, {"scopes": ["offline_access", "read"]}, True),
        ({"authorization": AuthorizationRules(extra_scopes=("offline.access",))}, {}, True),
        ({"authorization": AuthorizationRules(params={"access_type": "offline"})}, {}, True),
        ({"authorization": AuthorizationRules(params={"access_type": "online"})}, {}, False),
    ],
)
async def test_a_refresh_token_that_was_asked_for_and_did_not_come(
    site: Site, caplog: pytest.LogCaptureFixture, options: Any, begin: Any, told: bool
):
    """The observer and the log are told, when the user connects and not when the access token has expired."""
    _, link = await site.connect(site.provider(**options), **begin)
    assert link.tokens.refresh_token is None
    missing = [RefreshTokenMissing(LINK, 1)] if told else []
    assert site.events == [LinkConnected(LINK, 1), *missing]
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warned == [str(report(each)) for each in missing]


async def test_a_refresh_token_that_came_is_not_missed(site: Site):
    """All is well."""
    await site.connect(site.provider(scopes=["offline_access"]))
    assert site.events == [LinkConnected(LINK, 1)]


async def test_a_refresh_token_that_is_kept_is_not_missed(scene: Scene):
    """Where one came with the first consent alone and lives on, the second goes without a word."""
    scene.provider.refresh_token_once = True
    scene.provider.linking = LinkingTraits(asks_refresh_token=True)
    scene.provider.accounts = {"alice-there": Account("id-1")}
    scene.provider.tokens.traits = ProviderTraits(rotates=False)
    first = await scene.connect(scene.replica())
    again = await scene.connect(scene.replica())
    assert again.tokens.refresh_token == first.tokens.refresh_token
    assert scene.events == [LinkConnected(KEY, 1), LinkConnected(KEY, 2)]
