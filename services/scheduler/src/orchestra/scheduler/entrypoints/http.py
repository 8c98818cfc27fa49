"""Commands and queries of the scheduler."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Response
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.etags import CurrentReader, HonouredMatch
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.moments import GivenMoment
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Page
from orchestra.chassis.telemetry.tracing import traceparent
from orchestra.scheduler.adapters.queries import Queries
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application.complete_task import complete_task
from orchestra.scheduler.application.decide_task import Decision, decide_task
from orchestra.scheduler.application.set_team import set_team
from orchestra.scheduler.application.start_run import RunOptions, RunRequest, start_run
from orchestra.scheduler.domain.errors import UnknownProject
from orchestra.scheduler.domain.work.explanation import explain
from orchestra.scheduler.domain.work.task import mutexes_of_pool
from orchestra.scheduler.entrypoints.shown import run_view, said_of_task, task_view
from orchestra.scheduler.entrypoints.team import Strict, TeamRequest, team_to_json
from orchestra.scheduler.entrypoints.views import (
    ExplanationView,
    RunView,
    ScheduleSummary,
    ScheduleView,
    TaskView,
)

router = APIRouter()


class WithOptions(Strict):
    concurrency: int | None = Field(default=None, ge=1, le=10_000)
    retries: int | None = Field(default=None, ge=0, le=100)
    dry_run: bool = False
    start_at: GivenMoment | None = None
    """It is only accepted before."""
    deadline: GivenMoment | None = None
    """It is cancelled if it is open then."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start_at is not None and self.deadline is not None and self.deadline <= self.start_at:
            raise PydanticCustomError("deadline_before_start", "the run would have to end before it begins")
        return self

    def options(self) -> RunOptions:
        return RunOptions(**{name: getattr(self, name) for name in WithOptions.model_fields}, trace=traceparent())


class StartRun(WithOptions):
    plan_id: str
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")


class CompleteTask(Strict):
    member: str | None = None
    """The assignee's key; without it the assignee is meant."""


class DecideTask(Strict):
    decision: Decision


@router.put("/projects/{project_id}/team")
async def put_team(project_id: str, team: TeamRequest, command: CurrentCommand) -> Response:
    """Replace the team: who works on the project, and when."""
    grain = team.calendar.grain()
    members = [request.member(team.calendar) for request in team.members]

    async def effect(work: SqlSchedulingWork) -> dict[str, Any]:
        await set_team(work, command.caller.workspace_id, project_id, grain, members, team.people_choose)
        return team_to_json(grain, members, people_choose=team.people_choose)

    return await command.run(effect)


@router.get("/projects/{project_id}/team")
async def get_team(project_id: str, caller: CurrentCaller, view: CurrentView) -> TeamRequest:
    project = await view.projects.find(caller.workspace_id, project_id)
    if project is None:
        raise UnknownProject(project_id)
    members = await view.members.of_project(caller.workspace_id, project_id)
    return TeamRequest.model_validate(team_to_json(project.grain, members, people_choose=project.people_choose))


@router.post("/projects/{project_id}/runs", response_model=RunView, status_code=201)
async def post_run(project_id: str, request: StartRun, command: CurrentCommand) -> Response:
    """Start the run of an approved plan; before the plan has come the run is accepted and begins with it."""
    wanted = RunRequest(
        workspace_id=command.caller.workspace_id,
        project_id=project_id,
        plan_id=request.plan_id,
        plan_hash=request.hash,
        requested_by=command.caller.subject,
        options=request.options(),
    )

    async def effect(work: SqlSchedulingWork) -> RunView:
        return await run_view(work, wanted.workspace_id, (await start_run(work, wanted)).id)

    return await command.run(effect, status=201, location=lambda run: f"/runs/{run.id}")


@router.get("/runs")
async def list_runs(
    caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor, project_id: str | None = None
) -> Page[RunView]:
    rows = await Queries(view, caller.workspace_id).runs(project_id, cursor.limit + 1, cursor.after)
    return cursor.page([RunView(**row) for row in rows], "id")


