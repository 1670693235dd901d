"""Whether the shipped stores keep what linking needs."""

from __future__ import annotations

import pytest

from extauth.adapters.memory import MemoryLinkStore

needs_real_stores = pytest.mark.skipif(
    not hasattr(MemoryLinkStore, "take_authorization"), reason="the shipped stores cannot link yet"
)
