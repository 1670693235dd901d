"""An audit trail of any store: in its own database, or somewhere else."""

from __future__ import annotations

from extauth.adapters.audit.store import AuditedStore
from extauth.adapters.audit.trail import AuditTrail

__all__ = ["AuditTrail", "AuditedStore"]
