"""Members one by one: who they are, when they are away, how they come and go."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.etags import CurrentReader, DemandedMatch
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Page
from orchestra.scheduler.adapters.rows import DEFAULT_GRAIN
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application.change_team import Departure, add_member, change_member, find_member, leave
from orchestra.scheduler.application.days_off import add_days_off, take_back_days_off
from orchestra.scheduler.application.project_ports import Project
from orchestra.scheduler.domain.people.absence import Absence, absences
from orchestra.scheduler.domain.people.member import Member, Seniority
from orchestra.scheduler.entrypoints.team import (
    CalendarRequest,
    MemberRequest,
    Stretch,
    Strict,
    Weekday,
    calendar_to_json,
    member_to_json,
)

router = APIRouter(prefix="/projects/{project_id}/members", tags=["people"])

Reason = Annotated[str, Field(max_length=1000)]
Key = Annotated[str | None, Field(max_length=64)]


class MemberChange(Strict):
    """What is to be changed; null gives `zone`, `days` and `hours` back to the project's calendar.

    An `agent` of null: no work of AI agents any more.
    """

    name: str | None = Field(default=None, min_length=1, max_length=200)
    manager: bool | None = None
    roles: list[str] | None = None
    seniority: Seniority | None = None
    slots: int | None = Field(default=None, ge=1, le=10_000)
    capacity: float | None = Field(default=None, gt=0, le=1)
    zone: str | None = None
    days: list[Weekday] | None = None
    hours: list[Stretch] | None = None
    days_off: list[date] | None = None
    tools: list[str] | None = None
    agent: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")

    def changed(self) -> dict[str, Any]:
        resettable = ("zone", "days", "hours", "agent")
        given = self.model_dump(mode="json", exclude_unset=True)
        return {name: value for name, value in given.items() if value is not None or name in resettable}


class DaysOff(Strict):
    first: date
    last: date | None = None
    """Without it the first is the only one."""
    reason: Reason = ""

    def absence(self) -> Absence:
        return Absence(self.first, self.last or self.first, self.reason.strip())


class Leaving(Strict):
    reason: Reason = ""
    by: Key = None
    """The project manager who says so, by their id in the team."""


class Resigning(Strict):
    reason: Reason = ""


class AbsenceView(BaseModel):
    first: date
    last: date
    reason: str


class TeamMemberView(MemberRequest):
    """A member as `team.yaml` has them, and the days off as stretches with their reasons."""

    absences: list[AbsenceView] = Field(default_factory=list[AbsenceView])


class ReturnedTask(BaseModel):
    id: str
    key: str
    title: str


class Departed(BaseModel):
    member: str
    departure: Departure
    returned: list[ReturnedTask]
    """The tasks that are ready for others now."""


@router.get("")
async def list_members(
    project_id: str, caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor
) -> Page[TeamMemberView]:
    """By id; those who have left are not among them."""
    project = await project_shown(view, caller.workspace_id, project_id)
    members = [
        m for m in await view.members.of_project(caller.workspace_id, project_id) if m.key > (cursor.after or "")
    ]
    reasons = await view.members.reasons(project)
    shown = [_shown(member, reasons.get(member.id, {})) for member in members[: cursor.limit + 1]]
    return cursor.page(shown, "id")


@router.post("", response_model=TeamMemberView, status_code=201)
async def post_member(project_id: str, request: MemberRequest, command: CurrentCommand) -> Response:
    """Add a member; one who had left comes back with their old identity."""
    workspace_id = command.caller.workspace_id

    async def effect(work: SqlSchedulingWork) -> TeamMemberView:
        project = await work.projects.hold(workspace_id, project_id)
        member = request.member(_calendar(project))
        return await _answer(work, project, await add_member(work, workspace_id, project_id, member))

    return await command.run(effect, status=201, location=lambda shown: f"/projects/{project_id}/members/{shown.id}")


@router.get("/{member}", response_model=TeamMemberView)
async def get_member(
    project_id: str, member: str, caller: CurrentCaller, view: CurrentView, reader: CurrentReader
) -> Response:
    project = await project_shown(view, caller.workspace_id, project_id)
    return reader.answer(await _answer(view, project, await find_member(view, caller.workspace_id, project_id, member)))


@router.patch("/{member}", response_model=TeamMemberView)
async def patch_member(
    project_id: str, member: str, request: MemberChange, command: CurrentCommand, match: DemandedMatch
) -> Response:
    """Change what is given. What the member may not take any more goes back."""
    workspace_id = command.caller.workspace_id

    async def effect(work: SqlSchedulingWork) -> TeamMemberView:
        project = await work.projects.hold(workspace_id, project_id)
        found = await find_member(work, workspace_id, project_id, member)
        match.check(await _answer(work, project, found))
        wanted = MemberRequest.model_validate({**member_to_json(found), **request.changed()})
        cause = f"{found.name} was changed: {', '.join(sorted(request.changed()))}"
        after = await change_member(work, workspace_id, project_id, wanted.member(_calendar(project)), cause)
        return await _answer(work, project, after)

    return await command.run(effect, tagged=True)


@router.post("/{member}/days-off", response_model=TeamMemberView)
async def post_days_off(project_id: str, member: str, request: DaysOff, command: CurrentCommand) -> Response:
    """Add days off."""
    absence, workspace_id = request.absence(), command.caller.workspace_id

    async def effect(work: SqlSchedulingWork) -> TeamMemberView:
        after = await add_days_off(work, workspace_id, project_id, member, absence)
        return await _answer(work, await work.projects.hold(workspace_id, project_id), after)

    return await command.run(effect)


@router.delete("/{member}/days-off", response_model=TeamMemberView)
async def delete_days_off(
    project_id: str,
    member: str,
    command: CurrentCommand,
    first: date,
    last: Annotated[date | None, Query(description="Without it the first is the only one.")] = None,
) -> Response:
    """Take days off back."""
    absence, workspace_id = Absence(first, last or first), command.caller.workspace_id

    async def effect(work: SqlSchedulingWork) -> TeamMemberView:
        after = await take_back_days_off(work, workspace_id, project_id, member, absence)
        return await _answer(work, await work.projects.hold(workspace_id, project_id), after)

    return await command.run(effect)


@router.post("/{member}/fire", response_model=Departed)
async def post_fire(project_id: str, member: str, request: Leaving, command: CurrentCommand) -> Response:
    """The member leaves by a manager's decision: all their tasks go back, in the same transaction."""
    return await _leave(command, project_id, member, "fired", request.reason, request.by)


