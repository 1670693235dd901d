"""The page of connected accounts: what it says of each link, in each language, whoever wrote the names."""

from __future__ import annotations

import html
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from string import Formatter

import attrs
import pytest

from extauth import Account, LinkKey, RefreshFailure, StoreUnavailable, open_store
from extauth.adapters.encryption import EncryptionKey
from extauth.domain.doubt import doubt
from extauth.domain.fence import fence
from extauth.domain.reasons import EXPLANATIONS
from extauth.domain.token_set import TokenSet
from extauth.web import ENGLISH, GERMAN, ConnectedAccounts, Offer, Words
from extauth.web.overview import reconnected_by
from extauth.web.pages.html import element, web_url
from extauth.web.request import WebRequest
from extauth.web.words.words import missing_messages
from tests.web.apps import signed_in
from tests.web.conftest import PUBLIC_URL, providers

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e&amp;</title>'{provider}"
NOW = datetime.now(UTC)


@pytest.fixture
async def store():
    """An empty store."""
    async with open_store("memory://", keys="plain") as opened:
        yield opened


async def put(store, provider_id, **tokens):
    """Give alice a link."""
    key = LinkKey(provider_id, "alice")
    return await store.put(key, TokenSet("access", **{"refresh_token": "refresh", **tokens}))


async def page_of(opens, store, **options):
    """Return alice's page."""
    world = await opens(store=store, **options)
    return (await world.visitor().get("/accounts/")).text


class Elements(HTMLParser):
    """All elements of a page and all its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


async def test_hostile_names_are_text(opens, store):
    """Whatever an account, an offer or the application is called: no element and no attribute comes of it."""
    link = await put(store, "calendar")
    await store.record_account(link.key, link.version, Account(HOSTILE, HOSTILE, HOSTILE, "javascript:x"))
    await put(store, HOSTILE)
    offers = [Offer("calendar", HOSTILE), Offer("poster", HOSTILE, HOSTILE)]
    world = await opens(store=store, offers=offers, application=HOSTILE)
    visitor = world.visitor()
    for path in (
        "",
        "disconnect/calendar",
        "connect/poster",
        f"nowhere/{'%3Cscript%3E'}",
        "connect/%3Cscript%3E",
    ):
        page = Elements((await visitor.get(f"/accounts/{path}")).text)
        assert {tag for tag, _ in page.tags} & {"script", "img"} == set()
        names = {name for _, given in page.tags for name in given}
        assert [name for name in names if name.startswith("on")] == []
        links = [given["href"] for tag, given in page.tags if tag == "a"]
        assert [each for each in links if not each.startswith("/accounts/")] == []
        assert HOSTILE in page.text or path.startswith(("nowhere", "connect/%"))


async def test_each_condition_is_told(opens, store):
    """What is the matter, since when, and what to do; the words are the reason's."""
    await put(store, "calendar")
    link = await put(store, "poster")
    await store.record_failure(link.key, link.version, RefreshFailure("invalid_grant", NOW, link.version))
    await put(
        store,
        "tv",
        refresh_token=None,
        expires_at=NOW + timedelta(days=1),
        issued_at=NOW - timedelta(days=30),
    )
    await put(store, "gone")
    page = html.unescape(await page_of(opens, store))
    for text in (
        ENGLISH.messages["state.ok"],
        EXPLANATIONS["invalid_grant"],
        f"ends on {ENGLISH.date(NOW + timedelta(days=1))}",
        ENGLISH.messages["state.retired.text"],
        "Connected since <time datetime",
    ):
        assert text in page
    assert 'action="/accounts/connect/gone"' not in page
    assert 'href="/accounts/disconnect/gone"' in page
    assert "refresh" not in page.replace("refreshed", "")


@pytest.mark.parametrize(("mark", "condition"), [(fence, "fenced"), (doubt, "doubtful")])
async def test_one_that_is_not_refreshed_here(mark, condition, opens, store):
    """It is not said to be well, since its token may be over; to connect again helps."""
    link = await put(store, "poster")
    await store.record_failure(link.key, link.version, mark(NOW, link.version))
    alice = (await opens(store=store)).visitor()
    [listed] = (await alice.get("/accounts/", accept="application/json")).json["connections"]
    assert (listed["provider"], listed["condition"]) == ("poster", condition)
    page = html.unescape((await alice.get("/accounts/")).text)
    assert ENGLISH.messages[f"state.{condition}.text"] in page
    assert 'action="/accounts/connect/poster"' in page


