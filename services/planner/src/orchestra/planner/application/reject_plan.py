"""Say no to a proposed plan, by the hash of what was read: it can never be approved from then on."""

from orchestra.contracts.ids import PlanId, Sha256, WorkspaceId
from orchestra.contracts.planning import PlanRejected
from orchestra.planner.application.ports import Work
from orchestra.planner.application.queries import find_plan
from orchestra.planner.application.views import PlanSummary
from orchestra.planner.domain.errors import HashMismatch, PlanNotProposed


async def reject_plan(
    work: Work, workspace_id: WorkspaceId, plan_id: PlanId, content_hash: Sha256, rejected_by: str, reason: str
) -> PlanSummary:
    """The plan, rejected now or before: a repetition changes nothing.

    Raises UnknownPlan, PlanNotProposed, HashMismatch.
    """
    project_id = (await find_plan(work, workspace_id, plan_id)).project_id
    await work.projects.hold(workspace_id, project_id)  # as an approval does: of the two, one comes first
    plan = await find_plan(work, workspace_id, plan_id)
    if plan.version is None or plan.hash is None or plan.status not in ("proposed", "rejected"):
        raise PlanNotProposed(plan.status)
    if plan.hash != content_hash:
        raise HashMismatch(content_hash, plan.hash)
    if plan.status == "rejected":
        return plan
    await work.plans.reject(plan_id, rejected_by, reason)
    work.publish(
        PlanRejected(
            workspace_id=workspace_id,
            project_id=project_id,
            sequence=2,
            plan_id=plan_id,
            version=plan.version,
            hash=plan.hash,
            rejected_by=rejected_by,
            reason=reason,
        )
    )
    return await find_plan(work, workspace_id, plan_id)
