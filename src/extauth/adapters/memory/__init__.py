"""The memory adapter: links in this process alone, and the reference for every other store."""

from extauth.adapters.memory.store import MemoryLinkStore

__all__ = ["MemoryLinkStore"]
