"""Hours and a project's calendar. Inside this package an instant is a whole number of minutes since 1970 in UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from orchestra.scheduler.domain.errors import InvalidCalendar

DAY = 24 * 60
WEEK = 7 * DAY
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def minute_of(instant: datetime) -> int:
    """The minute that has begun at `instant`."""
    return (instant - EPOCH) // MINUTE


def next_minute(instant: datetime) -> int:
    """The first minute that begins at or after `instant`."""
    return -((EPOCH - instant) // MINUTE)


@lru_cache(1 << 14)
def instant_of(minute: int) -> datetime:
    return EPOCH + minute * MINUTE


def zone_of(name: str) -> ZoneInfo:
    """Raises InvalidCalendar."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise InvalidCalendar(f"unknown time zone {name!r}") from None


@dataclass(frozen=True)
class Hours:
    """`weekdays`: 0 is Monday. `stretches`: when work is done on such a day, as minutes after local midnight, at most
    1440, in order. A night shift is two stretches. Raises InvalidCalendar.
    """

    weekdays: frozenset[int] = frozenset(range(5))
    stretches: tuple[tuple[int, int], ...] = ((9 * 60, 17 * 60),)

    def __post_init__(self) -> None:
        if not self.weekdays <= set(range(7)):
            raise InvalidCalendar("weekdays are 0 (Monday) to 6")
        if not self.weekdays or not self.stretches:
            raise InvalidCalendar("there must be working hours on at least one weekday")
        marks = [mark for stretch in self.stretches for mark in stretch]
        if marks != sorted(marks) or any(not 0 <= start < end <= DAY for start, end in self.stretches):
            raise InvalidCalendar("hours must lie between 00:00 and 24:00, in order, without overlap")

    @property
    def day(self) -> int:
        """Working minutes of one day."""
        return sum(end - start for start, end in self.stretches)

    @property
    def week(self) -> int:
        return self.day * len(self.weekdays)


ALWAYS = Hours(frozenset(range(7)), ((0, DAY),))


@dataclass(frozen=True)
class Calendar:
    """A project's: what counts as a working day there, and for members who have no hours or zone of their own."""

    zone: str = "UTC"
    hours: Hours = Hours()
    holidays: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()
    """Holidays of every year, as (month, day)."""

    def __post_init__(self) -> None:
        zone_of(self.zone)