@router.post("/{member}/resign", response_model=Departed)
async def post_resign(project_id: str, member: str, request: Resigning, command: CurrentCommand) -> Response:
    """The member leaves by their own decision: all their tasks go back, in the same transaction."""
    return await _leave(command, project_id, member, "resigned", request.reason, None)


async def _leave(
    command: CurrentCommand, project_id: str, member: str, departure: Departure, reason: str, by: str | None
) -> Response:
    async def effect(work: SqlSchedulingWork) -> Departed:
        tasks = await leave(work, command.caller.workspace_id, project_id, member, departure, reason.strip(), by)
        returned = [ReturnedTask(id=task.id, key=task.key, title=task.title) for task in tasks]
        return Departed(member=member, departure=departure, returned=returned)

    return await command.run(effect)


async def project_shown(view: SqlSchedulingWork, workspace_id: str, project_id: str) -> Project:
    """What is known of the project; the gateway has asked the planner whether there is one."""
    known = await view.projects.find(workspace_id, project_id)
    return known or Project(workspace_id, project_id, 0, 0, None, 0, DEFAULT_GRAIN)


def _calendar(project: Project) -> CalendarRequest:
    return CalendarRequest.model_validate(calendar_to_json(project.grain))


async def _answer(view: SqlSchedulingWork, project: Project, member: Member) -> TeamMemberView:
    return _shown(member, (await view.members.reasons(project)).get(member.id, {}))


def _shown(member: Member, reasons: dict[date, str]) -> TeamMemberView:
    away = [vars(each) for each in absences(member.days_off, reasons)]
    return TeamMemberView.model_validate({**member_to_json(member), "absences": away})
