"""Access control around any store."""

from __future__ import annotations

from extauth.adapters.authorization.store import GuardedStore

__all__ = ["GuardedStore"]
