"""What executors report of attempts: accepted from the holder of the newest token, once; ignored from anyone else."""

from collections.abc import Sequence
from typing import TypeVar

from orchestra.contracts.execution import AttemptFailed, AttemptStarted, AttemptSucceeded
from orchestra.contracts.planning import Input
from orchestra.contracts.scheduling import TaskCompleted
from orchestra.scheduler.application.advance_run import advance_run, release, retries_of
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.ports import Dispatch, Finished, SchedulingWork
from orchestra.scheduler.domain.work.failure import after_failure
from orchestra.scheduler.domain.work.task import Task

Outcome = TypeVar("Outcome", AttemptStarted, AttemptSucceeded, AttemptFailed)
Held = tuple[Outcome, Dispatch, Task]


async def record_starts(work: SchedulingWork, events: Sequence[AttemptStarted]) -> None:
    held = [(event, task) for event, _, task in await _held(work, events) if task.status == "queued"]
    for event, task in held:
        await work.tasks.change([task.id], status="running", started_at=event.started_at)
    await work.dispatches.heard([event.attempt_id for event, _ in held])
    await tell(work, [moved(task, "running", "the attempt has started") for _, task in held])


async def record_successes(work: SchedulingWork, events: Sequence[AttemptSucceeded]) -> None:
    """The tasks are done: their dependents become ready and the freed slots are filled, in the same transaction."""
    held = await _held(work, events)
    if not held:
        return
    done = [task for _, _, task in held]
    await work.dispatches.end([event.attempt_id for event, _, _ in held], "ended")
    await work.tasks.finish([Finished(task, e.started_at, e.ended_at, e.outputs, e.evidence) for e, _, task in held])
    await tell(work, [*(moved(task, "done", "the attempt succeeded") for task in done), *await release(work, done)])
    for event, _, task in held:
        if not event.evidence.dry_run:
            outputs = tuple(Input(path=o.path, sha256=o.sha256) for o in event.outputs)
            work.publish(completed(work, task, outputs))
    await _advance(work, done, "a task is done")


async def record_failures(work: SchedulingWork, events: Sequence[AttemptFailed]) -> None:
    """Each task is tried again after a pause, waits for a person, or has failed."""
    held = await _held(work, events)
    for event, dispatch, task in held:
        run = await work.runs.get(dispatch.run_id)
        assert task.command is not None
        # The spread of the pauses comes from the id of the attempt: random, and the same in a replay.
        verdict = after_failure(
            event.failure,
            failures=task.failures,
            lost=task.lost,
            retries=retries_of(run, task.command),
            repeatable=task.command.repeatable,
            fraction=int(event.attempt_id[-4:], 16) / 0xFFFF,
            base_s=work.back_off_s,
        )
        await work.dispatches.end([event.attempt_id], "ended", event.failure)
        await work.tasks.change(
            [task.id],
            status=verdict.status,
            failures=task.failures + verdict.failed,
            lost=task.lost + verdict.lost,
            not_before=None if verdict.pause is None else work.now + verdict.pause,
            ended_at=event.ended_at if verdict.status == "failed" else None,
            started_at=None if verdict.status == "ready" else event.started_at,
            assignee=None if verdict.status == "ready" else task.assignee,
            last_failure={"class": event.failure, "reason": event.reason, "attempt": dispatch.number},
            evidence=event.evidence.model_dump(mode="json") if event.evidence else None,
        )
        await tell(work, [moved(task, verdict.status, f"{verdict.because}: {event.reason}")])
    await _advance(work, [task for _, _, task in held], "an attempt failed")


def completed(work: SchedulingWork, task: Task, outputs: tuple[Input, ...]) -> TaskCompleted:
    return TaskCompleted(
        workspace_id=task.workspace_id,
        project_id=task.project_id,
        sequence=1,
        task_id=task.id,
        plan_id=task.plan_id,
        run_id=task.run_id,
        key=task.key,
        covers=task.covers,
        outputs=outputs,
        at=work.now,
    )


async def _held(work: SchedulingWork, events: Sequence[Outcome]) -> list[Held[Outcome]]:
    """The events whose attempt still holds its task, with both, after holding their projects."""
    for key in sorted({(event.workspace_id, event.project_id) for event in events}):
        await work.projects.hold(*key)
    known = await work.tasks.of_attempts([event.attempt_id for event in events])
    held: list[Held[Outcome]] = []
    for event in events:
        dispatch, task = known.get(event.attempt_id, (None, None))
        if dispatch and task and dispatch.open and dispatch.token == event.token == task.token:
            held.append((event, dispatch, task))
    return held


async def _advance(work: SchedulingWork, tasks: Sequence[Task], cause: str) -> None:
    for run_id in sorted({task.run_id for task in tasks if task.run_id}):
        await advance_run(work, await work.runs.get(run_id), cause)
