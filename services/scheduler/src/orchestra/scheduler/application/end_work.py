"""The work of tasks is done: they end, or are in review while their end is held back; then what follows goes on.

Invariants: no task starts or ends before its gates are open, and what a gate held back goes on in the transaction that
opens it. The caller holds the project.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from orchestra.contracts.ids import PlanId, TaskId
from orchestra.contracts.planning import Input
from orchestra.contracts.scheduling import TaskCompleted
from orchestra.scheduler.application.changes import Move, moved, tell
from orchestra.scheduler.application.gate_ports import Finished, Key, Lag
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.timeline.working_time import WorkingTime
from orchestra.scheduler.domain.work.dependency import Edge
from orchestra.scheduler.domain.work.task import Task

HELD = "its work is done; its end waits for others"


async def end_work(work: SchedulingWork, finished: Sequence[Finished], because: str) -> None:
    """`finished` says when the work was done: an end that is held back comes later."""
    gated = [each.task.id for each in finished if each.task.end_gated]
    held = await work.gates.held_ends(gated) if gated else set[TaskId]()
    ended = [each for each in finished if each.task.id not in held]
    moves: list[Move] = []
    if held:
        kept = [each for each in finished if each.task.id in held]
        await work.tasks.hold(kept)
        moves += [moved(each.task, "in_review", HELD) for each in kept]
    moves += await _end(work, ended, because)
    # A held task has started at the latest with its work: others may have waited for that.
    begun = [each.task for each in finished if each.task.watched or each.task.id not in held]
    await tell(work, [*moves, *await what_follows(work, begun, "what it waited for is done")])


async def go_on_after(work: SchedulingWork, tasks: Sequence[Task], because: str) -> None:
    """Everything that the starts and ends of these set free, and what that sets free in turn."""
    await tell(work, await what_follows(work, tasks, because))


async def end_held(work: SchedulingWork, task_ids: Sequence[TaskId], because: str) -> list[Task]:
    """End those of these whose end nothing holds back any more; returns them."""
    return await _end_all(work, await work.gates.ends_of(task_ids), because)


async def end_held_of_plan(work: SchedulingWork, plan_id: PlanId, because: str) -> list[Task]:
    """The same of a plan whose edges have changed."""
    return await _end_all(work, await work.gates.ends_of_plan(plan_id), because)


async def _end_all(work: SchedulingWork, ending: Sequence[Finished], because: str) -> list[Task]:
    ended = [each.task for each in ending]
    moves = await _end(work, ending, because)
    await tell(work, [*moves, *await what_follows(work, ended, "what it waited for is done")])
    return ended


async def what_follows(work: SchedulingWork, tasks: Sequence[Task], because: str) -> list[Move]:
    """After plain dependencies (FS) this is one statement, and one more where something is released."""
    moves: list[Move] = []
    while tasks:
        watched = [task.id for task in tasks if task.watched]
        if watched:
            await count_down(work, await work.gates.lags(watched))
        released = await work.tasks.release_after([task.id for task in tasks])
        moves += [moved(task, "ready", because) for task in released]
        ending = await work.gates.ends_after(watched) if watched else []
        moves += await _end(work, ending, "nothing holds its end back any more")
        tasks = [each.task for each in ending]
    return moves


async def count_down(work: SchedulingWork, lags: Iterable[Lag]) -> None:
    """Have the lags counted from what they wait for, as far as that stands; what is counted already stays."""
    times: dict[Key, WorkingTime] = {}
    counted: list[tuple[Edge, datetime]] = []
    for lag in lags:
        since = lag.started_at if lag.edge.after_start else lag.ended_at
        if lag.opens_at is not None or not lag.edge.reached(lag.status):
            continue
        if lag.key not in times:
            times[lag.key] = await _working_time(work, lag.key)
        since = since or work.now
        counted.append((lag.edge, since if lag.waived else lag.edge.opens(since, times[lag.key])))
    if counted:
        await work.gates.count_down(counted)


async def _working_time(work: SchedulingWork, key: Key) -> WorkingTime:
    project = await work.projects.find(*key)
    assert project is not None  # its caller holds it
    return WorkingTime.of(project.calendar)


async def _end(work: SchedulingWork, ended: Sequence[Finished], because: str) -> list[Move]:
    if not ended:
        return []
    await work.tasks.finish(ended)
    for each in ended:
        if not (each.evidence and each.evidence.dry_run):
            work.publish(_completed(work, each), trace=each.trace)
    return [moved(each.task, "done", because) for each in ended]


def _completed(work: SchedulingWork, finished: Finished) -> TaskCompleted:
    task = finished.task
    return TaskCompleted(
        workspace_id=task.workspace_id,
        project_id=task.project_id,
        sequence=1,
        task_id=task.id,
        plan_id=task.plan_id,
        run_id=task.run_id,
        key=task.key,
        covers=task.covers,
        outputs=tuple(Input(path=o.path, sha256=o.sha256) for o in finished.outputs),
        at=work.now,
    )


def by_project(tasks: Iterable[Task]) -> dict[Key, list[Task]]:
    """In the order in which their projects are held."""
    grouped: defaultdict[Key, list[Task]] = defaultdict(list)
    for task in tasks:
        grouped[task.workspace_id, task.project_id].append(task)
    return dict(sorted(grouped.items()))
