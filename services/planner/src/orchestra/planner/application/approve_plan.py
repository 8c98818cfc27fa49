"""Approve exactly the plan that was read, by its hash, and hand its graph on: one transaction."""

from orchestra.chassis.ids import new_id
from orchestra.contracts.ids import PlanId, Sha256, WorkspaceId
from orchestra.contracts.planning import PlanApproved, TasksDecomposed
from orchestra.planner.application.ports import Proposal, Work
from orchestra.planner.application.queries import find_plan
from orchestra.planner.application.views import PlanSummary
from orchestra.planner.domain.decompose import decompose, in_parts
from orchestra.planner.domain.errors import AnotherPlanStands, HashMismatch, PlanNotProposed


async def approve_plan(
    work: Work, workspace_id: WorkspaceId, plan_id: PlanId, content_hash: Sha256, approved_by: str
) -> PlanSummary:
    """The plan, approved now or before: a repetition changes nothing.

    Raises UnknownPlan, PlanNotProposed, HashMismatch, AnotherPlanStands.
    """
    project_id = (await find_plan(work, workspace_id, plan_id)).project_id
    await work.projects.hold(workspace_id, project_id)  # what is read from here on cannot change before we commit
    plan = await find_plan(work, workspace_id, plan_id)
    proposal = await work.plans.proposal(plan_id)
    if proposal is None or plan.status not in ("proposed", "approved", "applied"):
        raise PlanNotProposed(plan.status)
    if proposal.hash != content_hash:
        raise HashMismatch(content_hash, proposal.hash)
    if plan.status != "proposed":
        return plan
    if standing := await work.plans.standing(workspace_id, project_id):
        raise AnotherPlanStands(standing.id, standing.version)
    await _approve(work, workspace_id, plan, proposal, approved_by)
    return await find_plan(work, workspace_id, plan_id)


async def _approve(
    work: Work, workspace_id: WorkspaceId, plan: PlanSummary, proposal: Proposal, approved_by: str
) -> None:
    graph = decompose(proposal.plan, lambda: new_id("tsk"))
    await work.plans.approve(plan.id, approved_by, proposal.plan, {task.key: task.id for task in graph.tasks})
    approved = PlanApproved(
        workspace_id=workspace_id,
        project_id=plan.project_id,
        sequence=2,
        plan_id=plan.id,
        version=proposal.version,
        hash=proposal.hash,
        approved_by=approved_by,
    )
    parts = in_parts(graph)
    decomposed = [
        TasksDecomposed(
            workspace_id=workspace_id,
            project_id=plan.project_id,
            sequence=3,
            plan_id=plan.id,
            version=proposal.version,
            hash=proposal.hash,
            part=number,
            parts=len(parts),
            tasks=part.tasks,
            dependencies=part.dependencies,
        )
        for number, part in enumerate(parts, start=1)
    ]
    work.publish(approved, *decomposed)
