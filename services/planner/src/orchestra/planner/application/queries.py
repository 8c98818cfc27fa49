"""What may be asked. Nothing here writes, and nothing of another workspace exists."""

from orchestra.contracts.ids import PlanId, ProjectId, TaskId, WorkspaceId
from orchestra.contracts.planning import TaskRequest
from orchestra.planner.application.ports import Work
from orchestra.planner.application.views import (
    PlanDifference,
    PlannedTask,
    PlanSummary,
    PlanView,
    Project,
    RequirementView,
    StatedRequirement,
)
from orchestra.planner.domain.after import links, names
from orchestra.planner.domain.compare import compare
from orchestra.planner.domain.errors import NoStandingPlan, UnknownPlan, UnknownProject
from orchestra.planner.domain.plan import Plan


async def find_project(view: Work, workspace_id: WorkspaceId, project_id: ProjectId) -> Project:
    """Raises UnknownProject."""
    project = await view.projects.find(workspace_id, project_id)
    if project is None:
        raise UnknownProject(f"There is no project {project_id}.")
    return project


async def find_plan(view: Work, workspace_id: WorkspaceId, plan_id: PlanId) -> PlanSummary:
    """Raises UnknownPlan."""
    plan = await view.plans.find(workspace_id, plan_id)
    if plan is None:
        raise UnknownPlan(f"There is no plan {plan_id}.")
    return plan


async def find_standing(view: Work, workspace_id: WorkspaceId, project_id: ProjectId) -> PlanSummary:
    """Raises UnknownProject, NoStandingPlan."""
    await find_project(view, workspace_id, project_id)
    standing = await view.plans.standing(workspace_id, project_id)
    if standing is None:
        raise NoStandingPlan
    return standing


async def compare_plans(
    view: Work, workspace_id: WorkspaceId, plan_id: PlanId, against: PlanId | None
) -> PlanDifference:
    """From `against`, else from the plan that this one follows, else from nothing. Raises UnknownPlan."""
    plan = await find_plan(view, workspace_id, plan_id)
    other_id = against or plan.follows
    other = await find_plan(view, workspace_id, other_id) if other_id else None
    before = await view.plans.proposal(other.id) if other else None
    after = await view.plans.proposal(plan_id)
    nothing = Plan(plan.mode, (), (), {})
    return PlanDifference(
        plan_id=plan.id,
        version=plan.version,
        against_id=other.id if other else None,
        against_version=other.version if other else None,
        changes=compare(before.plan if before else None, after.plan if after else nothing),
    )


async def list_requirements(
    view: Work, workspace_id: WorkspaceId, project_id: ProjectId, *, after: int, limit: int
) -> list[RequirementView]:
    """Raises UnknownProject."""
    await find_project(view, workspace_id, project_id)
    return await view.requirements.page(workspace_id, project_id, after=after, limit=limit)


async def list_plans(
    view: Work, workspace_id: WorkspaceId, project_id: ProjectId, *, after: PlanId, limit: int
) -> list[PlanSummary]:
    """Raises UnknownProject."""
    await find_project(view, workspace_id, project_id)
    return await view.plans.page(workspace_id, project_id, after=after, limit=limit)


async def show_plan(view: Work, workspace_id: WorkspaceId, plan_id: PlanId) -> PlanView:
    """The plan with all that is in it: nothing yet while it is requested, faults alone when it failed.

    Raises UnknownPlan.
    """
    summary = await find_plan(view, workspace_id, plan_id)
    proposal = await view.plans.proposal(plan_id)
    plan = proposal.plan if proposal else Plan(summary.mode, (), (), {})
    ids = await view.plans.task_ids(plan_id)
    return PlanView(
        **vars(summary),
        requirements=[StatedRequirement(r.id, r.text, r.section, r.line) for r in plan.requirements],
        tasks=[_planned(task, ids.get(task.id)) for task in plan.tasks],
        coverage=plan.coverage,
        gaps=plan.gaps,
        files=plan.files,
        assumptions=plan.assumptions,
        faults=await view.plans.faults(plan_id),
    )


def _planned(task: TaskRequest, task_id: TaskId | None) -> PlannedTask:
    return PlannedTask(
        id=task_id,
        key=task.id,
        title=task.title,
        covers=task.covers,
        points=task.points,
        minutes=task.minutes,
        role=task.role,
        criteria=task.criteria,
        priority=task.priority,
        after=tuple(dict.fromkeys(names(task))),
        dependencies=links(task),
        command=task.command,
        agent=task.agent,
        start_at=task.start_at,
        deadline=task.deadline,
        wait=task.wait,
    )
