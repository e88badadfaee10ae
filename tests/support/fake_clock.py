"""The clock of the testing kit, under the name that our tests know it by."""

from __future__ import annotations

from hookline.testing.clock import START, FakeClock

__all__ = ["START", "FakeClock"]
