"""A team as people write it (`team.yaml`), read into members and a calendar."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from orchestra.chassis.ids import new_id
from orchestra.scheduler.domain.errors import InvalidCalendar
from orchestra.scheduler.domain.people.member import Member, MemberKind, Seniority
from orchestra.scheduler.domain.timeline.calendar import Calendar, Hours
from orchestra.scheduler.domain.timeline.grain import Grain

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Stretch = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
"""`09:00-13:00`"""


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


Holiday = Annotated[str, BeforeValidator(_text), Field(pattern=r"^(\d{4}-)?\d{2}-\d{2}$")]
"""`2026-12-08`, or `12-25` for every year."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CalendarRequest(Strict):
    zone: str = "UTC"
    days: list[Weekday] = ["mon", "tue", "wed", "thu", "fri"]
    hours: list[Stretch] = ["09:00-17:00"]
    holidays: list[Holiday] = []
    grain_minutes: int = Field(default=60, ge=1, le=1440)

    def grain(self) -> Grain:
        """Raises InvalidCalendar."""
        holidays, yearly = set[date](), set[tuple[int, int]]()
        for day in self.holidays:
            if len(day) > len("12-25"):
                holidays.add(_date(day))
            else:
                _date(f"2000-{day}")  # a leap year: 02-29 is a day
                yearly.add((int(day[:2]), int(day[3:])))
        calendar = Calendar(self.zone, _hours(self.days, self.hours), frozenset(holidays), frozenset(yearly))
        return Grain(self.grain_minutes, calendar)


class MemberRequest(Strict):
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    name: str = Field(min_length=1, max_length=200)
    kind: MemberKind = "person"
    manager: bool = False
    roles: list[str] = []
    seniority: Seniority = "mid"
    slots: int = Field(default=1, ge=1, le=10_000)
    capacity: float = Field(default=1.0, gt=0, le=1)
    zone: str | None = None
    days: list[Weekday] | None = None
    hours: list[Stretch] | None = None
    days_off: list[date] = []
    tools: list[str] = []
    agent: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    """Does work for AI agents: by the one of this name in the executor's registry, or by `any` that fits."""

    def member(self, calendar: CalendarRequest) -> Member:
        own = self.days is not None or self.hours is not None
        hours = _hours(self.days or calendar.days, self.hours or calendar.hours) if own else None
        return Member(
            id=new_id("mem"),
            key=self.id,
            name=self.name,
            kind=self.kind,
            is_manager=self.manager,
            roles=frozenset(self.roles),
            seniority=self.seniority,
            slots=self.slots,
            share=self.capacity,
            hours=hours,
            zone=self.zone,
            days_off=frozenset(self.days_off),
            tools=frozenset(self.tools),
            agent=self.agent,
        )


class TeamRequest(Strict):
    calendar: CalendarRequest = CalendarRequest()
    members: list[MemberRequest] = Field(min_length=1, max_length=1000)
    people_choose: bool = False
    """People take their tasks themselves; otherwise each gets the next one that the schedule has given them."""

    @model_validator(mode="after")
    def _each_once(self) -> "TeamRequest":
        keys = [member.id for member in self.members]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"members with the same id: {', '.join(twice)}")
        return self


def team_to_json(grain: Grain, members: list[Member], *, people_choose: bool = False) -> dict[str, Any]:
    """The team in the form it is written in."""
    return {
        "calendar": calendar_to_json(grain),
        "members": [member_to_json(member) for member in members],
        "people_choose": people_choose,
    }


def calendar_to_json(grain: Grain) -> dict[str, Any]:
    calendar = grain.calendar
    return {
        "zone": calendar.zone,
        **_hours_to_json(calendar.hours),
        "holidays": sorted(
            [day.isoformat() for day in calendar.holidays] + [f"{m:02d}-{d:02d}" for m, d in calendar.yearly]
        ),
        "grain_minutes": grain.minutes,
    }


def member_to_json(member: Member) -> dict[str, Any]:
    return {
        "id": member.key,
        "name": member.name,
        "kind": member.kind,
        "manager": member.is_manager,
        "roles": sorted(member.roles),
        "seniority": member.seniority,
        "slots": member.slots,
        "capacity": member.share,
        "zone": member.zone,
        **(_hours_to_json(member.hours) if member.hours else {}),
        "days_off": sorted(day.isoformat() for day in member.days_off),
        "tools": sorted(member.tools),
        "agent": member.agent,
    }


def _hours(days: list[Weekday], stretches: list[str]) -> Hours:
    return Hours(
        frozenset(WEEKDAYS.index(day) for day in days),
        tuple((_minutes(start), _minutes(end)) for start, end in (stretch.split("-") for stretch in stretches)),
    )


def _hours_to_json(hours: Hours) -> dict[str, Any]:
    return {
        "days": [WEEKDAYS[day] for day in sorted(hours.weekdays)],
        "hours": [f"{_clock(start)}-{_clock(end)}" for start, end in hours.stretches],
    }


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidCalendar(f"{text} is not a day") from error
