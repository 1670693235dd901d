"""``registration`` and ``keep_registration``: all replicas go on with the same client."""

from __future__ import annotations

import asyncio

from extauth.domain.linking import ClientRegistration
from extauth.domain.linking_ports import Store
from extauth.testing.contract.expect import expect, expect_that
from extauth.testing.contract.interruptions import MOMENTS, interrupted
from extauth.testing.contract.linking.harness import LinkingHarness, with_linking_store
from extauth.testing.contract.linking.steps import NAME, registered
from extauth.testing.contract.values import ODD_IDS, ODD_TEXTS

FIRST_STAYS = "keep_registration must keep the one that is there, and return it"


class RegistrationsContract(LinkingHarness):
    """Clients that were registered dynamically."""

    @with_linking_store
    async def test_a_registration_is_kept(self, store: Store) -> None:
        """Every field comes back, from the call that keeps it and from every later one."""
        expect(await store.registration(NAME), None, "registration of what was never kept must return None")
        least = ClientRegistration(issuer="https://as.example", client_id="client")
        for name, registration in ((NAME, registered()), ("least", least)):
            kept = await store.keep_registration(name, registration)
            expect(kept, registration, "keep_registration must return the one that is kept")
            found = await store.registration(name)
            expect(found, registration, "registration must return every field as it was kept")

    @with_linking_store
    async def test_registered_scopes_come_back(self, store: Store) -> None:
        """That none were asked for is kept apart from that it was not noted."""
        for number, scopes in enumerate((None, set[str](), {"b", "a"}), 1):
            registration = registered(number, scopes=scopes)
            kept = await store.keep_registration(f"{number}", registration)
            promise = "keep_registration must keep the scopes as they were given"
            expect(kept, registration, promise)
            expect(await store.registration(f"{number}"), registration, f"{promise}: registration")

    @with_linking_store
    async def test_the_first_registration_stays(self, store: Store) -> None:
        """Who comes second goes on with the client of the first."""
        await store.keep_registration(NAME, registered(1))
        expect(await store.keep_registration(NAME, registered(2)), registered(1), FIRST_STAYS)
        expect(await store.registration(NAME), registered(1), FIRST_STAYS)

    @with_linking_store
    async def test_a_registration_is_replaced_by_client_id(self, store: Store) -> None:
        """A client that the server has forgotten makes way for the one registered instead, as a whole."""
        await store.keep_registration(NAME, registered(1))
        least = ClientRegistration(issuer="https://as.example", client_id="client-2")
        promise = "keep_registration instead of the client that is there must replace it as a whole"
        expect(await store.keep_registration(NAME, least, instead_of="client-1"), least, promise)
        expect(await store.registration(NAME), least, promise)
        again = await store.keep_registration(NAME, least, instead_of="client-1")
        expect(again, least, "keep_registration repeated must find its own")

    @with_linking_store
    async def test_no_other_client_is_replaced(self, store: Store) -> None:
        """Who would replace a client that another replica has replaced already goes on with that one."""
        await store.keep_registration(NAME, registered(2))
        promise = "keep_registration instead of a client that is not there must change nothing"
        for instead_of in ("client-1", "CLIENT-2", "client-2 ", "client-3", ""):
            kept = await store.keep_registration(NAME, registered(3), instead_of=instead_of)
            expect(kept, registered(2), promise)
        expect(await store.registration(NAME), registered(2), promise)

    @with_linking_store
    async def test_nothing_to_replace_is_no_obstacle(self, store: Store) -> None:
        """Where none is kept, the new one is, whatever it was to replace."""
        promise = "keep_registration where none is kept must keep it, whatever instead_of says"
        kept = await store.keep_registration(NAME, registered(2), instead_of="client-1")
        expect(kept, registered(2), promise)
        expect(await store.registration(NAME), registered(2), promise)

    @with_linking_store
    async def test_names_are_told_apart(self, store: Store) -> None:
        """Names are compared character for character, and one's client is never another's."""
        for number, name in enumerate(ODD_IDS, 1):
            await store.keep_registration(name, registered(number))
        await store.keep_registration(
            "alice", registered(30), instead_of=f"client-{ODD_IDS.index('alice') + 1}"
        )
        for number, name in enumerate(ODD_IDS, 1):
            expected = registered(30) if name == "alice" else registered(number)
            found = await store.registration(name)
            expect(found, expected, "keep_registration must tell names apart character for character")

    @with_linking_store
    async def test_odd_registrations_come_back(self, store: Store) -> None:
        """Texts and the order of redirect URIs are kept."""
        for text in ODD_TEXTS:
            odd = registered(
                issuer=text,
                client_id=text,
                client_secret=text,
                client_auth=text,
                redirect_uris=(text, "https://b.example", "https://a.example", text),
                registration_uri=text,
                registration_token=text,
            )
            kept = await store.keep_registration(text[:255], odd)
            expect(kept, odd, "keep_registration must store texts unchanged")
            found = await store.registration(text[:255])
            expect(found, odd, "registration must return texts unchanged")

    @with_linking_store
    async def test_one_of_many_registrations_is_kept(self, store: Store) -> None:
        """Replicas that register at the same moment all go on with one client."""
        keeping = (store.keep_registration(NAME, registered(number)) for number in range(1, 21))
        kept = await asyncio.gather(*keeping)
        await expect_one(store, kept, "keep_registration 20 times at once must return one client to all")

    @with_linking_store
    async def test_one_of_many_replacements_is_kept(self, store: Store) -> None:
        """Replicas that replace a client at the same moment all go on with one new client."""
        await store.keep_registration(NAME, registered(30))
        keeping = (
            store.keep_registration(NAME, registered(number), instead_of="client-30")
            for number in range(1, 21)
        )
        kept = await asyncio.gather(*keeping)
        promise = "keep_registration instead of one client 20 times at once must return one new client to all"
        await expect_one(store, kept, promise)
        expect_that(kept[0] != registered(30), promise, "it returned the old one")

    @with_linking_store
    async def test_a_cancelled_keeping_can_be_repeated(self, store: Store) -> None:
        """The registration is whole or not there."""
        for turns in MOMENTS:
            name = f"after {turns}"
            await interrupted(store.keep_registration(name, registered(1)), turns)
            found = await store.registration(name)
            if found is not None:
                promise = "keep_registration that was cancelled must keep it whole or not at all"
                expect(found, registered(1), promise)
            kept = await store.keep_registration(name, registered(1))
            expect(kept, registered(1), "keep_registration repeated after a cancelled one must find its own")


async def expect_one(store: Store, kept: list[ClientRegistration], promise: str) -> None:
    """Expect that all were given the same registration, and that it is kept."""
    clients = {registration.client_id for registration in kept}
    expect_that(len(clients) == 1, promise, f"it returned {len(clients)} different ones")
    expect(await store.registration(NAME), kept[0], f"{promise}, and keep that one: registration")
