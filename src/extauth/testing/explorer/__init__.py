"""Every schedule of a small configuration."""

from extauth.testing.explorer.bounds import Bounds, Report, Violation
from extauth.testing.explorer.walk import explore

__all__ = ["Bounds", "Report", "Violation", "explore"]
