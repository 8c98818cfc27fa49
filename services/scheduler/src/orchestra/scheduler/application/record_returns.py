"""What executors give back unbegun: ready again, without having used up a try."""

from collections.abc import Sequence

from orchestra.contracts.execution import AttemptReturned
from orchestra.scheduler.application.admit import free_mutexes
from orchestra.scheduler.application.advance_run import advance_runs_of
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.outcomes import still_held
from orchestra.scheduler.application.ports import SchedulingWork


async def record_returns(work: SchedulingWork, events: Sequence[AttemptReturned]) -> None:
    """Where the pause is over by now, another attempt is made of it at once."""
    held = await still_held(work, events)
    if not held:
        return
    work.dispatches.end([event.attempt_id for event, _, _ in held], "withdrawn")
    await free_mutexes(work, ((event.attempt_id, task) for event, _, task in held))
    tasks = [task for _, _, task in held]
    await work.tasks.change([task.id for task in tasks], status="ready", assignee=None)
    await tell(work, [moved(task, "ready", "it was called back before it had begun") for task in tasks])
    await advance_runs_of(work, tasks, "an attempt was called back")
