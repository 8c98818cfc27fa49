"""How fine a project plans."""

from dataclasses import dataclass
from datetime import datetime, time

from orchestra.scheduler.domain.errors import InvalidCalendar
from orchestra.scheduler.domain.timeline.calendar import DAY, Calendar, instant_of, minute_of, zone_of


@dataclass(frozen=True)
class Grain:
    """`minutes` divide 1440, which itself means whole working days.

    People's durations are rounded up to it and `as_of` down. Raises InvalidCalendar.
    """

    minutes: int
    calendar: Calendar

    def __post_init__(self) -> None:
        if self.minutes < 1 or DAY % self.minutes:
            raise InvalidCalendar(f"a grain of {self.minutes} minutes does not divide a day")

    @property
    def working(self) -> int:
        """In working minutes."""
        return self.minutes if self.minutes < DAY else self.calendar.hours.day

    def floor(self, instant: datetime) -> datetime:
        """The last grain point not after `instant`; they are counted from midnight in the project's zone."""
        zone = zone_of(self.calendar.zone)
        midnight = minute_of(datetime.combine(instant.astimezone(zone).date(), time(), zone))
        grains = (minute_of(instant) - midnight) // self.minutes if self.minutes < DAY else 0
        return instant_of(midnight + grains * self.minutes)