async def test_one_that_cannot_be_read_hides_no_other(opens, store):
    """It is said of that one alone."""
    sealed = TokenSet("$extauth$k1$text", "$extauth$k1$text")
    await store.put(LinkKey("poster", "alice"), sealed)
    await put(store, "calendar")
    page = await page_of(opens, store)
    assert ENGLISH.messages["state.unreadable.text"] in page
    assert 'aria-label="Disconnect Calendar"' in page


async def test_a_missing_key_hides_no_other(opens, tmp_path):
    """With the keys gone of one link alone, the others are shown, and it can be connected again."""
    url = f"sqlite:///{tmp_path}/links.db"
    old, new = EncryptionKey.generate("old"), EncryptionKey.generate("new")
    async with open_store(url, keys=[old]) as store:
        await put(store, "poster")
    async with open_store(url, keys=[new]) as store:
        await put(store, "calendar")
        world = await opens(store=store)
        alice = world.visitor()
        listed = (await alice.get("/accounts/", accept="application/json")).json["connections"]
        told = {each["provider"]: each["condition"] for each in listed}
        assert told == {"calendar": "ok", "poster": "unreadable"}
        assert ENGLISH.messages["state.unreadable"] in (await alice.get("/accounts/")).text
        assert (await alice.get("/accounts/disconnect/poster")).status == 200
        assert (await alice.post("/accounts/connect/poster")).status == 303


async def test_the_store_is_down(opens, store):
    """The page says so, with when to come again, and is no server's error."""
    world = await opens()
    visitor = world.visitor()

    async def fail(_: str) -> None:
        msg = "the driver said hidden-word"
        raise StoreUnavailable(msg, retry_after=timedelta(seconds=2.5))

    world.auth.store.links_of = fail
    page = await visitor.get("/accounts/")
    assert (page.status, page["retry-after"], "hidden-word" in page.text) == (503, "3", False)
    problem = await visitor.get("/accounts/", accept="application/json")
    assert (problem.json["code"], problem.json["retry_after"]) == ("store_unavailable", 3)


async def test_in_another_language(opens, store):
    """As the browser prefers, or the application says; with its language and direction on the page."""
    arabic = attrs.evolve(ENGLISH.but({"list.title": "الحسابات"}), language="ar", direction="rtl")
    world = await opens(store=store, languages=[ENGLISH, GERMAN, arabic])
    visitor = world.visitor()
    for accept, told in {
        "de-CH": '<html lang="de" dir="ltr">',
        "ar": '<html lang="ar" dir="rtl">',
        "fr": '<html lang="en" dir="ltr">',
    }.items():
        page = await visitor.get("/accounts/", accept_language=accept)
        assert told in page.text
    world = await opens(store=store, language=lambda request: request.headers.get("x-lang"))
    page = await world.visitor().get("/accounts/", accept_language="en", x_lang="de")
    assert "Verbundene Konten" in page.text


def test_languages_say_the_same():
    """German has each message of English, with the same places, and each reason."""
    assert missing_messages(GERMAN, ENGLISH) == missing_messages(ENGLISH, GERMAN) == []
    for each, text in ENGLISH.messages.items():
        places = [
            {name for _, name, _, _ in Formatter().parse(said) if name}
            for said in (text, GERMAN.messages[each])
        ]
        assert (each, places[0]) == (each, places[1])
    assert [code for code in EXPLANATIONS if f"reason.{code}" not in GERMAN] == []
    assert GERMAN.date(datetime(2026, 3, 1, tzinfo=UTC)) == "1. März 2026"
    assert ENGLISH.reason("something else") == ENGLISH.messages["reason"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"public_url": "http://app.example/accounts"}, "https"),
        ({"public_url": "https://app.example/accounts?a=b"}, "query"),
        ({"public_url": "https://APP.example"}, "as a browser does"),
        ({"public_url": "https://me@app.example"}, "user"),
        ({"return_to": "//evil.example"}, "return_to"),
        ({"sign_in_url": "https://evil.example/"}, "sign_in_url"),
        ({"languages": []}, "at least one"),
        ({"languages": [Words("fr", {})]}, "lacks"),
        ({"offers": [Offer("a"), Offer("a")]}, "two offers"),
        ({"authorization_ttl": timedelta(0)}, "authorization_ttl"),
        ({"client_document": {"client_id": "https://app.example/other.json"}}, "client.json"),
    ],
)
def test_what_cannot_be_is_told_at_once(options, message):
    """With what to write instead."""
    with pytest.raises(ValueError, match=message):
        ConnectedAccounts(lambda _: None, signed_out, **{"public_url": PUBLIC_URL, **options})


