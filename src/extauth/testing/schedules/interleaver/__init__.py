"""Concurrent refreshes whose order a test decides: gates, schedules, and the promises as checks."""

from extauth.testing.schedules.interleaver.interleaver import Interleaver
from extauth.testing.schedules.interleaver.replay import PromiseBroken, replay
from extauth.testing.schedules.interleaver.setting import Setting
from extauth.testing.schedules.interleaver.steps import Step
from extauth.testing.schedules.interleaver.virtual_time import VirtualClock

__all__ = ["Interleaver", "PromiseBroken", "Setting", "Step", "VirtualClock", "replay"]
