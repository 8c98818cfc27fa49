"""What people do with tasks, the log of it, the workload it makes; and the roles of a project."""

from datetime import datetime
from fractions import Fraction
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StringConstraints, model_validator

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.etags import HonouredMatch
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.problems import Problem
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Cursor, Page
from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.adapters.log import log_page
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application import change_roles
from orchestra.scheduler.application.give_back_task import abandon_task, remove_assignee
from orchestra.scheduler.application.report_progress import report_progress
from orchestra.scheduler.application.select_task import select_task
from orchestra.scheduler.application.start_task import start_task
from orchestra.scheduler.application.workloads import Burden, workloads
from orchestra.scheduler.domain.people.member import Seniority
from orchestra.scheduler.domain.people.workload import Band, points_of
from orchestra.scheduler.domain.timeline.calendar import Calendar
from orchestra.scheduler.domain.work.log import LogKind
from orchestra.scheduler.entrypoints.members import project_shown
from orchestra.scheduler.entrypoints.shown import said_of_task
from orchestra.scheduler.entrypoints.team import Strict
from orchestra.scheduler.entrypoints.views import PersonView, TaskView

router = APIRouter(tags=["people"])

Key = Annotated[str, Field(min_length=1, max_length=64)]
RoleName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f|/]+$")
]


class SelectTask(Strict):
    member: Key
    """Who takes it, by their id in the team."""
    by: Key | None = None
    """Who says so, where that is somebody else: always refused (BR-ASSIGN-001)."""


class StartTask(Strict):
    member: Key | None = None
    """The assignee's id in the team; without it the assignee is meant."""


class ReportProgress(Strict):
    percent: int | None = Field(default=None, ge=0, le=100)
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=5000)] = ""
    member: Key | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "ReportProgress":
        if self.percent is None and not self.text:
            raise ValueError("a report has a percent, a text, or both")
        return self


class AbandonTask(Strict):
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
    member: Key | None = None


class RemoveAssignee(Strict):
    by: Key | None = None
    """The project manager who says so, by their id in the team."""
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] = ""


class LogEntryView(BaseModel):
    position: int
    task_id: str
    task_key: str
    run_id: str | None
    kind: LogKind
    before: TaskStatus
    after: TaskStatus
    member: PersonView | None
    """Who has the task then, or has it no more."""
    percent: int | None
    text: str
    author: str
    """The caller whose command it was, or the service that acted by itself."""
    at: datetime


class CarriedTask(BaseModel):
    id: str
    key: str
    title: str
    status: TaskStatus
    points: float


class WorkloadView(BaseModel):
    id: str
    """The member's, in the team."""
    name: str
    seniority: Seniority
    score: float
    """Points in hand."""
    capacity: float
    """10 × the seniority's multiplier."""
    ratio: float
    band: Band
    points_left: int
    """Whole points that can still be taken before it is impossible."""
    tasks: list[CarriedTask]


class RoleRequest(Strict):
    name: RoleName


class RoleView(BaseModel):
    name: str
    members: list[str]
    tasks: list[str]
    """Keys of the unfinished tasks that need it."""


@router.post("/tasks/{task_id}/select", response_model=TaskView)
async def post_select(task_id: str, request: SelectTask, command: CurrentCommand, match: HonouredMatch) -> Response:
    """Take a task for oneself. Each refusal names its rule and its numbers."""
    return await said_of_task(
        command, match, task_id, lambda work, ws: select_task(work, ws, task_id, request.member, request.by)
    )


@router.post("/tasks/{task_id}/start", response_model=TaskView)
async def post_start(task_id: str, request: StartTask, command: CurrentCommand, match: HonouredMatch) -> Response:
    """The assignee begins; from then on the start is a fact."""
    return await said_of_task(command, match, task_id, lambda work, ws: start_task(work, ws, task_id, request.member))


@router.post("/tasks/{task_id}/report", response_model=TaskView)
async def post_report(task_id: str, request: ReportProgress, command: CurrentCommand, match: HonouredMatch) -> Response:
    """The assignee reports how far it is."""
    return await said_of_task(
        command,
        match,
        task_id,
        lambda work, ws: report_progress(work, ws, task_id, request.member, request.percent, request.text),
    )


@router.post("/tasks/{task_id}/abandon", response_model=TaskView)
async def post_abandon(task_id: str, request: AbandonTask, command: CurrentCommand, match: HonouredMatch) -> Response:
    """The assignee gives the task back; it is ready for others."""
    return await said_of_task(
        command, match, task_id, lambda work, ws: abandon_task(work, ws, task_id, request.member, request.reason)
    )


