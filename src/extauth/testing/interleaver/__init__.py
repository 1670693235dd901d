"""Concurrent refreshes whose order a test decides: gates, schedules, and the promises as checks."""

from extauth.testing.interleaver.interleaver import Interleaver
from extauth.testing.interleaver.replay import PromiseBroken, replay
from extauth.testing.interleaver.setting import Setting
from extauth.testing.interleaver.steps import Step
from extauth.testing.interleaver.virtual_time import VirtualClock

__all__ = ["Interleaver", "PromiseBroken", "Setting", "Step", "VirtualClock", "replay"]