@router.get("/runs/{run_id}", response_model=RunView)
async def get_run(run_id: str, caller: CurrentCaller, view: CurrentView, reader: CurrentReader) -> Response:
    return reader.answer(await run_view(view, caller.workspace_id, run_id))


@router.get("/runs/{run_id}/tasks")
async def list_run_tasks(
    run_id: str, caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor
) -> Page[TaskView]:
    await view.runs.find(caller.workspace_id, run_id)
    rows = await Queries(view, caller.workspace_id).tasks(cursor.limit + 1, cursor.after, run_id=run_id)
    return cursor.page([TaskView(**row) for row in rows], "cursor")


@router.get("/projects/{project_id}/tasks")
async def list_project_tasks(
    project_id: str, caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor
) -> Page[TaskView]:
    rows = await Queries(view, caller.workspace_id).tasks(cursor.limit + 1, cursor.after, project_id=project_id)
    return cursor.page([TaskView(**row) for row in rows], "cursor")


@router.get("/tasks/{task_id}", response_model=TaskView)
async def get_task(task_id: str, caller: CurrentCaller, view: CurrentView, reader: CurrentReader) -> Response:
    return reader.answer(await task_view(view, caller.workspace_id, task_id))


@router.get("/tasks/{task_id}/explain")
async def get_explanation(task_id: str, caller: CurrentCaller, view: CurrentView) -> ExplanationView:
    """Why the task is where it is, and what it waits for."""
    task = await view.tasks.find(caller.workspace_id, task_id)
    run = await view.runs.get(task.run_id) if task.run_id else None
    gates = await view.gates.into(task_id)
    members = await view.members.of_project(task.workspace_id, task.project_id)
    seen = await view.limits.seen(task.workspace_id, mutexes_of_pool(task.pool))
    allowances = [each for each in seen if each.holds_in(task.project_id)]
    raised = await view.checkpoints.open_of([task_id])
    checkpoint_id = raised[0].checkpoint.id if raised else None
    found = explain(task, run, gates, members, view.now, allowances, checkpoint_id)
    return ExplanationView(
        task_id=task.id,
        key=task.key,
        status=task.status,
        sentence=found.sentence,
        waits_for=[vars(wait) for wait in found.waits_for],  # pyright: ignore[reportArgumentType]
    )


@router.post("/tasks/{task_id}/complete", response_model=TaskView)
async def post_complete(task_id: str, request: CompleteTask, command: CurrentCommand, match: HonouredMatch) -> Response:
    """The assignee says that their task is done."""
    return await said_of_task(
        command, match, task_id, lambda work, ws: complete_task(work, ws, task_id, request.member)
    )


@router.post("/tasks/{task_id}/decide", response_model=TaskView)
async def post_decide(task_id: str, request: DecideTask, command: CurrentCommand, match: HonouredMatch) -> Response:
    """Decide about a task that waits: run it once more, or fail it."""
    by = command.caller.subject
    return await said_of_task(
        command, match, task_id, lambda work, ws: decide_task(work, ws, task_id, request.decision, by)
    )


@router.get("/projects/{project_id}/schedule", response_model=ScheduleView)
async def get_schedule(
    project_id: str,
    caller: CurrentCaller,
    view: CurrentView,
    reader: CurrentReader,
    version: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """The published schedule, or an earlier version of it."""
    return reader.answer(ScheduleView(**await Queries(view, caller.workspace_id).schedule(project_id, version)))


@router.get("/projects/{project_id}/schedules")
async def list_schedules(
    project_id: str, caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor
) -> Page[ScheduleSummary]:
    before = int(cursor.after) if cursor.after else None
    rows = await Queries(view, caller.workspace_id).schedules(project_id, cursor.limit + 1, before)
    return cursor.page([ScheduleSummary(**row) for row in rows], "version")
