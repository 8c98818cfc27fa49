"""Working time: which minutes are worked, in real time zones, and arithmetic on nothing but those.

A *position* is a place on an axis that only working minutes lengthen. Adding, subtracting and comparing working time
are then look-ups in sorted lists.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from orchestra.scheduler.domain.errors import NoWorkingTime
from orchestra.scheduler.domain.timeline.calendar import (
    DAY,
    Calendar,
    Hours,
    instant_of,
    minute_of,
    next_minute,
    zone_of,
)

_GIVE_UP = 5 * 366 * DAY
_STRIDE = 28
"""Days looked at together."""


class WorkingTime:
    """The working minutes of one member. Days are looked at when first asked for and remembered.

    Every method may raise NoWorkingTime. A local time that occurs twice (clocks go back) counts from the first to the
    second occurrence; one that never occurs (clocks go forward) is read as if they had not been changed yet.
    """

    def __init__(
        self,
        zone: str,
        hours: Hours,
        days_off: Iterable[date] = (),
        yearly: Iterable[tuple[int, int]] = (),
    ) -> None:
        self._zone, self.hours = zone_of(zone), hours
        self._days_off, self._yearly = frozenset(days_off), frozenset(yearly)
        # Stretch i is worked from _starts[i] to _ends[i], and its first minute has the position _before[i].
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._before: list[int] = []
        # What is known: days from _first up to but not including _last, minutes and positions likewise.
        self._first = self._last = date.min
        self._since = self._until = 0
        self._low = self._high = 0

    @classmethod
    def of(cls, calendar: Calendar) -> "WorkingTime":
        """A project's own: of nobody in particular."""
        return cls(calendar.zone, calendar.hours, calendar.holidays, calendar.yearly)

    # --- instants -------------------------------------------------------------------------------------------------

    def next_working(self, instant: datetime) -> datetime:
        """The first moment at or after `instant` at which a working minute begins."""
        return instant_of(self.start(self.position(next_minute(instant))))

    def add(self, instant: datetime, minutes: int) -> datetime:
        """When `minutes` (at least 1) of work begun at or after `instant` are done: the end of the last of them."""
        return instant_of(self.end(self.position(next_minute(instant)) + minutes))

    def subtract(self, instant: datetime, minutes: int) -> datetime:
        """When `minutes` (at least 1) of work must begin to be done by `instant`: the start of the first of them."""
        return instant_of(self.start(self.position(minute_of(instant)) - minutes))

    def between(self, start: datetime, end: datetime) -> int:
        """Whole working minutes from `start` to `end`; 0 where `end` is not later."""
        return max(0, self.position(minute_of(end)) - self.position(next_minute(start)))

    # --- positions ------------------------------------------------------------------------------------------------

    def position(self, minute: int) -> int:
        """How many working minutes come before `minute`, from an origin that stays the same for this object."""
        if not self._since <= minute < self._until:
            self._look_as_far_as(minute)
        i = bisect_right(self._starts, minute) - 1
        return self._before[i] + min(minute, self._ends[i]) - self._starts[i] if i >= 0 else self._low

    def reaching(self, minute: int) -> int:
        """The first position before which the work ends in the minute or later."""
        position = self.position(minute)
        return position if self.end(position) >= minute else position + 1

    def start(self, position: int) -> int:
        """The minute at which the work at `position` begins."""
        while position < self._low:
            self._look_back()
        while position >= self._high:
            self._look_ahead()
        i = bisect_right(self._before, position) - 1
        return self._starts[i] + position - self._before[i]

    def end(self, position: int) -> int:
        """The minute at which the work before `position` has just ended."""
        while position <= self._low:
            self._look_back()
        while position > self._high:
            self._look_ahead()
        i = bisect_left(self._before, position) - 1
        return self._starts[i] + position - self._before[i]

    # --- days -----------------------------------------------------------------------------------------------------

    def _look_as_far_as(self, minute: int) -> None:
        if self._first == date.min:
            self._first = self._last = instant_of(minute).astimezone(self._zone).date()
            self._since = self._until = self._minute(self._first, 0)
        while minute < self._since:
            self._look_back()
        while minute >= self._until:
            self._look_ahead()

    def _look_ahead(self) -> None:
        if self._until - (self._ends[-1] if self._ends else self._since) > _GIVE_UP:
            raise NoWorkingTime
        for _ in range(_STRIDE):
            midnight, self._until = self._until, self._minute(self._last + timedelta(days=1), 0)
            for begin, end in self._day(self._last, midnight, self._until):
                start = max(begin, self._ends[-1]) if self._ends else begin
                if start >= end:
                    continue
                if self._ends and start == self._ends[-1]:
                    self._ends[-1] = end
                else:
                    self._before.append(self._high)
                    self._starts.append(start)
                    self._ends.append(end)
                self._high += end - start
            self._last += timedelta(days=1)

    def _look_back(self) -> None:
        if (self._starts[0] if self._starts else self._until) - self._since > _GIVE_UP:
            raise NoWorkingTime
        for _ in range(_STRIDE):
            self._first -= timedelta(days=1)
            midnight, self._since = self._since, self._minute(self._first, 0)
            for start, finish in reversed(self._day(self._first, self._since, midnight)):
                end = min(finish, self._starts[0]) if self._starts else finish
                if start >= end:
                    continue
                self._low -= end - start
                if self._starts and end == self._starts[0]:
                    self._starts[0], self._before[0] = start, self._low
                else:
                    self._before.insert(0, self._low)
                    self._starts.insert(0, start)
                    self._ends.insert(0, end)

    def _day(self, day: date, midnight: int, next_midnight: int) -> list[tuple[int, int]]:
        off = day.weekday() not in self.hours.weekdays or day in self._days_off
        if off or (day.month, day.day) in self._yearly:
            return []
        if next_midnight - midnight == DAY:
            return [(midnight + start, midnight + end) for start, end in self.hours.stretches]
        return [
            (self._minute(day, start), max(self._minute(day, end), self._minute(day, end, fold=1)))
            for start, end in self.hours.stretches
        ]

    def _minute(self, day: date, minutes: int, fold: int = 0) -> int:
        local = datetime.combine(day, time(), self._zone) + timedelta(minutes=minutes)
        return minute_of(local.replace(fold=fold))
