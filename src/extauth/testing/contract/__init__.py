"""The conditional-update contract as a test suite for any store."""

from extauth.testing.contract.authorizing import AuthorizingContract
from extauth.testing.contract.broken_storage import BrokenStorageContract
from extauth.testing.contract.claiming import ClaimingContract
from extauth.testing.contract.interruptions import InterruptionsContract
from extauth.testing.contract.marks import MarkContract
from extauth.testing.contract.races import RacesContract
from extauth.testing.contract.reading import ReadingContract
from extauth.testing.contract.releasing import ReleasingContract
from extauth.testing.contract.replicas import ReplicasContract
from extauth.testing.contract.saving import SavingContract
from extauth.testing.contract.upkeep import UpkeepContract
from extauth.testing.contract.values import ValuesContract
from extauth.testing.contract.waiting import WaitingContract

__all__ = ["LinkStoreContract"]


class LinkStoreContract(
    ReadingContract,
    ValuesContract,
    AuthorizingContract,
    SavingContract,
    ClaimingContract,
    ReleasingContract,
    MarkContract,
    UpkeepContract,
    WaitingContract,
    RacesContract,
    InterruptionsContract,
    ReplicasContract,
    BrokenStorageContract,
):
    """Every sentence of the :class:`~extauth.domain.ports.LinkStore` contract as a test.

    Subclass it in a test module, under a name that pytest collects, and override ``open_store``::

        class TestMyStore(LinkStoreContract):
            def open_store(self):
                return my_store()  # an async context manager that yields a fresh, empty store

    Two more hooks are worth overriding, because the tests that need them are skipped otherwise:
    ``open_another`` yields another store object on the same database, as another replica has it, and
    ``break_storage`` makes the database fail. The tests need pytest only; each runs an event loop of its
    own. A failure says which method broke which promise, and what came instead.
    """
