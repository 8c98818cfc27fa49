"""Approve exactly the plan that was read, by its hash: from then on it stands.

It takes the place of the one that stood when it was proposed. Its graph is handed on in the same transaction, or, where
it is large, straight after it by a loop: an approval answers at once, however large the plan.
"""

from orchestra.contracts.ids import PlanId, Sha256, WorkspaceId
from orchestra.contracts.planning import PlanApproved
from orchestra.planner.application.hand_on import HANDING_ON, hand_on
from orchestra.planner.application.ports import Work
from orchestra.planner.application.queries import find_plan
from orchestra.planner.application.views import PlanSummary
from orchestra.planner.domain.errors import HashMismatch, PlanNotProposed, PlanOvertaken

AT_ONCE = 1_000
"""Tasks of a plan whose graph is handed on as it is approved: whoever approved it then finds the ids of its tasks."""


async def approve_plan(
    work: Work, workspace_id: WorkspaceId, plan_id: PlanId, content_hash: Sha256, approved_by: str
) -> PlanSummary:
    """The plan, approved now or before: a repetition changes nothing.

    Raises UnknownPlan, PlanNotProposed, HashMismatch, PlanOvertaken.
    """
    project_id = (await find_plan(work, workspace_id, plan_id)).project_id
    await work.projects.hold(workspace_id, project_id)  # what is read from here on cannot change before we commit
    plan = await find_plan(work, workspace_id, plan_id)
    if plan.hash is None or plan.status not in ("proposed", "approved", "applied"):
        raise PlanNotProposed(plan.status)
    if plan.hash != content_hash:
        raise HashMismatch(content_hash, plan.hash)
    if plan.status != "proposed":
        return plan
    await have_stand(work, workspace_id, plan, approved_by)
    return await find_plan(work, workspace_id, plan_id)


async def have_stand(work: Work, workspace_id: WorkspaceId, plan: PlanSummary, approved_by: str) -> None:
    """Have a proposed plan stand. The caller holds the project. Raises PlanOvertaken."""
    assert plan.version is not None  # what is proposed has a version and a hash
    assert plan.hash is not None
    standing = await work.plans.standing(workspace_id, plan.project_id)
    if plan.follows != (standing.id if standing else None):
        found = (standing.id, standing.version) if standing else (None, None)
        raise PlanOvertaken(plan.follows, *found)
    if standing and not await work.plans.supersede(standing.id, plan.id):
        raise PlanOvertaken(plan.follows, None, None)
    await work.plans.approve(plan.id, approved_by)
    work.publish(
        PlanApproved(
            workspace_id=workspace_id,
            project_id=plan.project_id,
            sequence=2,
            plan_id=plan.id,
            version=plan.version,
            hash=plan.hash,
            approved_by=approved_by,
            supersedes=plan.follows,
        )
    )
    size = await work.plans.size(plan.id)
    if size is not None and size <= AT_ONCE:
        await hand_on(work, await work.plans.approved(plan.id))
    else:
        work.wake(HANDING_ON)
