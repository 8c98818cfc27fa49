"""Record what the scheduler made of an approved plan: its graph stands, or why it does not."""

from orchestra.contracts.planning import Fault
from orchestra.contracts.scheduling import PlanApplied, PlanRefused
from orchestra.planner.application.ports import Work


async def record_application(work: Work, answer: PlanApplied | PlanRefused) -> None:
    """The first answer counts. Raises Transient while the plan is not approved here yet."""
    refused = isinstance(answer, PlanRefused)
    faults = [Fault(pointer="", code=answer.code, detail=answer.detail)] if refused else []
    await work.plans.settle(answer.workspace_id, answer.plan_id, applied=not refused, faults=faults)
