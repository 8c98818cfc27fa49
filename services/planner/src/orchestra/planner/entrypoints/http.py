"""Projects, requirements, plans and their approval over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.problems import Problem
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Cursor, Page
from orchestra.planner.application import queries
from orchestra.planner.application.approve_plan import approve_plan
from orchestra.planner.application.create_project import create_project
from orchestra.planner.application.views import PlanSummary, PlanView, Project, RequirementView

router = APIRouter()

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")
]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class NewProject(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    id: Id | None = None
    """Chosen by the client, so that it may repeat itself without harm."""


class Approval(BaseModel):
    model_config = ConfigDict(extra="forbid")

    hash: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Of the plan that was read."""


@router.post("/projects", status_code=201, response_model=Project)
async def post_project(new: NewProject, command: CurrentCommand) -> Response:
    return await command.run(
        lambda work: create_project(work, command.caller.workspace_id, new.name, new.id),
        status=201,
        location=lambda project: f"/projects/{project.id}",
    )


@router.get("/projects")
async def get_projects(caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor) -> Page[Project]:
    projects = await view.projects.page(caller.workspace_id, after=cursor.after or "", limit=cursor.limit + 1)
    return cursor.page(projects, "id")


@router.get("/projects/{project_id}")
async def get_project(project_id: str, caller: CurrentCaller, view: CurrentView) -> Project:
    return await queries.find_project(view, caller.workspace_id, project_id)


@router.get("/projects/{project_id}/requirements")
async def get_requirements(
    project_id: str, caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor
) -> Page[RequirementView]:
    requirements = await queries.list_requirements(
        view, caller.workspace_id, project_id, after=_number(cursor), limit=cursor.limit + 1
    )
    return cursor.page(requirements, "ref")


def _number(cursor: Cursor) -> int:
    """Of the last requirement of the page before; requirements are ordered by number, not by the text of their ref."""
    number = (cursor.after or "R0").removeprefix("R")
    if not number.isdecimal():
        raise Problem(422, "invalid-cursor", "this cursor belongs to another list")
    return int(number)


@router.get("/projects/{project_id}/plans")
async def get_plans(
    project_id: str, caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor
) -> Page[PlanSummary]:
    plans = await queries.list_plans(
        view, caller.workspace_id, project_id, after=cursor.after or "", limit=cursor.limit + 1
    )
    return cursor.page(plans, "id")


@router.get("/plans/{plan_id}")
async def get_plan(plan_id: str, caller: CurrentCaller, view: CurrentView) -> PlanView:
    return await queries.show_plan(view, caller.workspace_id, plan_id)


@router.post("/plans/{plan_id}/approve", response_model=PlanSummary)
async def post_approval(plan_id: str, approval: Approval, command: CurrentCommand) -> Response:
    caller = command.caller
    return await command.run(
        lambda work: approve_plan(work, caller.workspace_id, plan_id, approval.hash, caller.subject)
    )
