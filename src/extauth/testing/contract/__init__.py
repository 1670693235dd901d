"""The conditional-update contract, and what linking needs beside it, as test suites for any store."""

from extauth.testing.contract.broken_storage import BrokenStorageContract
from extauth.testing.contract.claiming import ClaimingContract
from extauth.testing.contract.imports import ImportsContract
from extauth.testing.contract.interruptions import InterruptionsContract
from extauth.testing.contract.inventory import InventoryContract
from extauth.testing.contract.linking.accounts import AccountsContract
from extauth.testing.contract.linking.authorizations import AuthorizationsContract
from extauth.testing.contract.linking.authorizing import AuthorizingContract
from extauth.testing.contract.linking.broken_storage import LinkingBrokenStorageContract
from extauth.testing.contract.linking.crowding import CrowdedAuthorizationsContract
from extauth.testing.contract.linking.finding import FoundAuthorizationsContract
from extauth.testing.contract.linking.registrations import RegistrationsContract
from extauth.testing.contract.linking.replicas import LinkingReplicasContract
from extauth.testing.contract.linking.upkeep import AuthorizationUpkeepContract
from extauth.testing.contract.marks import MarkContract
from extauth.testing.contract.pinging import PingContract
from extauth.testing.contract.races import RacesContract
from extauth.testing.contract.reading import ReadingContract
from extauth.testing.contract.releasing import ReleasingContract
from extauth.testing.contract.replicas import ReplicasContract
from extauth.testing.contract.resource_tokens import ResourceTokensContract
from extauth.testing.contract.saving import SavingContract
from extauth.testing.contract.sealed_rows import SealedRowsContract
from extauth.testing.contract.takeovers import TakeoverContract
from extauth.testing.contract.unreadable import UnreadableLinkContract
from extauth.testing.contract.upkeep import UpkeepContract
from extauth.testing.contract.values import ValuesContract
from extauth.testing.contract.waiting import WaitingContract

__all__ = [
    "ImportStoreContract",
    "InventoryContract",
    "LinkStoreContract",
    "LinkingStoreContract",
    "SealedRowsContract",
]


class LinkStoreContract(
    ReadingContract,
    ValuesContract,
    ResourceTokensContract,
    AuthorizingContract,
    SavingContract,
    ClaimingContract,
    TakeoverContract,
    ReleasingContract,
    MarkContract,
    UpkeepContract,
    WaitingContract,
    RacesContract,
    InterruptionsContract,
    ReplicasContract,
    PingContract,
    BrokenStorageContract,
    UnreadableLinkContract,
):
    """Every sentence of the :class:`~extauth.domain.ports.LinkStore` contract as a test.

    Subclass it in a test module, under a name that pytest collects, and override ``open_store``::

        class TestMyStore(LinkStoreContract):
            def open_store(self):
                return my_store()  # an async context manager that yields a fresh, empty store

    Three more hooks are worth overriding, because the tests that need them are skipped otherwise:
    ``open_another`` yields another store object on the same database, as another replica has it,
    ``break_storage`` makes the database fail, and ``spoil`` makes one link unreadable. The tests need pytest
    only; each runs an event loop of its own. A failure says which method broke which promise, and what came
    instead.
    """


class LinkingStoreContract(
    AuthorizationsContract,
    FoundAuthorizationsContract,
    CrowdedAuthorizationsContract,
    AuthorizationUpkeepContract,
    AccountsContract,
    RegistrationsContract,
    LinkingReplicasContract,
    LinkingBrokenStorageContract,
):
    """Every sentence that :class:`~extauth.domain.linking_ports.Store` adds to a ``LinkStore`` as a test.

    For a store that :class:`~extauth.LinkingService` is to use. The hooks are those of
    :class:`LinkStoreContract`; one class may have both as bases. There is one more: ``dump_storage`` returns
    all that the store keeps as text, to see that the salt of an authorization is gone once it was taken.
    """


class ImportStoreContract(ImportsContract):
    """Every sentence of :class:`~extauth.domain.imports.ImportStore` as a test.

    For a store that links are to be moved into or out of, which has that as ``imports``. The hooks are those
    of :class:`LinkStoreContract`; one class may have all three as bases.
    """
