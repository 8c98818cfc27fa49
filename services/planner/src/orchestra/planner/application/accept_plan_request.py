"""Accept the wish for a plan: a row that the planning loop takes up. Nothing is read or judged in the delivery."""

from orchestra.contracts.planning import PlanRequested
from orchestra.planner.application.ports import Work
from orchestra.planner.application.views import Project

PLANNING = "planning"
"""What the planning loop is woken by."""


async def accept_plan_request(work: Work, part: PlanRequested) -> None:
    """Keep the part; once all have come there is a plan `requested`, in a project made for it if need be."""
    parts = await work.gathered_texts(part)
    if parts is None:
        return
    await work.projects.add(part.workspace_id, Project(part.project_id, part.project_name, work.now))
    await work.plans.request(part, parts)
    work.wake(PLANNING)
