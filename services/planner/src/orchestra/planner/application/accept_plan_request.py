"""Accept the wish for a plan: a row that the planning loop takes up. Nothing is read or judged in the delivery."""

from orchestra.contracts.planning import PlanRequested
from orchestra.planner.application.ports import Work
from orchestra.planner.application.views import Project
from orchestra.planner.domain.plan import whole

PLANNING = "planning"
"""What the planning loop is woken by."""


async def accept_plan_request(work: Work, part: PlanRequested) -> None:
    """Keep the part; once all have come there is a plan `requested`, in a project made for it if need be."""
    parts = await work.gathered(part)
    if parts is None:
        return
    request = whole(parts)
    await work.projects.add(request.workspace_id, Project(request.project_id, request.project_name, work.now))
    await work.plans.request(request)
    work.wake(PLANNING)
