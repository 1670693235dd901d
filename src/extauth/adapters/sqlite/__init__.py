"""The SQLite adapter."""

from extauth.adapters.sqlite.store import SqliteLinkStore

__all__ = ["SqliteLinkStore"]
