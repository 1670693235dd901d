"""The SQLite adapter."""

from __future__ import annotations

from extauth.extras import extra_needed

with extra_needed("sqlite"):
    from extauth.adapters.sqlite.store import SqliteLinkStore

__all__ = ["SqliteLinkStore"]
