"""The conditional-update contract as a test suite for any store."""

from extauth.testing.contract.credentials import CredentialContract
from extauth.testing.contract.leases import LeaseContract
from extauth.testing.contract.marks import MarkContract
from extauth.testing.contract.reading import ReadingContract
from extauth.testing.contract.waiting import WaitingContract

__all__ = ["LinkStoreContract"]


class LinkStoreContract(ReadingContract, CredentialContract, LeaseContract, MarkContract, WaitingContract):
    """Every sentence of the :class:`~extauth.domain.ports.LinkStore` contract as a test.

    Subclass it in a test module, under a name that pytest collects, and override ``open_store``::

        class TestMyStore(LinkStoreContract):
            def open_store(self):
                return my_store()  # an async context manager that yields a fresh, empty store

    The tests need pytest only; each runs an event loop of its own.
    """
