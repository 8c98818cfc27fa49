"""Telling of changes: kept in the transaction that makes them, sent together a moment later."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby

from orchestra.contracts.ids import MemberId, RunId
from orchestra.contracts.scheduling import TaskChange, TasksChanged, TaskStatus
from orchestra.scheduler.application.checkpoints import follow_moves
from orchestra.scheduler.application.ports import Key, SchedulingWork
from orchestra.scheduler.domain.work.log import LogKind, entry_of_move
from orchestra.scheduler.domain.work.status import move_again, move_task
from orchestra.scheduler.domain.work.task import Task

MOST = 400
"""Changes in one event: about 120 KB."""

Move = tuple[Task, TaskStatus, str, MemberId | None]
"""A task as it was, what it becomes, why, and who has it then."""


def moved(task: Task, after: TaskStatus, cause: str, assignee: MemberId | None = None) -> Move:
    """The move, where the table of states allows it; raises RefusedTransition."""
    move_task(task.key, task.status, after, timer=task.is_timer)
    return task, after, cause, assignee or task.assignee


def moved_again(task: Task, after: TaskStatus, cause: str) -> Move:
    """The move of a task that is done again; nobody has it then."""
    move_again(task.key, task.status, after)
    return task, after, cause, None


def adopted(task: Task, cause: str, assignee: MemberId | None) -> Move:
    """The beginning of a task that another run has done."""
    return task, "done", cause, assignee


async def tell(work: SchedulingWork, moves: Iterable[Move], kind: LogKind | None = None) -> None:
    """Have these moves logged and told, and the schedules of their projects recalculated (BR-SCHED-003, BR-ASSIGN-005).

    Every move of a task comes through here, so that log and checkpoints miss none. `kind` is the log's word for them
    where they are more than they look like.
    """
    moves = list(moves)
    by_run: defaultdict[tuple[Key, RunId | None], list[TaskChange]] = defaultdict(list)
    cause = ""
    for task, after, cause, assignee in moves:
        change = TaskChange.model_construct(
            task_id=task.id,
            key=task.key,
            title=task.title,
            before=task.status,
            after=after,
            cause=cause,
            attempt=task.attempts,
            assignee=assignee,
            paused=task.paused_by is not None,
            at=work.now,
        )
        by_run[(task.workspace_id, task.project_id), task.run_id].append(change)
    if not by_run:
        return
    await follow_moves(work, moves)
    work.log.add([entry_of_move(*move, kind) for move in moves])
    for (key, run_id), changes in by_run.items():
        work.changes.add(key, run_id, changes)
    work.projects.mark_stale({key for key, _ in by_run}, cause)
    work.wake("changes")
    work.wake("recalculation")


async def publish_changes(work: SchedulingWork, key: Key) -> None:
    """Publish what nobody has been told of yet, oldest first. The caller holds the project."""
    while taken := await work.changes.take(key, MOST):
        for run_id, changes in groupby(taken, key=lambda pair: pair[0]):
            work.publish(
                TasksChanged(
                    workspace_id=key[0],
                    project_id=key[1],
                    sequence=await work.projects.next_sequence(key),
                    run_id=run_id,
                    changes=tuple(change for _, change in changes),
                )
            )
