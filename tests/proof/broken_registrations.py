"""Stores with one bug each: replicas that go on with different clients, or with a mixed one.

Each says in its docstring what goes wrong; the decorator names the method whose promise is broken and the
contract test that was made for it.
"""

from __future__ import annotations

import asyncio

import attrs

from extauth.adapters.memory.linking import MemoryRegistrations
from tests.proof.breakable_store import HealthyStore, broken


@broken("keep_registration", "test_the_first_registration_stays")
class RegistrationOverwritten(HealthyStore):
    """The last one wins: links made with the first client cannot be refreshed any more."""

    async def keep_registration(self, name, registration, *, instead_of=None):
        kept = self.registrations.get(name)
        instead_of = instead_of or (kept and kept.client_id)
        return await super().keep_registration(name, registration, instead_of=instead_of)


@broken("keep_registration", "test_no_other_client_is_replaced")
class ReplacedUnasked(HealthyStore):
    """The second replica to notice a forgotten client replaces what the first has registered instead."""

    async def keep_registration(self, name, registration, *, instead_of=None):
        kept = self.registrations.get(name)
        replaced = None if instead_of is None or kept is None else kept.client_id
        return await super().keep_registration(name, registration, instead_of=replaced)


@broken("keep_registration", "test_a_registration_is_replaced_by_client_id")
class NeverReplaced(HealthyStore):
    """A client that the server has forgotten stays for ever."""

    async def keep_registration(self, name, registration, *, instead_of=None):
        return await super().keep_registration(name, registration)


@broken("keep_registration", "test_a_registration_is_replaced_by_client_id")
class ReplacedInPart(HealthyStore):
    """The new client's id with the old one's secret."""

    async def keep_registration(self, name, registration, *, instead_of=None):
        kept = self.registrations.get(name)
        if kept is not None and kept.client_id == instead_of:
            secret = registration.client_secret or kept.client_secret
            registration = attrs.evolve(registration, client_secret=secret)
        return await super().keep_registration(name, registration, instead_of=instead_of)


@broken("keep_registration", "test_nothing_to_replace_is_no_obstacle")
class ReplacesOnly(HealthyStore):
    """An UPDATE where none is kept: nobody has a client, each replica its own."""

    async def keep_registration(self, name, registration, *, instead_of=None):
        if instead_of is not None and self.registrations.get(name) is None:
            return registration
        return await super().keep_registration(name, registration, instead_of=instead_of)


@broken("keep_registration", "test_a_registration_is_kept")
class RegistrationWithoutToken(HealthyStore):
    """The registration can never be managed again."""

    async def keep_registration(self, name, registration, *, instead_of=None):
        less = attrs.evolve(registration, registration_token=None)
        return await super().keep_registration(name, less, instead_of=instead_of)


@broken("keep_registration", "test_registered_scopes_come_back")
class NoScopesAsNotNoted(HealthyStore):
    """A client that was registered for none is taken for one that was registered for all."""

    async def keep_registration(self, name, registration, *, instead_of=None):
        less = attrs.evolve(registration, scopes=registration.scopes or None)
        return await super().keep_registration(name, less, instead_of=instead_of)


@broken("keep_registration", "test_names_are_told_apart")
class NamesFolded(HealthyStore):
    """ALICE's client is alice's."""

    async def registration(self, name):
        return await super().registration(name.casefold())

    async def keep_registration(self, name, registration, *, instead_of=None):
        return await super().keep_registration(name.casefold(), registration, instead_of=instead_of)


@broken("keep_registration", "test_odd_registrations_come_back")
class RedirectsSorted(HealthyStore):
    """Redirect URIs are kept as a set."""

    async def keep_registration(self, name, registration, *, instead_of=None):
        uris = tuple(sorted(set(registration.redirect_uris)))
        if name.startswith("t"):
            registration = attrs.evolve(registration, redirect_uris=uris)
        return await super().keep_registration(name, registration, instead_of=instead_of)


@broken("keep_registration", "test_one_of_many_registrations_is_kept")
class KeepReadsThenWrites(HealthyStore):
    """All look, all find none, each keeps its own."""

    async def keep_registration(self, name, registration, *, instead_of=None):
        if self.registrations.get(name) is None:
            await asyncio.sleep(0)
            self.registrations._kept[name] = registration
            return registration
        return await super().keep_registration(name, registration, instead_of=instead_of)


@broken("keep_registration", "test_one_of_many_replacements_is_kept")
class ReplaceReadsThenWrites(HealthyStore):
    """All look, all find the old one, each replaces it by its own."""

    async def keep_registration(self, name, registration, *, instead_of=None):
        kept = self.registrations.get(name)
        if kept is not None and kept.client_id == instead_of:
            await asyncio.sleep(0)
            self.registrations._kept[name] = registration
            return registration
        return await super().keep_registration(name, registration, instead_of=instead_of)


@broken("keep_registration", "test_a_cancelled_keeping_can_be_repeated")
class KeepInTwoSteps(HealthyStore):
    """The client first, its secret next: cancelled in between, the secret never comes."""

    async def keep_registration(self, name, registration, *, instead_of=None):
        if self.registrations.get(name) is None:
            half = attrs.evolve(registration, client_secret=None)
            await super().keep_registration(name, half, instead_of=instead_of)
            await asyncio.sleep(0)
            self.registrations._kept[name] = registration
        return await super().keep_registration(name, registration, instead_of=instead_of)


@broken("keep_registration", "test_one_registration_of_many_replicas_is_kept")
class RegistrationInTheProcess(HealthyStore):
    """Each replica registers a client of its own."""

    def another(self):
        twin = super().another()
        twin.__dict__ = {**self.__dict__, "registrations": MemoryRegistrations()}
        return twin


@broken("registration", "test_a_registration_is_kept")
class RegistrationOfAnyName(HealthyStore):
    """Whatever is asked for, there is one."""

    async def registration(self, name):
        return next(iter(self.registrations._kept.values()), None)


@broken("registration", "test_a_registration_is_kept")
class RegistrationAsError(HealthyStore):
    """What is not there is an error."""

    async def registration(self, name):
        return self.registrations._kept[name]
