"""The Postgres adapter."""

from extauth.adapters.postgres.store import PostgresLinkStore
from extauth.adapters.postgres.unique_names import UniqueNamesConnection

__all__ = ["PostgresLinkStore", "UniqueNamesConnection"]
