"""Projects, requirements, plans and their approval over HTTP."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.etags import CurrentReader, DemandedMatch
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.problems import Problem
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Cursor, Page
from orchestra.contracts.edits import PlanEdits
from orchestra.planner.adapters.work import PlanningWork
from orchestra.planner.application import queries
from orchestra.planner.application.approve_plan import approve_plan
from orchestra.planner.application.cancel_plan import cancel_plan
from orchestra.planner.application.create_project import create_project
from orchestra.planner.application.edit_plan import draft_edits, edit_plan
from orchestra.planner.application.edit_project import edit_project, hold_project
from orchestra.planner.application.ports import Work
from orchestra.planner.application.reject_plan import reject_plan
from orchestra.planner.application.views import PlanDifference, PlanSummary, PlanView, Project, RequirementView
from orchestra.planner.domain.errors import PlanningError

router = APIRouter()

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")
]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]

Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=5000, pattern=r"^[^\x00]*$")]


class NewProject(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    id: Id | None = None
    """Chosen by the client, so that it may repeat itself without harm."""
    description: Description = ""


class ProjectEdit(BaseModel):
    """What is to be changed."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    description: Description | None = None


class Approval(BaseModel):
    model_config = ConfigDict(extra="forbid")

    hash: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Of the plan that was read."""


class Rejection(Approval):
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""


@router.post("/projects", status_code=201, response_model=Project)
async def post_project(new: NewProject, command: CurrentCommand) -> Response:
    return await command.run(
        lambda work: create_project(work, command.caller.workspace_id, new.name, new.id, new.description),
        status=201,
        location=lambda project: f"/projects/{project.id}",
    )


@router.get("/projects")
async def get_projects(
    caller: CurrentCaller,
    view: CurrentView,
    cursor: CurrentCursor,
    archived: Annotated[bool | None, Query(description="Only those in the archive, or only the others.")] = None,
) -> Page[Project]:
    projects = await view.projects.page(
        caller.workspace_id, after=cursor.after or "", limit=cursor.limit + 1, archived=archived
    )
    return cursor.page(projects, "id")


@router.get("/projects/{project_id}", response_model=Project)
async def get_project(project_id: str, caller: CurrentCaller, view: CurrentView, reader: CurrentReader) -> Response:
    return reader.answer(await queries.find_project(view, caller.workspace_id, project_id))


@router.patch("/projects/{project_id}", response_model=Project)
async def patch_project(project_id: str, edit: ProjectEdit, command: CurrentCommand, match: DemandedMatch) -> Response:
    """Give the project another name or description."""
    workspace_id = command.caller.workspace_id

    async def effect(work: PlanningWork) -> Project:
        project = await hold_project(work, workspace_id, project_id)
        match.check(project)
        return await edit_project(work, workspace_id, replace(project, **edit.model_dump(exclude_none=True)))

    return await command.run(effect, tagged=True)


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


@router.get("/projects/{project_id}/plan", response_model=PlanView)
async def get_standing_plan(
    project_id: str, caller: CurrentCaller, view: CurrentView, reader: CurrentReader
) -> Response:
    """The plan that the project goes by."""
    standing = await queries.find_standing(view, caller.workspace_id, project_id)
    return reader.answer(await queries.show_plan(view, caller.workspace_id, standing.id))


@router.post("/projects/{project_id}/plans/edits", status_code=201, response_model=PlanSummary)
async def post_edits(
    project_id: str, edits: PlanEdits, command: CurrentCommand, match: DemandedMatch, request: Request
) -> Response:
    """Change the plan that stands, whose ETag If-Match names: a new version, proposed or approved at once."""
    workspace_id = command.caller.workspace_id
    draft = await draft_edits(request.app.state.database, workspace_id, project_id, edits)

    async def effect(work: Work) -> PlanSummary:
        await queries.find_project(work, workspace_id, project_id)
        await work.projects.hold(workspace_id, project_id)
        standing = await queries.find_standing(work, workspace_id, project_id)
        match.check(await queries.show_plan(work, workspace_id, standing.id))
        if isinstance(draft, PlanningError):
            raise draft
        return await edit_plan(work, workspace_id, draft, edits, command.caller.subject)

    return await command.run(effect, status=201, location=lambda plan: f"/plans/{plan.id}")


@router.get("/plans/{plan_id}", response_model=PlanView)
async def get_plan(plan_id: str, caller: CurrentCaller, view: CurrentView, reader: CurrentReader) -> Response:
    return reader.answer(await queries.show_plan(view, caller.workspace_id, plan_id))


@router.get("/plans/{plan_id}/diff")
async def get_difference(
    plan_id: str, caller: CurrentCaller, view: CurrentView, against: str | None = None
) -> PlanDifference:
    """What the plan changes, against another one or the one that it follows, and what that costs."""
    return await queries.compare_plans(view, caller.workspace_id, plan_id, against)


@router.post("/plans/{plan_id}/reject", response_model=PlanSummary)
async def post_rejection(plan_id: str, rejection: Rejection, command: CurrentCommand) -> Response:
    caller = command.caller
    return await command.run(
        lambda work: reject_plan(work, caller.workspace_id, plan_id, rejection.hash, caller.subject, rejection.reason)
    )


@router.post("/plans/{plan_id}/approve", response_model=PlanSummary)
async def post_approval(plan_id: str, approval: Approval, command: CurrentCommand) -> Response:
    caller = command.caller
    return await command.run(
        lambda work: approve_plan(work, caller.workspace_id, plan_id, approval.hash, caller.subject)
    )


@router.post("/plans/{plan_id}/cancel", response_model=PlanSummary)
async def post_cancellation(plan_id: str, command: CurrentCommand) -> Response:
    """Stop the making of a plan, a model's work on it included."""
    caller = command.caller
    return await command.run(lambda work: cancel_plan(work, caller.workspace_id, plan_id, caller.subject))
