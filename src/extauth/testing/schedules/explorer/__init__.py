"""Every schedule of a small configuration."""

from extauth.testing.schedules.explorer.bounds import Bounds, Report, Violation
from extauth.testing.schedules.explorer.walk import explore

__all__ = ["Bounds", "Report", "Violation", "explore"]
