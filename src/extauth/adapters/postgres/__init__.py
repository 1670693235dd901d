"""The Postgres adapter."""

from extauth.adapters.postgres.store import PostgresLinkStore

__all__ = ["PostgresLinkStore"]
