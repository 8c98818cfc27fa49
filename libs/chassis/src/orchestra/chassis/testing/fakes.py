"""Fakes of the chassis ports."""

from datetime import datetime, timedelta

from orchestra.chassis.clock import SystemClock


class HeldClock:
    """Time that moves only when told to; it begins at the real one."""

    def __init__(self) -> None:
        self._now = SystemClock().now()

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        self._now += by
