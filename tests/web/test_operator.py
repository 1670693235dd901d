"""The operator's pages, in each framework: what is on them, for whom, and what never is."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, final

import attrs
import pytest

import extauth
from extauth import AccessPolicy, LinkKey, Operator, RefreshFailure, named_provider_id, open_store
from extauth.adapters.audit import AuditTrail
from extauth.adapters.encryption import EncryptionKey
from extauth.domain.events import LinkReauthorizationRequired, LinkRefreshed, RefreshFailed
from extauth.domain.fence import fence
from extauth.domain.inventory import FoundLinks, LinkFilter, LinkSummary
from extauth.domain.outbox import Undeliverable
from extauth.domain.outcomes import Deferred
from extauth.domain.policy import ProviderTraits
from extauth.domain.probably_dead import PROBABLY_DEAD
from extauth.domain.token_set import TokenSet
from extauth.services.outbox.delivery import LinkEventDelivery
from extauth.testing import ScriptedLinkingProvider
from extauth.web import OPERATOR_ENGLISH, OPERATOR_GERMAN, OperatorPage, RecentExchanges, Words
from extauth.web.operating import reading
from extauth.web.request import WebRequest
from extauth.web.words.words import missing_messages
from tests.web.apps import FRAMEWORKS, MOUNTED
from tests.web.conftest import providers
from tests.web.test_page import HOSTILE, Elements
from tests.web.visitor import ORIGIN, Visitor

JSON = {"accept": "application/json"}
NOW = datetime.now(UTC)
ADMIN = Operator("eve", {"admin"})
ROLES = {
    "eve": ADMIN,
    "sue": Operator("sue", {"support"}),
    "kay": Operator("kay", {"keys"}),
    "ann": Operator("ann", set()),
}
PAGES = ("", "links", "audit", "keys")


async def by_header(request: Any) -> Operator | None:
    """Say which operator is signed in: whoever the header names, if it is one."""
    return ROLES.get(request.headers.get("x-user"))


@final
@attrs.frozen
class Desk:
    """An application with the pages, and a browser of an operator's."""

    auth: extauth.Auth
    eve: Visitor

    def seen_by(self, user: str | None) -> Visitor:
        """Return another browser."""
        return Visitor(self.eve.send, user)

    async def json(self, path: str = "") -> Any:
        """Return what eve is told."""
        reply = await self.eve.get(f"/operator/{path}", **JSON)
        assert reply.status == 200, reply.text
        return reply.json


@pytest.fixture
async def opens():
    """Open a desk by hand: on a store, with options of the pages and of ``extauth.open``."""
    async with AsyncExitStack() as closing:

        async def open_desk(store: Any = "memory://", framework: str = "aiohttp", **options: Any) -> Desk:
            opening = options.pop("opening", {})
            auth = await closing.enter_async_context(extauth.open(store, providers(), **opening))
            options = {"public_url": f"{ORIGIN}/operator", "application": "Example", **options}
            page = OperatorPage(lambda _: auth, options.pop("operator", by_header), **options)
            send = await closing.enter_async_context({**FRAMEWORKS, **MOUNTED}[framework](page))
            return Desk(auth, Visitor(send, "eve"))

        yield open_desk


@pytest.fixture
async def store():
    """A store with a link in each condition."""
    async with open_store("memory://", keys="plain") as opened:
        yield opened


async def put(store, provider_id: str, user: str = "alice", **tokens: Any):
    """Store a link."""
    return await store.put(
        LinkKey(provider_id, user), TokenSet("secret-access", **{"refresh_token": "secret-refresh", **tokens})
    )


async def mark(store, link, reason: str, retry_at: datetime | None = None) -> None:
    """Put a failure mark on a link."""
    await store.record_failure(
        link.key, link.version, RefreshFailure(reason, NOW, link.version, retry_at=retry_at)
    )


