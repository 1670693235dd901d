"""What a real answer about one link does to the others: over HTTP, with a SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from extauth import ExtAuthError, LinkKey, TokenService, TokenSet, open_store
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.adapters.providers import auth0, microsoft, okta
from extauth.domain.linking_ports import Store
from extauth.domain.provider_trouble import SEVERAL_REJECTED

PAST = datetime(2020, 1, 1, tzinfo=UTC)
HEALTHY = ("alice", "bob", "carol")
DEAD = tuple(f"dead-{number}" for number in range(SEVERAL_REJECTED + 1))
CREDENTIALS = {"client_id": "app", "client_secret": "shh"}


class App:
    """Links of one provider, of which some are refused."""

    def __init__(self, store: Store, refused: Callable[[], web.Response]) -> None:
        self.store = store
        self.refused = refused
        self.asked: list[str] = []
        """Whose refresh tokens were presented, in order."""

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a refresh."""
        user = str((await request.post())["refresh_token"]).removeprefix("rt-")
        self.asked.append(user)
        if user in DEAD:
            return self.refused()
        return web.json_response({"access_token": f"at-{user}", "expires_in": 3600})

    async def got(self, provider: OAuth2Provider, users: Iterable[str]) -> list[str]:
        """Ask for each one's token in turn, as a new process; names of errors, or tokens."""
        found = []
        async with TokenService(self.store, [provider]) as tokens:
            for user in users:
                try:
                    found.append(await tokens.access_token(provider.provider_id, user))
                except ExtAuthError as error:
                    found.append(type(error).__name__)
        return found


@asynccontextmanager
async def app(folder: Path, refused: Callable[[], web.Response]) -> AsyncIterator[tuple[App, str]]:
    """Serve, with links of everybody that have expired; also the token endpoint's URL."""
    async with open_store(f"sqlite:///{folder}/links.db") as store:
        made = App(store, refused)
        site = web.Application()
        site.router.add_post("/token", made.answer)
        runner = web.AppRunner(site)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield made, f"http://127.0.0.1:{runner.addresses[0][1]}/token"
        finally:
            await runner.cleanup()


async def connect(app: App, provider: OAuth2Provider) -> None:
    """Connect everybody."""
    for user in (*DEAD, *HEALTHY):
        tokens = TokenSet("old", f"rt-{user}", expires_at=PAST)
        await app.store.put(LinkKey(provider.provider_id, user), tokens, origin=provider.origin)


def refusal(status: int, **members: object) -> Callable[[], web.Response]:
    """Make answers with a JSON object."""
    return lambda: web.json_response(members, status=status)


@pytest.mark.parametrize(
    ("preset", "refused"),
    [
        pytest.param(None, refusal(400, error="invalid_request"), id="invalid_request"),
        pytest.param(None, refusal(400, error="invalid_scope"), id="invalid_scope"),
        pytest.param(None, refusal(403, error="unauthorized_client"), id="unauthorized_client"),
        pytest.param(None, refusal(400, error="no_such_code"), id="unclassified"),
        pytest.param(None, refusal(400), id="empty"),
        pytest.param(
            microsoft, refusal(401, error="invalid_client", error_codes=[7000112]), id="entra-disabled"
        ),
        pytest.param(
            microsoft, refusal(400, error="unauthorized_client", error_codes=[700016]), id="entra-unknown"
        ),
    ],
)
async def test_many_dead_links_keep_nobody_else_away(tmp_path, preset, refused):
    """However many are refused in a row, all others are refreshed; and the dead wait."""
    async with app(tmp_path, refused) as (here, url):
        options = {**CREDENTIALS, "token_url": url}
        provider = OAuth2Provider("plain", **options) if preset is None else preset(**options)
        await connect(here, provider)
        waiting = ["ProviderUnavailable"] * len(DEAD)
        tokens = [f"at-{user}" for user in HEALTHY]
        assert await here.got(provider, [*DEAD, *HEALTHY]) == waiting + tokens
        assert await here.got(provider, [*DEAD, *HEALTHY]) == waiting + tokens
        assert here.asked == [*DEAD, *HEALTHY]


@pytest.mark.parametrize(
    "headers",
    [
        [("WWW-Authenticate", 'Basic realm="api"')],
        [("WWW-Authenticate", 'Basic realm="api"'), ("WWW-Authenticate", "Bearer")],
    ],
    ids=["one", "two"],
)
async def test_a_bare_401_that_asks_for_basic_is_the_clients(tmp_path, headers):
    """No link is marked, and with enough of them the provider is left alone."""

    def refused() -> web.Response:
        answer = web.Response(status=401, text="Unauthorized")
        for name, value in headers:
            answer.headers.add(name, value)
        return answer

    async with app(tmp_path, refused) as (here, url):
        provider = OAuth2Provider("plain", **CREDENTIALS, token_url=url)
        await connect(here, provider)
        outcomes = await here.got(provider, [*DEAD, "alice"])
        assert outcomes == ["ProviderMisconfigured"] * (len(DEAD) + 1)
        assert here.asked == list(DEAD[:SEVERAL_REJECTED])
        links = [await here.store.get(LinkKey("plain", user)) for user in DEAD]
        assert [link.failure for link in links] == [None] * len(DEAD)


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "90"},
        {"X-Retry-After": "90"},
        {"RateLimit": '"token";r=0;t=90'},
        {"RateLimit-Remaining": "0", "RateLimit-Reset": "90"},
        {"X-Rate-Limit-Reset": "90"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("preset", "variables", "refused"),
    [(okta, {"domain": "acme.okta.example"}, 2), (auth0, {"domain": "acme.auth0.example"}, 1)],
    ids=["okta", "auth0"],
)
async def test_a_rate_limit_is_the_links_until_it_is_known_to_be_the_clients(
    tmp_path, preset, variables, refused, headers
):
    """A second link says so, or the preset does, and then all wait for as long as was asked."""

    def throttled() -> web.Response:
        return web.Response(status=429, headers=headers)

    async with app(tmp_path, throttled) as (here, url):
        provider = preset(**CREDENTIALS, **variables, token_url=url)
        await connect(here, provider)
        users = [*DEAD[:refused], "alice"]
        assert await here.got(provider, users) == ["ProviderUnavailable"] * len(users)
        assert here.asked == list(DEAD[:refused])
        failure = (await here.store.get(LinkKey(preset.id, DEAD[0]))).failure
        assert failure.retry_at - failure.at == timedelta(seconds=90)
        alone = await here.got(provider, [DEAD[-1], "alice"]) if refused > 1 else []
        assert alone == ["ProviderUnavailable", "at-alice"][: len(alone)]