@router.post("/tasks/{task_id}/remove-assignee", response_model=TaskView)
async def post_remove_assignee(
    task_id: str, request: RemoveAssignee, command: CurrentCommand, match: HonouredMatch
) -> Response:
    """A manager takes the task away from its assignee; it is ready for others."""
    return await said_of_task(
        command, match, task_id, lambda work, ws: remove_assignee(work, ws, task_id, request.by, request.reason)
    )


@router.get("/tasks/{task_id}/log")
async def get_task_log(
    task_id: str, caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor
) -> Page[LogEntryView]:
    """What became of the task, the oldest first."""
    await view.tasks.find(caller.workspace_id, task_id)
    rows = await log_page(view, caller.workspace_id, cursor.limit + 1, _position(cursor), task_id=task_id)
    return cursor.page([LogEntryView(**row) for row in rows], "position")


@router.get("/projects/{project_id}/log")
async def get_project_log(
    project_id: str, caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor
) -> Page[LogEntryView]:
    """What became of the project's tasks, the oldest first."""
    rows = await log_page(view, caller.workspace_id, cursor.limit + 1, _position(cursor), project_id=project_id)
    return cursor.page([LogEntryView(**row) for row in rows], "position")


@router.get("/projects/{project_id}/workload")
async def get_workload(
    project_id: str, caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor
) -> Page[WorkloadView]:
    """What the people who may take tasks have in hand, by their ids."""
    project = await project_shown(view, caller.workspace_id, project_id)
    burdens = [each for each in await workloads(view, project) if each.member.key > (cursor.after or "")]
    return cursor.page([_burden(each, project.calendar) for each in burdens[: cursor.limit + 1]], "id")


@router.get("/projects/{project_id}/roles")
async def list_roles(
    project_id: str, caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor
) -> Page[RoleView]:
    """By name, with who has each and what needs it."""
    project = await project_shown(view, caller.workspace_id, project_id)
    roles = [role for role in await change_roles.list_roles(view, project) if role.name > (cursor.after or "")]
    return cursor.page([_role(role) for role in roles[: cursor.limit + 1]], "name")


@router.post("/projects/{project_id}/roles", response_model=RoleView, status_code=201)
async def post_role(project_id: str, request: RoleRequest, command: CurrentCommand) -> Response:
    async def effect(work: SqlSchedulingWork) -> RoleView:
        return _role(await change_roles.add_role(work, command.caller.workspace_id, project_id, request.name))

    return await command.run(effect, status=201)


@router.post("/projects/{project_id}/roles/{role}/rename", response_model=RoleView)
async def post_rename(project_id: str, role: str, request: RoleRequest, command: CurrentCommand) -> Response:
    """Rename a role; the members who have it keep it."""

    async def effect(work: SqlSchedulingWork) -> RoleView:
        workspace_id = command.caller.workspace_id
        return _role(await change_roles.rename_role(work, workspace_id, project_id, role, request.name))

    return await command.run(effect)


@router.delete("/projects/{project_id}/roles/{role}", status_code=204)
async def delete_role(project_id: str, role: str, command: CurrentCommand) -> Response:
    """Remove a role that nobody has and nothing needs."""
    workspace_id = command.caller.workspace_id
    return await command.run(lambda work: change_roles.remove_role(work, workspace_id, project_id, role), status=204)


def _position(cursor: Cursor) -> int:
    if not (cursor.after or "0").isdecimal():
        raise Problem(422, "invalid-cursor", "this cursor belongs to another list")
    return int(cursor.after or 0)


def _role(role: change_roles.Role) -> RoleView:
    return RoleView(name=role.name, members=list(role.members), tasks=list(role.tasks))


def _burden(burden: Burden, calendar: Calendar) -> WorkloadView:
    member, load = burden.member, burden.workload
    return WorkloadView(
        id=member.key,
        name=member.name,
        seniority=member.seniority,
        score=_rounded(load.score),
        capacity=_rounded(load.capacity),
        ratio=_rounded(load.ratio),
        band=load.band,
        points_left=load.points_left,
        tasks=[
            CarriedTask(
                id=task.id,
                key=task.key,
                title=task.title,
                status=task.status,
                points=_rounded(points_of(task.need, member.seniority, calendar)),
            )
            for task in burden.tasks
        ],
    )


def _rounded(number: Fraction) -> float:
    return round(float(number), 4)
