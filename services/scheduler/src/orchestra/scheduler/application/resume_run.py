"""Resume a paused run: it goes on with whatever is ready by now."""

from orchestra.contracts.ids import RunId, WorkspaceId
from orchestra.scheduler.application.advance_run import change_run, go_on
from orchestra.scheduler.application.find_held import held_run
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.errors import NotPaused
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.status import RUN_TERMINAL


async def resume_run(work: SchedulingWork, workspace_id: WorkspaceId, run_id: RunId, by: str) -> Run:
    """A run that goes on already stays as it is; one that is to begin later is accepted again.

    Raises NotPaused for one that has ended.
    """
    run = await held_run(work, workspace_id, run_id)
    if run.status in RUN_TERMINAL:
        raise NotPaused(f"{run.id} is {run.status}")
    if run.status != "paused":
        return run
    cause = f"the run was resumed by {by}"
    if run.early(work.now) or await work.plans.find(run.plan_id) is None:
        return await change_run(work, run, "accepted", cause, {})
    return await go_on(work, run, cause)
