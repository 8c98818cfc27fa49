"""The history of a schedule, and the archive of projects."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.etags import CurrentReader
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.views import CurrentView
from orchestra.scheduler.adapters.history import schedule_difference
from orchestra.scheduler.adapters.queries import Queries
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application.archive_project import archive_project, unarchive_project
from orchestra.scheduler.application.project_ports import Project
from orchestra.scheduler.entrypoints.views import ScheduleSummary, ScheduleView

router = APIRouter(prefix="/projects/{project_id}")

Version = Annotated[int, Path(ge=1)]


class MoveView(BaseModel):
    """None before: newly planned; None after: no longer planned."""

    task_id: str
    key: str
    title: str
    start_before: datetime | None
    start_after: datetime | None
    end_before: datetime | None
    end_after: datetime | None
    cause: str


class ScheduleDifference(BaseModel):
    since: ScheduleSummary
    version: ScheduleSummary
    causes: list[ScheduleSummary]
    """Every version after `since` up to `version`, each with what caused it."""
    moves: list[MoveView]


class FiledProject(BaseModel):
    id: str
    archived_at: datetime | None


@router.get("/schedules/{version}", response_model=ScheduleView)
async def get_version(
    project_id: str, version: Version, caller: CurrentCaller, view: CurrentView, reader: CurrentReader
) -> Response:
    """A version of the schedule."""
    return reader.answer(ScheduleView(**await Queries(view, caller.workspace_id).schedule(project_id, version)))


@router.get("/schedules/{version}/difference")
async def get_difference(
    project_id: str,
    version: Version,
    caller: CurrentCaller,
    view: CurrentView,
    since: Annotated[int | None, Query(ge=1, description="Without it the version before.")] = None,
) -> ScheduleDifference:
    """What moved between two versions of the schedule, and what caused every version in between."""
    found = await schedule_difference(view, caller.workspace_id, project_id, since or max(1, version - 1), version)
    return ScheduleDifference.model_validate(found)


@router.post("/archive", response_model=FiledProject)
async def post_archive(project_id: str, command: CurrentCommand) -> Response:
    """Into the archive; refused while runs are open."""

    async def effect(work: SqlSchedulingWork) -> FiledProject:
        return _filed(await archive_project(work, command.caller.workspace_id, project_id, command.caller.subject))

    return await command.run(effect)


@router.post("/unarchive", response_model=FiledProject)
async def post_unarchive(project_id: str, command: CurrentCommand) -> Response:
    """Out of the archive."""

    async def effect(work: SqlSchedulingWork) -> FiledProject:
        return _filed(await unarchive_project(work, command.caller.workspace_id, project_id, command.caller.subject))

    return await command.run(effect)


def _filed(project: Project) -> FiledProject:
    return FiledProject(id=project.id, archived_at=project.archived_at)
