"""Looking after encryption keys: what each is in use for, and bringing everything under another one.

The keys themselves are in :mod:`extauth.adapters.encryption`.
"""

from __future__ import annotations

from extauth.domain.key_use import (
    KeysStatus,
    KeyStatus,
    KeyUse,
    RotationProgress,
    RotationReport,
    RowLeft,
)
from extauth.domain.sealed import KeyIds
from extauth.domain.sealed_rows import SealedCounts, SealedRows
from extauth.services.keys.rotation import rotate
from extauth.services.keys.status import ensure_key_unused, keys_status

__all__ = [
    "KeyIds",
    "KeyStatus",
    "KeyUse",
    "KeysStatus",
    "RotationProgress",
    "RotationReport",
    "RowLeft",
    "SealedCounts",
    "SealedRows",
    "ensure_key_unused",
    "keys_status",
    "rotate",
]
