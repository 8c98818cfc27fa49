"""Stop the making of a plan that is not made yet."""

from orchestra.contracts.ids import PlanId, WorkspaceId
from orchestra.contracts.planning import Fault
from orchestra.planner.application.model_calls import cancel_call
from orchestra.planner.application.ports import Work
from orchestra.planner.application.propose_plan import fail_plan
from orchestra.planner.application.queries import find_plan
from orchestra.planner.application.views import PlanSummary
from orchestra.planner.domain.errors import PlanMade

CANCELLED = "cancelled"


async def cancel_plan(work: Work, workspace_id: WorkspaceId, plan_id: PlanId, by: str) -> PlanSummary:
    """The plan, which has failed as cancelled, now or before. Raises UnknownPlan, PlanMade."""
    project_id = (await find_plan(work, workspace_id, plan_id)).project_id
    await work.projects.hold(workspace_id, project_id)
    plan = await find_plan(work, workspace_id, plan_id)
    if plan.status == "requested":
        waiting = await work.plans.requested(plan_id)
        await cancel_call(work, waiting, f"{by} has stopped the plan")
        await fail_plan(work, waiting, [Fault(pointer="", code=CANCELLED, detail=f"{by} has stopped it.")])
    elif not any(fault.code == CANCELLED for fault in await work.plans.faults(plan_id)):
        raise PlanMade(plan.status)
    return await find_plan(work, workspace_id, plan_id)
