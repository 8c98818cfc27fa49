"""Arithmetic on working time: days off, holidays, time zones, the clock changing both ways."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.scheduler.domain.errors import InvalidCalendar, NoWorkingTime
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.domain.timeline.calendar import ALWAYS, Calendar, Hours
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.domain.timeline.working_time import WorkingTime

BERLIN = ZoneInfo("Europe/Berlin")
LUNCH = Hours(stretches=((9 * 60, 12 * 60), (13 * 60, 17 * 60)))
WORK = WorkingTime("Europe/Berlin", LUNCH)


def berlin(month: int, day: int, hour: int, minute: int = 0, fold: int = 0) -> datetime:
    """2026, where 20 November is a Friday and the clocks change on 29 March and 25 October."""
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN, fold=fold).astimezone(UTC)


def test_work_goes_on_after_lunch_and_after_the_weekend() -> None:
    assert WORK.add(berlin(11, 20, 11), 60) == berlin(11, 20, 12)
    assert WORK.add(berlin(11, 20, 11), 120) == berlin(11, 20, 14)
    assert WORK.add(berlin(11, 20, 11), 6 * 60) == berlin(11, 23, 10)


def test_a_task_that_fills_the_day_ends_when_the_day_ends_and_not_when_the_next_begins() -> None:
    assert WORK.add(berlin(11, 20, 9), 7 * 60) == berlin(11, 20, 17)
    assert WORK.subtract(berlin(11, 23, 9), 7 * 60) == berlin(11, 20, 9)
    assert WORK.next_working(berlin(11, 20, 17)) == berlin(11, 23, 9)


def test_seconds_never_begin_work_early_nor_end_it_late() -> None:
    late = berlin(11, 20, 11) + timedelta(seconds=1)
    assert WORK.next_working(late) == berlin(11, 20, 11, 1)
    assert WORK.between(late, late + timedelta(minutes=5)) == 4


def test_working_minutes_between_leave_out_what_is_not_worked() -> None:
    assert WORK.between(berlin(11, 20, 11), berlin(11, 23, 10)) == 6 * 60
    assert WORK.between(berlin(11, 20, 18), berlin(11, 22, 18)) == 0
    assert WORK.between(berlin(11, 23, 10), berlin(11, 20, 11)) == 0


def test_holidays_of_one_year_and_of_every_year_and_days_off_are_not_worked() -> None:
    calendar = Calendar("Europe/Berlin", LUNCH, holidays=frozenset({date(2026, 4, 3)}), yearly=frozenset({(5, 1)}))
    anna = Member("mem_1", "anna", "Anna", days_off=frozenset({date(2026, 4, 7)})).working_time(calendar)
    assert anna.next_working(berlin(4, 3, 0)) == berlin(4, 6, 9)
    assert anna.next_working(berlin(4, 7, 0)) == berlin(4, 8, 9)
    assert anna.next_working(berlin(5, 1, 0)) == berlin(5, 4, 9)
    assert anna.next_working(datetime(2029, 5, 1, tzinfo=UTC)) == datetime(2029, 5, 2, 7, tzinfo=UTC)


def test_a_member_has_hours_and_a_zone_of_their_own_or_the_projects() -> None:
    calendar = Calendar("Europe/Berlin", LUNCH)
    mornings = Member("mem_1", "m", "M", hours=Hours(frozenset({0, 2}), ((8 * 60, 12 * 60),)), zone="Asia/Tokyo")
    assert mornings.working_time(calendar).add(berlin(11, 20, 12), 5 * 60) == datetime(2026, 11, 25, 0, tzinfo=UTC)
    assert Member("mem_2", "p", "P").working_time(calendar).add(berlin(11, 20, 11), 120) == berlin(11, 20, 14)


def test_the_working_day_keeps_its_local_hours_when_the_clocks_change() -> None:
    assert WORK.add(berlin(3, 27, 16), 120) == berlin(3, 30, 10) == datetime(2026, 3, 30, 8, tzinfo=UTC)
    assert WORK.add(berlin(10, 23, 16), 120) == berlin(10, 26, 10) == datetime(2026, 10, 26, 9, tzinfo=UTC)


def test_a_night_shift_works_the_hour_that_comes_twice_and_loses_the_one_that_never_comes() -> None:
    night = WorkingTime("Europe/Berlin", Hours(frozenset(range(7)), ((60, 240),)))
    assert night.between(berlin(10, 25, 0), berlin(10, 25, 12)) == 4 * 60
    assert night.add(berlin(10, 25, 1), 4 * 60) == berlin(10, 25, 4)
    assert night.between(berlin(3, 29, 0), berlin(3, 29, 12)) == 2 * 60
    early = WorkingTime("Europe/Berlin", Hours(frozenset(range(7)), ((60, 150),)))
    assert early.add(berlin(10, 25, 1), 150) == berlin(10, 25, 2, 30, fold=1)


def test_a_shift_that_ends_in_the_missing_hour_keeps_its_length() -> None:
    night = WorkingTime("Europe/Berlin", Hours(frozenset(range(7)), ((60, 150), (180, 240))))
    assert night.add(berlin(3, 29, 1), 90) == berlin(3, 29, 3, 30)
    assert night.between(berlin(3, 29, 0), berlin(3, 29, 12)) == 2 * 60


def test_around_the_clock_every_minute_counts() -> None:
    always = WorkingTime("UTC", ALWAYS)
    instant = berlin(10, 24, 23, 17)
    assert always.add(instant, 10_000) == instant + timedelta(minutes=10_000)
    assert always.subtract(instant, 10_000) == instant - timedelta(minutes=10_000)


def test_a_calendar_without_working_time_says_so_in_both_directions() -> None:
    off = frozenset(date(2015, 1, 1) + timedelta(days=n) for n in range(20 * 366))
    never = WorkingTime("UTC", Hours(), days_off=off)
    for ask in (never.next_working, lambda instant: never.add(instant, 1), lambda instant: never.subtract(instant, 1)):
        with pytest.raises(NoWorkingTime, match="within five years"):
            ask(berlin(1, 1, 0))


@pytest.mark.parametrize(
    "hours",
    [
        {"weekdays": frozenset({7})},
        {"weekdays": frozenset()},
        {"stretches": ()},
        {"stretches": ((540, 540),)},
        {"stretches": ((540, 1441),)},
        {"stretches": ((540, 720), (700, 800))},
        {"stretches": ((720, 800), (540, 600))},
    ],
    ids=str,
)
def test_impossible_hours_are_refused(hours: dict[str, object]) -> None:
    with pytest.raises(InvalidCalendar):
        Hours(**hours)  # type: ignore[arg-type]


def test_an_unknown_zone_and_a_grain_that_does_not_divide_the_day_are_refused() -> None:
    with pytest.raises(InvalidCalendar, match="Mars/Olympus"):
        Calendar("Mars/Olympus")
    for minutes in (0, 7, 2880):
        with pytest.raises(InvalidCalendar, match=str(minutes)):
            Grain(minutes, Calendar())


def test_an_instant_is_rounded_down_to_the_grain_from_local_midnight() -> None:
    kolkata = Calendar("Asia/Kolkata")
    instant = datetime(2026, 11, 20, 10, 47, 12, tzinfo=UTC)  # 16:17:12 there
    assert Grain(60, kolkata).floor(instant) == datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
    assert Grain(1440, kolkata).floor(instant) == datetime(2026, 11, 19, 18, 30, tzinfo=UTC)
    long_day = berlin(10, 25, 23, 30)
    assert Grain(1440, Calendar("Europe/Berlin")).floor(long_day) == berlin(10, 25, 0)


# --- laws, for any hours, zone and instant; the instants lie around changes of the clock as well ----------------------

MARKS = st.lists(st.integers(0, 96), min_size=2, max_size=6, unique=True).map(sorted)
HOURS = st.builds(
    lambda weekdays, marks: Hours(
        weekdays, tuple((15 * a, 15 * b) for a, b in zip(marks[::2], marks[1::2], strict=False))
    ),
    st.frozensets(st.integers(0, 6), min_size=1),
    MARKS,
)
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Havana"])
OFF = st.frozensets(st.dates(date(2026, 3, 1), date(2026, 4, 15)), max_size=10)
TIMES = st.builds(WorkingTime, ZONES, HOURS, OFF, st.just(frozenset({(4, 1)})))
CHANGES = [datetime(2026, *day, tzinfo=UTC) for day in ((3, 8, 6), (3, 29, 1), (4, 4, 15), (10, 25, 1), (11, 1, 5))]
INSTANTS = st.one_of(
    st.builds(
        lambda change, minutes: change + timedelta(minutes=minutes), st.sampled_from(CHANGES), st.integers(-3000, 3000)
    ),
    st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 30), timezones=st.just(UTC)),  # noqa: DTZ001
)
MINUTES = st.integers(1, 5000)


@given(TIMES, INSTANTS, MINUTES)
def test_as_many_minutes_lie_between_as_were_added(time: WorkingTime, instant: datetime, minutes: int) -> None:
    assert time.between(instant, time.add(instant, minutes)) == minutes


@given(TIMES, INSTANTS, MINUTES)
def test_as_many_minutes_lie_between_as_were_subtracted(time: WorkingTime, instant: datetime, minutes: int) -> None:
    assert time.between(time.subtract(instant, minutes), instant) == minutes


@given(TIMES, INSTANTS, MINUTES)
def test_subtracting_undoes_adding(time: WorkingTime, instant: datetime, minutes: int) -> None:
    assert time.subtract(time.add(instant, minutes), minutes) == time.next_working(instant)


@given(TIMES, INSTANTS, MINUTES, MINUTES)
def test_adding_in_two_steps_is_adding_at_once(time: WorkingTime, instant: datetime, a: int, b: int) -> None:
    assert time.add(time.add(instant, a), b) == time.add(instant, a + b)


@given(TIMES, INSTANTS, INSTANTS, INSTANTS)
def test_what_lies_between_adds_up(time: WorkingTime, a: datetime, b: datetime, c: datetime) -> None:
    a, b, c = sorted(each.replace(second=0, microsecond=0) for each in (a, b, c))
    assert time.between(a, b) + time.between(b, c) == time.between(a, c)


@given(TIMES, INSTANTS, MINUTES, INSTANTS)
def test_what_was_asked_before_changes_no_answer(
    time: WorkingTime, instant: datetime, minutes: int, other: datetime
) -> None:
    first = time.add(instant, minutes)
    time.subtract(other, 5000)
    time.add(other, 5000)
    assert time.add(instant, minutes) == first


@given(ZONES, HOURS, OFF, INSTANTS)
def test_work_begins_only_on_working_days_within_working_hours(
    zone: str, hours: Hours, off: frozenset[date], instant: datetime
) -> None:
    start = WorkingTime(zone, hours, off).next_working(instant)
    local = start.astimezone(ZoneInfo(zone))
    assert start >= instant
    assert local.date() not in off
    assert local.weekday() in hours.weekdays
    # Where the clock has just been put forward, a shift may run on by as much.
    shift = 60 if local.utcoffset() != (local - timedelta(hours=6)).utcoffset() else 0
    minute = local.hour * 60 + local.minute
    assert any(a <= minute < b + shift for a, b in hours.stretches)
