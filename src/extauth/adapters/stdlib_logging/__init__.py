"""Events in the log, by Python's own logging."""

from extauth.adapters.stdlib_logging.observer import LoggingObserver, UserIds

__all__ = ["LoggingObserver", "UserIds"]