@pytest.mark.parametrize("given", [(None, None), ("memory://", None)], ids=["nothing", "url"])
def test_of_another_type(given):
    """Functions are asked for."""
    auth, user = given
    with pytest.raises(TypeError):
        ConnectedAccounts(auth, user or signed_out, public_url=PUBLIC_URL)
    with pytest.raises(TypeError):
        ConnectedAccounts(lambda _: None, "alice", public_url=PUBLIC_URL)
    with pytest.raises(TypeError):
        ConnectedAccounts(lambda _: None, signed_out, public_url=None)
    with pytest.raises(TypeError):
        ConnectedAccounts(lambda _: None, signed_out, public_url=PUBLIC_URL, offers=["github"])


async def signed_out(_):
    """Nobody is signed in."""


async def numbered(_):
    """A user whose id is a number is signed in."""
    return 7


@pytest.mark.parametrize(
    ("auth", "user", "message"),
    [
        (lambda _: None, signed_in, "what auth returns must be what extauth.open opened, not None; write a"),
        (signed_in, signed_in, "what auth returns must be what extauth.open opened, not coroutine; write a"),
        (lambda _: None, lambda _: "alice", "user must be an async function of the request: write async def"),
        (lambda _: None, numbered, "user_id must be a str, not int; ids are text: write str"),
    ],
    ids=["none", "async", "not async", "a number"],
)
async def test_functions_that_are_no_such_functions(auth, user, message):
    """What is wrong is said at the first request."""
    accounts = ConnectedAccounts(auth, user, public_url=PUBLIC_URL)
    request = WebRequest(method="GET", path="", native=WebRequest(method="GET", path="", headers={}))
    with pytest.raises(TypeError, match=message):
        await accounts.respond(request)


async def test_an_offer_that_nobody_serves_is_told_to_its_author(opens, store, caplog):
    """And to no user, by a button that leads nowhere. A second account of one that is served is shown."""
    offers = [Offer("callendar"), Offer("calendar"), Offer("calendar/work", "At work")]
    world = await opens(store=store, offers=offers)
    for _ in range(2):
        listed = await world.visitor().get("/accounts/", accept="application/json")
        assert [offer["provider"] for offer in listed.json["offers"]] == ["calendar", "calendar/work"]
    [told] = [record.getMessage() for record in caplog.records if record.name == "extauth.web"]
    assert told.startswith(
        "callendar is offered and not shown: extauth.open was given no such provider, but "
    )


def test_only_web_addresses_become_links():
    """Whatever a provider calls the address of its page for codes."""
    assert web_url("https://provider.example/device") == "https://provider.example/device"
    for each in ("javascript:alert(1)", "data:text/html,x", "//evil.example", "https:", "http://["):
        assert web_url(each) is None


def test_an_element_is_escaped():
    """Its text and its attributes, but not what is an element itself."""
    inner = element("b", None, "<&>")
    assert element("p", {"title": '"<', "hidden": True, "id": False}, inner, "'") == (
        '<p title="&quot;&lt;" hidden><b>&lt;&amp;&gt;</b>&#x27;</p>'
    )


def test_what_comes_with_another_is_reconnected_by_it():
    """A companion's link by the link that it came with; a named one by itself; nobody's by nothing."""
    [calendar, *_] = providers()
    calendar.linking = attrs.evolve(calendar.linking, companions=("user",))
    served = {"calendar": calendar}
    assert reconnected_by("calendar/user", served) == "calendar"
    assert reconnected_by("calendar/work", served) == "calendar/work"
    assert reconnected_by("calendar/work/user", served) == "calendar/work"
    assert reconnected_by("other", served) is None
