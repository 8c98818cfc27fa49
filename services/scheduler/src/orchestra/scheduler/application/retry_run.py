"""Retry a run from its failures: everything that has failed goes again, what is done stays done."""

from orchestra.contracts.ids import RunId, WorkspaceId
from orchestra.scheduler.application.advance_run import advance_run
from orchestra.scheduler.application.find_held import held_run, refuse_when_over
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.retry_task import try_again
from orchestra.scheduler.domain.errors import NothingToRetry
from orchestra.scheduler.domain.work.run import Run


async def retry_run(work: SchedulingWork, workspace_id: WorkspaceId, run_id: RunId, by: str) -> Run:
    """A failed run is open again, in its next epoch; one that is open still keeps its epoch, a paused one its pause.

    Raises NothingToRetry, and RefusedTransition for a run that is over.
    """
    run = await held_run(work, workspace_id, run_id)
    refuse_when_over(run)
    failed = await work.tasks.of_run(run_id, ("failed",))
    if not failed:
        raise NothingToRetry(run_id)
    await try_again(work, failed, f"{by} has the run tried again")
    return await advance_run(work, run, f"the run was retried by {by}")
