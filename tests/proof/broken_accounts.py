"""Stores with one bug each: accounts that stick, get lost or cost a refresh its tokens.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

import asyncio

import attrs

from extauth.domain.outcomes import Absent, Claimed, Recorded, Saved, Stale
from tests.proof.breakable_store import HealthyStore, broken


@broken("save", "test_a_refresh_keeps_the_account")
class SaveClearsAccount(HealthyStore):
    """After the first refresh nobody knows whose account it is."""

    async def save(self, key, version, tokens, **said):
        outcome = await super().save(key, version, tokens, **said)
        if isinstance(outcome, Saved):
            return Saved(self.row(key, link=attrs.evolve(outcome.link, account=None)).link)
        return outcome


@broken("save", "test_a_save_of_another_grant_forgets_the_account")
class AnotherGrantKeepsAccount(HealthyStore):
    """After a failover the newer tokens are under the account of an older authorization."""

    async def save(self, key, version, tokens, *, origin=None, written_at=None, other_grant=False):
        return await super().save(key, version, tokens, origin=origin, written_at=written_at)


@broken("put", "test_an_authorization_forgets_the_account")
class PutKeepsAccount(HealthyStore):
    """The tokens are of one account and the name is of another."""

    async def put(self, key, tokens, *, origin=None):
        row = self._rows.get(key)
        link = await super().put(key, tokens, origin=origin)
        return link if row is None else self.row(key, link=attrs.evolve(link, account=row.link.account)).link


@broken("put", "test_an_unlink_forgets_the_account")
class AccountOutlivesUnlink(HealthyStore):
    """The account is kept in a table of its own, and found again."""

    async def delete(self, key):
        link = await super().delete(key)
        self.__dict__.setdefault("accounts", {})[key] = link and link.account
        return link

    async def put(self, key, tokens, *, origin=None):
        link = await super().put(key, tokens, origin=origin)
        account = self.__dict__.get("accounts", {}).get(key)
        return self.row(key, link=attrs.evolve(link, account=account)).link


@broken("claim", "test_what_writes_no_credentials_keeps_the_account")
class ClaimClearsAccount(HealthyStore):
    """A refresh that begins forgets whose account it is for."""

    async def claim(self, key, version, owner, ttl, **takeover):
        outcome = await super().claim(key, version, owner, ttl, **takeover)
        if isinstance(outcome, Claimed):
            row = self.row(key, link=attrs.evolve(self._rows[key].link, account=None))
            return attrs.evolve(outcome, link=row.seen_at(self._now()))
        return outcome


class ChangesMore(HealthyStore):
    """Recording an account changes something else as well."""

    def change(self, link):
        raise NotImplementedError

    async def record_account(self, key, version, account):
        outcome = await super().record_account(key, version, account)
        if isinstance(outcome, Recorded):
            return Recorded(self.row(key, link=self.change(self._rows[key].link)).seen_at(self._now()))
        return outcome


@broken("record_account", "test_an_account_is_recorded_and_nothing_else")
class AccountBumpsVersion(ChangesMore):
    """A refresh under way cannot save: the only tokens that work are lost."""

    def change(self, link):
        return attrs.evolve(link, version=link.version + 1)


@broken("record_account", "test_an_account_is_recorded_and_nothing_else")
class AccountLiftsMark(ChangesMore):
    """A dead link looks alive."""

    def change(self, link):
        return attrs.evolve(link, failure=None)


@broken("record_account", "test_an_account_is_recorded_whole")
class AccountMerged(HealthyStore):
    """coalesce(new, old): one account's name under another's id."""

    async def record_account(self, key, version, account):
        old = self._rows[key].link.account if key in self._rows else None
        if old is not None:
            account = attrs.evolve(account, login=account.login or old.login)
        return await super().record_account(key, version, account)


@broken("record_account", "test_an_account_of_another_version_changes_nothing")
class AccountOfAnyVersion(HealthyStore):
    """What the old tokens said is written beside the new ones."""

    async def record_account(self, key, version, account):
        row = self._rows.get(key)
        return await super().record_account(key, row.link.version if row else version, account)


@broken("record_account", "test_an_account_of_another_version_changes_nothing")
class StaleForGone(HealthyStore):
    """Nobody learns that the user has unlinked."""

    async def record_account(self, key, version, account):
        outcome = await super().record_account(key, version, account)
        return Stale(None) if isinstance(outcome, Absent) else outcome


@broken("links_of", "test_lists_show_the_account")
class ListsWithoutAccount(HealthyStore):
    """A list of links cannot say whose they are."""

    async def links_of(self, user_id):
        return [attrs.evolve(link, account=None) for link in await super().links_of(user_id)]


@broken("record_account", "test_an_account_is_one_links")
class AccountOfAllLinks(HealthyStore):
    """All links of the user are for that account."""

    async def record_account(self, key, version, account):
        for other in self._rows:
            if other.user_id == key.user_id:
                self.row(other, link=attrs.evolve(self._rows[other].link, account=account))
        return await super().record_account(key, version, account)


@broken("record_account", "test_odd_accounts_come_back")
class EmptyNameForNone(HealthyStore):
    """Whoever has no name has an empty one."""

    async def record_account(self, key, version, account):
        account = attrs.evolve(account, display_name=account.display_name or "")
        return await super().record_account(key, version, account)


@broken("record_account", "test_a_save_among_accounts_wins")
class AccountReadsThenWrites(HealthyStore):
    """The row is read, the winner saves, the row is written back."""

    async def record_account(self, key, version, account):
        row = self._rows.get(key)
        if row is None or row.link.version != version:
            return await super().record_account(key, version, account)
        await asyncio.sleep(0)
        row = attrs.evolve(row, link=attrs.evolve(row.link, account=account))
        self._write(key, row)
        return Recorded(row.seen_at(self._now()))


@broken("record_account", "test_a_cancelled_account_can_be_repeated")
class AccountInTwoSteps(HealthyStore):
    """The id first, the names next: a cancelled one leaves the half of it."""

    async def record_account(self, key, version, account):
        await super().record_account(key, version, attrs.evolve(account, login=None))
        await asyncio.sleep(0)
        return await super().record_account(key, version, account)


@broken("get", "test_an_account_is_seen_by_all_replicas")
class AccountInTheProcess(HealthyStore):
    """The account is known to the replica that has asked for it."""

    def another(self):
        twin = super().another()
        twin.__dict__ = {**self.__dict__, "forgetful": True}
        return twin

    async def get(self, key):
        link = await super().get(key)
        return attrs.evolve(link, account=None) if link and self.__dict__.get("forgetful") else link
