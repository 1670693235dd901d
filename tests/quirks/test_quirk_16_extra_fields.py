"""Class 16: answers and callbacks carry more that is worth keeping."""

from __future__ import annotations

from datetime import timedelta

import attrs

from extauth.adapters.providers import quickbooks, salesforce
from extauth.domain.linking_outcomes import TokenUnverified, TokenValid
from tests.quirks.support_b import AT_THE_INSTANCE, using

SALESFORCE = {
    "extra_members": {"instance_url": "{url}", "id": "{url}/id/{account_id}", "signature": "unasked"},
    "extra_members_once": True,
    "offline_scope": "refresh_token",
}


async def test_members_of_the_first_answer_are_kept_over_refreshes():
    """What only the first answer says is still there after a refresh; nothing else of it is kept."""
    client = {"validation": AT_THE_INSTANCE}
    async with using(salesforce, client=client, server={"reuse": "non_rotating"}, **SALESFORCE) as app:
        link = await app.connect()
        kept = {"instance_url": app.server.url, "id": f"{app.server.url}/id/someone"}
        assert (link.tokens.extra, link.account.id) == (kept, kept["id"])
        app.clock.advance(timedelta(days=1))
        fresh = await app.refreshed()
        assert fresh.tokens.access_token != link.tokens.access_token
        assert fresh.tokens.extra == (await app.stored()).tokens.extra == kept
        # The address that was kept is where the provider is asked about the token.
        assert await app.validate() == TokenValid()


async def test_without_the_rule_the_address_is_lost():
    """A client that keeps nothing cannot find the API any more."""
    forgetful = attrs.evolve(salesforce, replies=attrs.evolve(salesforce.replies, extra_fields=frozenset()))
    async with using(forgetful, client={"validation": AT_THE_INSTANCE}, **SALESFORCE) as app:
        assert (await app.connect()).tokens.extra == {}
        assert await app.validate() == TokenUnverified("cannot_ask")


async def test_fields_of_the_callback_are_kept_over_refreshes():
    """The company comes with the browser alone; it is kept, and the callback's other parameters are not."""
    async with using(quickbooks, extra_callback={"realmId": "4620", "other": "x"}, pkce="ignored") as app:
        assert (await app.connect()).tokens.extra == {"realmId": "4620"}
        assert (await app.refreshed()).tokens.extra == {"realmId": "4620"}
        assert (await app.stored()).tokens.extra == {"realmId": "4620"}
    async with using(
        attrs.evolve(quickbooks, callback_fields=frozenset()), extra_callback={"realmId": "4620"}
    ) as app:
        assert (await app.connect()).tokens.extra == {}


async def test_the_token_endpoint_wins_over_the_browser():
    """A member of the answer is believed, not a parameter of the same name that a browser could forge."""
    both = attrs.evolve(
        quickbooks, replies=attrs.evolve(quickbooks.replies, extra_fields=frozenset({"realmId"}))
    )
    quirks = {"extra_members": {"realmId": "told"}, "extra_callback": {"realmId": "forged"}}
    async with using(both, **quirks) as app:
        assert (await app.connect()).tokens.extra == {"realmId": "told"}
