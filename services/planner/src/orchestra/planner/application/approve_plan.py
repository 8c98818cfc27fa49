"""Approve exactly the plan that was read, by its hash, and hand its graph on: one transaction.

The plan takes the place of the one that stood when it was proposed. A task keeps the id that its key ever had, so
that the scheduler knows what of the work has been begun.
"""

from orchestra.chassis.ids import new_id
from orchestra.contracts.ids import PlanId, Sha256, WorkspaceId
from orchestra.contracts.planning import PlanApproved, TasksDecomposed
from orchestra.planner.application.ports import Proposal, Work
from orchestra.planner.application.queries import find_plan
from orchestra.planner.application.views import PlanSummary
from orchestra.planner.domain.decompose import decompose, in_parts
from orchestra.planner.domain.errors import HashMismatch, PlanNotProposed, PlanOvertaken


async def approve_plan(
    work: Work, workspace_id: WorkspaceId, plan_id: PlanId, content_hash: Sha256, approved_by: str
) -> PlanSummary:
    """The plan, approved now or before: a repetition changes nothing.

    Raises UnknownPlan, PlanNotProposed, HashMismatch, PlanOvertaken.
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
    await hand_on(work, workspace_id, plan, proposal, approved_by)
    return await find_plan(work, workspace_id, plan_id)


async def hand_on(
    work: Work, workspace_id: WorkspaceId, plan: PlanSummary, proposal: Proposal, approved_by: str
) -> None:
    """Have a proposed plan stand. The caller holds the project. Raises PlanOvertaken."""
    standing = await work.plans.standing(workspace_id, plan.project_id)
    if plan.follows != (standing.id if standing else None):
        found = (standing.id, standing.version) if standing else (None, None)
        raise PlanOvertaken(plan.follows, *found)
    known = await work.plans.keys(workspace_id, plan.project_id)
    if standing:
        if not await work.plans.supersede(standing.id, plan.id):
            raise PlanOvertaken(plan.follows, None, None)
        known |= await work.plans.task_ids(standing.id)
    graph = decompose(proposal.plan, lambda key: known.get(key) or new_id("tsk"))
    await work.plans.approve(plan.id, approved_by, proposal.plan, {task.key: task.id for task in graph.tasks})
    approved = PlanApproved(
        workspace_id=workspace_id,
        project_id=plan.project_id,
        sequence=2,
        plan_id=plan.id,
        version=proposal.version,
        hash=proposal.hash,
        approved_by=approved_by,
        supersedes=plan.follows,
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
            supersedes=plan.follows,
            part=number,
            parts=len(parts),
            tasks=part.tasks,
            dependencies=part.dependencies,
        )
        for number, part in enumerate(parts, start=1)
    ]
    work.publish(approved, *decomposed)