async def fill(store) -> None:
    """Put a link in each condition into the store."""
    await store.outbox.keep_on()
    later = NOW + timedelta(hours=1)
    await put(store, "calendar", expires_at=later)
    await put(store, named_provider_id("calendar", "work"), expires_at=NOW - timedelta(minutes=1))
    await mark(store, await put(store, "calendar", "bob"), "invalid_grant")
    await mark(store, await put(store, "calendar", "carol"), PROBABLY_DEAD, later)
    await mark(store, await put(store, "poster", "carol"), "http_503", later)
    fenced = await put(store, "poster", "dave")
    await store.record_failure(fenced.key, fenced.version, fence(NOW, fenced.version))
    ends: dict[str, Any] = {"expires_at": NOW + timedelta(hours=5), "issued_at": NOW - timedelta(days=30)}
    await put(store, "tv", refresh_token=None, **ends)
    await put(store, "gone", expires_at=later)


@pytest.mark.parametrize("framework", [*FRAMEWORKS, *(name for name in MOUNTED if name == "fastapi")])
async def test_each_page(opens, store, framework):
    """It is shown as a page and as JSON; neither holds a token, and nobody keeps or frames it."""
    await fill(store)
    desk = await opens(store, framework)
    for path in PAGES:
        page = await desk.eve.get(f"/operator/{path}")
        told = await desk.eve.get(f"/operator/{path}", **JSON)
        assert (page.status, told.status) == (200, 200)
        assert "script" not in Elements(page.text).open
        assert 'lang="en"' in page.text
        assert page["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert (page["cache-control"], page["x-frame-options"]) == ("no-store", "DENY")
        assert (page["referrer-policy"], page["x-content-type-options"]) == ("same-origin", "nosniff")
        for reply in (page, told):
            assert "secret-" not in reply.text
            assert "set-cookie" not in reply
        assert (await desk.eve.get(f"/operator/{path}", "HEAD")).text == ""
    assert (await desk.eve.get("/operator/nowhere")).status == 404


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_who_is_no_operator(opens, store, framework):
    """Nothing is there for them, whatever they ask for, and nothing of the store is in the answer."""
    await fill(store)
    desk = await opens(store, framework)
    for user in ("alice", None):
        for path in (*PAGES, "nowhere"):
            reply = await desk.seen_by(user).get(f"/operator/{path}")
            assert (reply.status, "calendar" in reply.text) == (404, False)
    refused = await desk.seen_by("alice").get("/operator/", **JSON)
    assert (refused.status, refused.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_it_only_shows(opens, store, framework):
    """Whatever else is asked for is refused, by the same words in each framework."""
    desk = await opens(store, framework)
    reply = await desk.eve.post("/operator/links")
    assert (reply.status, reply["allow"]) == (405, "GET, HEAD")


async def test_links_by_provider_and_state(opens, store):
    """Named links count with their provider, and one that nobody serves is listed."""
    await fill(store)
    told = (await (await opens(store)).json())["links"]
    found = {each["provider"]: (each["served"], each["states"]) for each in told["providers"]}
    assert found == {
        "calendar": (True, {"ok": 1, "expired": 1, "broken": 1, "cooling": 1}),
        "poster": (True, {"cooling": 2}),
        "tv": (True, {"ok": 1}),
        "gone": (False, {"ok": 1}),
    }
    assert told["of_the_first"] is None


async def test_why_refreshes_failed(opens, store):
    """Each reason says whether it is broken, probably so, fenced, or tried again; if it is of now."""
    await fill(store)
    again = await put(store, "tv", "bob")
    await mark(store, again, "invalid_grant")
    await put(store, "tv", "bob")
    told = (await (await opens(store)).json())["marks"]["marks"]
    assert {(each["provider"], each["reason"]): each["kind"] for each in told} == {
        ("calendar", "invalid_grant"): "broken",
        ("calendar", PROBABLY_DEAD): "probably_broken",
        ("poster", "http_503"): "retried",
        ("poster", "fenced"): "fenced",
    }


async def test_what_ends_soon_and_what_is_due(opens, store):
    """The one is for its user to mend, the other for a refresh."""
    await fill(store)
    told = await (await opens(store)).json()
    assert [(each["provider"], each["user"]) for each in told["endings"]["links"]] == [("tv", "alice")]
    assert [(each["provider"], each["links"], each["more"]) for each in told["due"]] == [
        ("calendar", 1, False),  # the named one
        ("poster", 0, False),
        ("tv", 0, False),
    ]
    await put(store, "tv", "bob", expires_at=NOW - timedelta(minutes=1))
    told = await (await opens(store)).json()
    assert [each["links"] for each in told["due"]] == [1, 0, 1]


async def test_which_keys_seal_how_many_rows(opens):
    """Of the first links on the overview, of all rows on a page of its own."""
    async with open_store("memory://", keys="plain") as plain:
        await put(plain, "calendar")
        key = EncryptionKey.generate("k1")
        desk = await opens(plain, opening={"keys": [key], "plain_rows": "read"})
        with extauth.acting_as(ADMIN):
            await put(desk.auth.store, "calendar", "bob")
        told = await desk.json()
        assert {each["key"]: each["links"] for each in told["sealing"]["keys"]} == {"k1": 1, None: 1}
        page = (await desk.eve.get("/operator/")).text
        assert "Links in plain text, beside others that are encrypted: 1." in page
        status = (await desk.json("keys"))["keys"]["status"]
        assert [(each["key_id"], each["primary"], each["use"]["links"]) for each in status["keys"]] == [
            ("k1", True, 1)
        ]
        assert status["plain"]["links"] == 1


async def test_keys_are_counted_once_in_a_minute(opens, store):
    """Whoever asks again is given what was counted; whoever may not is not."""
    desk = await opens(store, opening={"access": AccessPolicy()})
    first = await desk.json("keys")
    assert await desk.json("keys") == first
    assert (await desk.seen_by("kay").get("/operator/keys")).status == 200
    assert (await desk.seen_by("sue").get("/operator/keys")).status == 403


async def test_events_that_nobody_took(opens, store):
    """They are counted and the first are listed, with why."""
    await fill(store)

    async def refuses(_: object) -> None:
        code = "no_such_user"
        raise Undeliverable(code)

    await LinkEventDelivery(store, refuses).deliver_due()
    told = (await (await opens(store)).json())["outbox"]
    assert (told["waiting"], told["dead"]) == (0, 1)
    [letter] = told["letters"]
    assert (letter["event"], letter["user"], letter["code"]) == ("link.broken", "bob", "no_such_user")


async def test_the_newest_entries_first(opens):
    """A page at a time, of one user, or of one provider; who reads them is no entry."""
    desk = await opens(opening={"audit": AuditTrail.in_store()})
    for number in range(60):
        await put(desk.auth.store, "poster" if number % 10 else "calendar", f"user-{number}")
    first = (await desk.json("audit"))["audit"]
    assert [each["user"] for each in first["entries"]][:2] == ["user-59", "user-58"]
    assert len(first["entries"]) == 50
    page = await desk.eve.get("/operator/audit")
    assert f'href="/operator/audit?before={first["older"]}"' in page.text
    rest = (await desk.json(f"audit?before={first['older']}"))["audit"]
    assert [each["user"] for each in rest["entries"]][-1] == "user-0"
    assert rest["older"] is None
    of_one = (await desk.json("audit?user=user-7"))["audit"]
    assert [each["user"] for each in of_one["entries"]] == ["user-7"]
    of_provider = (await desk.json("audit?provider=calendar"))["audit"]
    assert [each["user"] for each in of_provider["entries"]] == [
        f"user-{each}" for each in (50, 40, 30, 20, 10, 0)
    ]
    assert of_provider["looked_at"] == 60


async def test_links_page_by_page(opens, store):
    """Filters hold on the next page, and what is no filter is refused."""
    for number in range(60):
        await put(store, "calendar", f"user-{number:02}")
    await put(store, "poster", "user-00")
    desk = await opens(store)
    first = (await desk.json("links?provider=calendar"))["links"]
    assert (len(first["links"]), first["next"]) == (50, ["calendar", "user-49"])
    following = "provider=calendar&amp;after_provider=calendar&amp;after_user=user-49"
    assert f"/operator/links?{following}" in (await desk.eve.get("/operator/links?provider=calendar")).text
    rest = (await desk.json(f"links?{following.replace('&amp;', '&')}"))["links"]
    assert [each["key"]["user"] for each in rest["links"]][:1] == ["user-50"]
    assert len((await desk.json("links?user=user-00"))["links"]["links"]) == 2
    for query in ("state=none", "user=%00", "user=a&user=b", "after_user=x", f"user={'x' * 300}"):
        reply = await desk.eve.get(f"/operator/links?{query}")
        assert (query, reply.status) == (query, 400)
    for query in ("before=-1", "before=x", "before=9223372036854775808"):
        assert (await desk.eve.get(f"/operator/audit?{query}")).status == 400


async def test_what_a_role_may_not_see_is_not_read(opens):
    """Parts are there by the rules, for each operator; who may see none of a page is refused."""
    desk = await opens(opening={"access": AccessPolicy(), "audit": AuditTrail.in_store()})
    with extauth.acting_as(ADMIN):
        await put(desk.auth.store, "calendar")
    told = (await desk.seen_by("sue").get("/operator/", **JSON)).json
    assert told["links"]["providers"][0]["states"] == {"ok": 1}
    assert [told[part] for part in ("outbox", "audit", "due")] == ["not_allowed"] * 3
    assert "You may not see this." in (await desk.seen_by("sue").get("/operator/")).text
    assert [(await desk.seen_by("sue").get(f"/operator/{path}")).status for path in PAGES] == [
        200,
        200,
        403,
        403,
    ]
    assert [(await desk.seen_by("ann").get(f"/operator/{path}")).status for path in PAGES] == [403] * 4
    assert (await desk.json())["audit"]["entries"] != []


async def test_a_store_that_is_down(opens, tmp_path):
    """The page says so, and shows what this process knows."""
    async with open_store(f"sqlite:///{tmp_path}/links.db") as store:
        desk = await opens(store, recent=RecentExchanges())
    reply = await desk.eve.get("/operator/")
    assert reply.status == 200
    assert "This process is not ready" in reply.text
    assert (await desk.json())["links"] == "store_unavailable"
    assert "cannot be read now" in (await desk.eve.get("/operator/links")).text


async def test_hostile_names_are_text(opens, store):
    """Whatever a provider, a user, a reason or the application is called."""
    link = await put(store, HOSTILE, HOSTILE)
    await mark(store, link, HOSTILE)
    desk = await opens(store, application=HOSTILE)
    for path in ("", "links", "audit", "keys", "links?provider=%22%3E%3Cscript%3E"):
        page = Elements((await desk.eve.get(f"/operator/{path}")).text)
        assert {tag for tag, _ in page.tags} & {"script", "img"} == set()
        assert [name for _, given in page.tags for name in given if name.startswith("on")] == []
        links = [given["href"] for tag, given in page.tags if tag == "a"]
        assert [each for each in links if not each.startswith("/operator/")] == []


async def test_the_last_hour_of_this_process(opens, store):
    """By minute, what was older is forgotten, and the failures say their provider and reason."""
    at = [NOW.replace(second=30) - timedelta(hours=2)]
    recent = RecentExchanges(now=lambda: at[0])
    key, span = LinkKey("calendar", "alice"), timedelta(seconds=1)
    recent.notify(LinkRefreshed(key, 2, span))
    at[0] += timedelta(minutes=100)
    recent.notify(LinkRefreshed(key, 3, span))
    recent.notify(RefreshFailed(key, 3, "http_503", None))
    at[0] += timedelta(minutes=1)
    recent.notify(LinkReauthorizationRequired(key, 3, "invalid_grant"))
    minutes = recent.minutes()
    assert len(minutes) == 60
    assert [(each.refreshed, each.failed, each.ended) for each in minutes[-2:]] == [(1, 1, 0), (0, 0, 1)]
    assert sum(each.refreshed for each in minutes) == 1
    told = await (await opens(store, recent=recent)).json()
    assert [(each["outcome"], each["reason"]) for each in told["troubles"]] == [
        ("ended", "invalid_grant"),
        ("failed", "http_503"),
    ]
    page = (await (await opens(store, recent=recent)).eve.get("/operator/")).text
    assert 'aria-label="1 refreshed, 1 failed, 1 ended."' in page


async def test_it_keeps_little():
    """However much happens, the numbers of an hour and a few failures are all that is kept."""
    at = [NOW]
    recent = RecentExchanges(now=lambda: at[0])
    for _ in range(200):
        at[0] += timedelta(minutes=1)
        recent.notify(RefreshFailed(LinkKey("calendar", "alice"), 1, "http_503", None))
    assert (len(recent._minutes), len(recent.troubles())) == (60, 20)


async def test_a_provider_that_is_left_alone(opens, store):
    """It is told with the reason and for how long, until that is over."""
    users = ("alice", "bob", "carol")
    for user in users:
        await put(store, "calendar", user, expires_at=NOW - timedelta(minutes=1))
    recent = RecentExchanges()
    desk = await opens(store, recent=recent, opening={"observer": recent})
    provider: Any = desk.auth.providers["calendar"]
    provider.tokens.script = [Deferred("http_429", timedelta(minutes=5)) for _ in users]
    for user in users:
        with pytest.raises(extauth.ProviderUnavailable):
            await desk.auth.access_token("calendar", user)
    told = await desk.json()
    [pause] = told["pauses"]
    assert (pause["provider_id"], pause["reason"]) == ("calendar", "http_429")
    assert 0 < pause["remaining"] <= 330
    assert sum(each["failed"] for each in told["minutes"]) == len(told["troubles"]) > 0
    assert "calendar is left alone for" in (await desk.eve.get("/operator/")).text


async def test_in_german(opens, store):
    """All is said in the browser's language; a language that lacks something is told at the start."""
    await fill(store)
    desk = await opens(store)
    page = (await desk.eve.get("/operator/", **{"accept-language": "de-AT"})).text
    assert "Verbindungen und Tokens" in page
    assert missing_messages(OPERATOR_GERMAN, OPERATOR_ENGLISH) == []
    assert missing_messages(OPERATOR_ENGLISH, OPERATOR_GERMAN) == []
    with pytest.raises(ValueError, match="lacks"):
        await opens(store, languages=[Words("fr", {})])


@pytest.mark.parametrize("version", [1, 2])
async def test_a_mark_of_credentials_before_is_not_told(version):
    """It says nothing of those of now; a store may list it all the same."""
    found = LinkSummary(
        LinkKey("calendar", "alice"), "ok", 2, failure=RefreshFailure("http_503", NOW, version)
    )

    class Inventory:
        async def find(self, wanted: LinkFilter, *, limit: int) -> FoundLinks:
            assert wanted.marked
            return FoundLinks((found,), None)

    told = await reading.marks(SimpleNamespace(inventory=Inventory()), {})
    assert len(told.marks) == version - 1


async def test_what_a_refresh_puts_off_does_not_end_soon():
    """Of a refresh token that ends where nobody uses it, no user need do anything."""
    idle = timedelta(days=10)
    ends = {"issued_at": NOW - timedelta(days=9), "refresh_token_expires_at": NOW + timedelta(days=1)}
    async with open_store("memory://", keys="plain") as store:
        await put(store, "calendar", **ends)
        for traits, users in ((ProviderTraits(refresh_token_idle_lifetime=idle), 0), (ProviderTraits(), 1)):
            provider = ScriptedLinkingProvider("calendar", traits=traits)
            found = await reading.endings(store, {"calendar": provider}, NOW)
            assert len(found.links) == users


@pytest.mark.parametrize("given", [{"operator": None}, {"recent": 1}], ids=["operator", "recent"])
async def test_what_it_cannot_be_made_of(opens, store, given):
    """It is said at the start."""
    with pytest.raises(TypeError):
        await opens(store, **given)


async def test_a_function_that_is_not_async():
    """What is wrong is said at the first request."""
    page = OperatorPage(
        lambda _: None, lambda _: Operator("eve", set()), public_url="https://app.example/operator"
    )
    with pytest.raises(TypeError, match="operator must be an async function of the request: write async def"):
        await page.respond(WebRequest(method="GET", path=""))


async def test_a_user_is_no_operator(opens, store):
    """A function that returns anything else is a mistake, and shows nothing."""

    async def user(_: object) -> str:
        return "eve"

    desk = await opens(store, operator=user)
    assert (await desk.eve.get("/operator/")).status == 500
