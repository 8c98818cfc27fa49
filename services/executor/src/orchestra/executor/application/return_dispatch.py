"""Give back what is to wait."""

from orchestra.contracts.execution import AttemptReturned
from orchestra.contracts.scheduling import DispatchRecalled
from orchestra.executor.application.attempts import ExecutingWork
from orchestra.executor.application.record_attempts import ENDED


async def return_dispatch(work: ExecutingWork, event: DispatchRecalled) -> None:
    """Only this service knows what has begun. What has not never will, and the scheduler is told so, once."""
    if await work.attempts.recall(event):
        work.publish(
            AttemptReturned(
                workspace_id=event.workspace_id,
                project_id=event.project_id,
                sequence=ENDED,
                task_id=event.task_id,
                attempt_id=event.attempt_id,
                token=event.token,
            )
        )
