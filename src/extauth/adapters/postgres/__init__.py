"""The Postgres adapter."""

from __future__ import annotations

from extauth.extras import extra_needed

with extra_needed("postgres"):
    from extauth.adapters.postgres.store import PostgresLinkStore
    from extauth.adapters.postgres.unique_names import UniqueNamesConnection

__all__ = ["PostgresLinkStore", "UniqueNamesConnection"]
