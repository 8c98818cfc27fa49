"""Record what the scheduler made of an approved plan: its graph stands, or why it does not."""

from orchestra.contracts.planning import Fault
from orchestra.contracts.scheduling import PlanApplied, PlanRefused
from orchestra.planner.application.ports import Work


async def record_application(work: Work, answer: PlanApplied | PlanRefused) -> None:
    """The first answer counts. Raises Transient while the plan is not approved here yet.

    A plan that the scheduler refuses gives its place back to the one that the scheduler goes by instead.
    """
    if isinstance(answer, PlanApplied):
        await work.plans.settle(answer.workspace_id, answer.plan_id, applied=True)
        return
    faults = [Fault(pointer="", code=answer.code, detail=answer.detail)]
    refused = await work.plans.settle(answer.workspace_id, answer.plan_id, applied=False, faults=faults)
    if refused and answer.standing is not None:
        await work.plans.restore(answer.workspace_id, answer.standing)
