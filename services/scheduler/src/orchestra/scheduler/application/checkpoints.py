"""Where checkpoints are raised and closed, all of them.

Invariant: a task of a run that is not over has exactly one open checkpoint while it waits or has failed, unless its
failure is what somebody decided, or the plan has it no longer; otherwise it has none. `follow_moves` keeps it for every
move of a task, in the move's own transaction; `settle_checkpoints` where runs and plans change around tasks that do
not move. The caller holds the project.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from orchestra.chassis.ids import new_id
from orchestra.contracts.checkpoints import (
    CheckpointAnswer,
    CheckpointEnd,
    CheckpointKind,
    CheckpointRaised,
    CheckpointResolved,
)
from orchestra.contracts.ids import MemberId, TaskId
from orchestra.contracts.scheduling import TaskStatus
from orchestra.contracts.suspensions import ApprovalNeeded
from orchestra.scheduler.application.checkpoint_ports import Owed, Raised
from orchestra.scheduler.application.ports import Key, SchedulingWork
from orchestra.scheduler.domain.work.asking import CHOICES, asked
from orchestra.scheduler.domain.work.checkpoint import OWING, Checkpoint, after_hours, answer_by, question
from orchestra.scheduler.domain.work.task import Task


async def follow_moves(work: SchedulingWork, moves: Iterable[tuple[Task, TaskStatus, str, MemberId | None]]) -> None:
    """Close what these moves, which the database has, have decided or left; raise what they owe.

    A move by somebody's command is an answer, where it means one; any other withdraws the question.
    """
    left: dict[TaskId, tuple[TaskStatus, str]] = {}
    reached: dict[TaskId, str] = {}
    for task, after, cause, _ in moves:
        if task.status in OWING and after != task.status:
            left[task.id] = after, cause
        if after in OWING:
            reached[task.id] = cause
    for raised in await work.checkpoints.open_of(list(left)) if left else ():
        after, cause = left[raised.task.id]
        answer = answer_by(after) if work.by else None
        await close(work, raised, "answered" if answer else "withdrawn", cause, answer)
    if reached:
        for each in await work.checkpoints.owed(list(reached)):
            await _raise(work, [each], reached[each.task.id])


async def settle_checkpoints(work: SchedulingWork, key: Key, cause: str) -> None:
    """The project's runs or its plan have changed: raise what is owed now, withdraw what is not."""
    for raised in await work.checkpoints.moot_in(key):
        await close(work, raised, "withdrawn", cause)
    await _raise(work, await work.checkpoints.owed_in(key), cause)


async def ask_for(work: SchedulingWork, task_ids: Iterable[TaskId], cause: str) -> None:
    """The same for tasks that were found to owe a decision."""
    await _raise(work, await work.checkpoints.owed(list(task_ids)), cause)


async def _raise(work: SchedulingWork, owed: Iterable[Owed], cause: str) -> None:
    raised = [(each, _checkpoint(work, each, cause)) for each in owed]
    if not raised:
        return
    await work.checkpoints.add([checkpoint for _, checkpoint in raised])
    for each, checkpoint in raised:
        work.publish(_event(checkpoint, each.task), trace=each.trace)


def _checkpoint(work: SchedulingWork, owed: Owed, cause: str) -> Checkpoint:
    task = owed.task
    assert task.run_id is not None  # nothing is owed but in a run
    asks = task.asks
    kind: CheckpointKind = asks.kind if asks else "repeat" if task.status == "waiting" else "exhausted"
    escalates, expires = work.checkpoint_hours
    ends = (after_hours(work.now, expires), asks.expires_at if isinstance(asks, ApprovalNeeded) else None)
    return Checkpoint(
        id=new_id("chk"),
        workspace_id=task.workspace_id,
        project_id=task.project_id,
        run_id=task.run_id,
        task_id=task.id,
        attempt=task.attempts,
        kind=kind,
        question=asked(task.title, task.key, asks) if asks else question(task, kind, owed.failure, cause),
        choices=CHOICES[kind],
        raised_at=work.now,
        escalates_at=after_hours(work.now, escalates),
        expires_at=min((each for each in ends if each is not None), default=None),
        asks=asks,
    )


async def escalate(work: SchedulingWork, raised: Raised) -> None:
    """Ask again, louder."""
    before = raised.checkpoint
    checkpoint = replace(before, escalated_at=work.now, sequence=before.sequence + 1)
    await work.checkpoints.save(checkpoint)
    work.publish(_event(checkpoint, raised.task), trace=raised.trace)


async def close(
    work: SchedulingWork,
    raised: Raised,
    status: CheckpointEnd,
    cause: str,
    answer: CheckpointAnswer | None = None,
) -> None:
    """It is open no more. What follows for its task is the caller's."""
    checkpoint = replace(
        raised.checkpoint,
        status=status,
        answer=answer,
        answered_by=work.by if answer else None,
        answered_at=work.now,
        sequence=raised.checkpoint.sequence + 1,
    )
    await work.checkpoints.save(checkpoint)
    event = CheckpointResolved(
        **_which(checkpoint, raised.task),
        status=status,
        answer=answer,
        by=checkpoint.answered_by,
        guidance=checkpoint.guidance,
        text=checkpoint.said,
        cause=cause,
        at=work.now,
    )
    work.publish(event, trace=raised.trace)


def _event(checkpoint: Checkpoint, task: Task) -> CheckpointRaised:
    return CheckpointRaised(
        **_which(checkpoint, task),
        question=checkpoint.question,
        choices=checkpoint.choices,
        asks=checkpoint.asks,
        escalated=checkpoint.escalated_at is not None,
        raised_at=checkpoint.raised_at,
        expires_at=checkpoint.expires_at,
    )


def _which(checkpoint: Checkpoint, task: Task) -> dict[str, Any]:
    return {
        "workspace_id": task.workspace_id,
        "project_id": task.project_id,
        "sequence": checkpoint.sequence,
        "checkpoint_id": checkpoint.id,
        "run_id": checkpoint.run_id,
        "task_id": task.id,
        "key": task.key,
        "title": task.title,
        "attempt": checkpoint.attempt,
        "about": checkpoint.kind,
    }
