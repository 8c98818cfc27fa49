"""The project's calendar: zone, days, hours, holidays, grain."""

from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.etags import CurrentReader, DemandedMatch
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.views import CurrentView
from orchestra.scheduler.adapters.public_holidays import public_holidays
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application.set_calendar import set_calendar
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.entrypoints.members import project_shown
from orchestra.scheduler.entrypoints.team import CalendarRequest, Holiday, Strict, calendar_to_json

router = APIRouter(prefix="/projects/{project_id}/calendar", tags=["people"])

Year = Annotated[int, Field(ge=1970, le=2100)]


class AddHolidays(Strict):
    days: list[Holiday] = Field(min_length=1, max_length=1000)


class PublicHolidays(Strict):
    country: str = Field(pattern=r"^[A-Z]{2}$")
    """ISO 3166: `PT`."""
    subdivision: str | None = Field(default=None, pattern=r"^[A-Z0-9-]{1,10}$")
    """Part of the country, as ISO 3166-2 has it without the country: `BY` of `DE`."""
    years: list[Year] = Field(default_factory=list[int], max_length=10)
    """Without any: this year and the next."""


class NamedHoliday(BaseModel):
    day: date
    name: str


class PublicHolidaysAdded(BaseModel):
    added: list[NamedHoliday]
    """Those that were no holidays of the calendar before."""
    calendar: CalendarRequest


@router.get("", response_model=CalendarRequest)
async def get_calendar(project_id: str, caller: CurrentCaller, view: CurrentView, reader: CurrentReader) -> Response:
    return reader.answer(_shown((await project_shown(view, caller.workspace_id, project_id)).grain))


@router.put("", response_model=CalendarRequest)
async def put_calendar(
    project_id: str, request: CalendarRequest, command: CurrentCommand, match: DemandedMatch
) -> Response:
    """Replace the calendar."""
    grain = request.grain()

    async def effect(work: SqlSchedulingWork) -> CalendarRequest:
        def change(present: Grain) -> Grain:
            match.check(_shown(present))
            return grain

        return await _set(work, command, project_id, change, "the calendar was replaced")

    return await command.run(effect, tagged=True)


@router.post("/holidays", response_model=CalendarRequest)
async def post_holidays(project_id: str, request: AddHolidays, command: CurrentCommand) -> Response:
    """Add holidays."""

    async def effect(work: SqlSchedulingWork) -> CalendarRequest:
        def change(present: Grain) -> Grain:
            return _with(present, {*_shown(present).holidays, *request.days})

        return await _set(work, command, project_id, change, f"holidays were added: {', '.join(request.days[:5])}")

    return await command.run(effect)


@router.delete("/holidays/{day}", response_model=CalendarRequest)
async def delete_holiday(project_id: str, day: Holiday, command: CurrentCommand) -> Response:
    """Take a holiday back; one that is none stays a working day."""

    async def effect(work: SqlSchedulingWork) -> CalendarRequest:
        def change(present: Grain) -> Grain:
            return _with(present, set(_shown(present).holidays) - {day})

        return await _set(work, command, project_id, change, f"{day} is no holiday any more")

    return await command.run(effect)


@router.post("/holidays/public", response_model=PublicHolidaysAdded)
async def post_public_holidays(project_id: str, request: PublicHolidays, command: CurrentCommand) -> Response:
    """Add the public holidays of a country."""

    async def effect(work: SqlSchedulingWork) -> PublicHolidaysAdded:
        years = request.years or [work.now.year, work.now.year + 1]
        found = await public_holidays(request.country, request.subdivision, years)
        added: list[NamedHoliday] = []

        def change(present: Grain) -> Grain:
            calendar = present.calendar
            new = [d for d in found if d not in calendar.holidays and (d.month, d.day) not in calendar.yearly]
            added.extend(NamedHoliday(day=day, name=found[day]) for day in new)
            return _with(present, {*_shown(present).holidays, *(day.isoformat() for day in new)})

        cause = f"public holidays of {request.country} were added"
        return PublicHolidaysAdded(calendar=await _set(work, command, project_id, change, cause), added=added)

    return await command.run(effect)


async def _set(
    work: SqlSchedulingWork, command: CurrentCommand, project_id: str, change: Callable[[Grain], Grain], cause: str
) -> CalendarRequest:
    return _shown(await set_calendar(work, command.caller.workspace_id, project_id, change, cause))


def _with(grain: Grain, holidays: set[str]) -> Grain:
    return CalendarRequest.model_validate({**calendar_to_json(grain), "holidays": sorted(holidays)}).grain()


def _shown(grain: Grain) -> CalendarRequest:
    return CalendarRequest.model_validate(calendar_to_json(grain))
