"""Record that a task is done: requirements that only waited for it are satisfied from now on."""

from orchestra.contracts.scheduling import TaskCompleted
from orchestra.planner.application.ports import Work


async def record_completion(work: Work, event: TaskCompleted) -> None:
    """Whether its plan is known here does not matter: the completion is kept, and counts once it is."""
    await work.completions.add(event.workspace_id, {event.task_id: event.at})
