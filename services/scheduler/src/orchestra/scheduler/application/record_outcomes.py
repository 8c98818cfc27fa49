"""What executors report of attempts: accepted from the holder of the newest token, once; ignored from anyone else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orchestra.contracts.execution import AttemptFailed, AttemptStarted, AttemptSucceeded, Evidence, FailureClass
from orchestra.scheduler.application.admit import free_mutexes
from orchestra.scheduler.application.advance_run import advance_runs_of, retries_of
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.end_work import end_work, go_on_after
from orchestra.scheduler.application.gate_ports import Finished
from orchestra.scheduler.application.keep_partial_logs import keep_partial_logs
from orchestra.scheduler.application.outcomes import Held, still_held
from orchestra.scheduler.application.ports import Dispatch, SchedulingWork
from orchestra.scheduler.application.suspend import Ended, suspend
from orchestra.scheduler.domain.work import dialogue
from orchestra.scheduler.domain.work.failure import after_failure
from orchestra.scheduler.domain.work.proof import Wanting, wanting
from orchestra.scheduler.domain.work.task import Task


async def record_starts(work: SchedulingWork, events: Sequence[AttemptStarted]) -> None:
    held = [(event, task) for event, _, task in await still_held(work, events) if task.status == "queued"]
    for event, task in held:
        await work.tasks.change([task.id], status="running", started_at=event.started_at)
    await work.dispatches.heard([event.attempt_id for event, _ in held])
    await tell(work, [moved(task, "running", "the attempt has started") for _, task in held])
    watched = [task for _, task in held if task.watched]
    if watched:
        await go_on_after(work, watched, "what it waited for has started")
        await advance_runs_of(work, watched, "a task has started")


async def record_successes(work: SchedulingWork, events: Sequence[AttemptSucceeded]) -> None:
    """The work is done: dependents become ready and the freed slots are filled, in the same transaction.

    Work of an agent is done only with the proof that its brief asks for.
    """
    held = await still_held(work, events)
    if not held:
        return
    await free_mutexes(work, ((event.attempt_id, task) for event, _, task in held))
    unproven = [(each, found) for each in held if (found := wanting(each[2].command, each[0].evidence))]
    refused = {each[0].attempt_id for each, _ in unproven}
    done = [each for each in held if each[0].attempt_id not in refused]
    work.dispatches.end([event.attempt_id for event, _, _ in done], "ended")
    finished = [
        Finished(task, e.started_at, e.ended_at, e.outputs, e.evidence, work.trace_of(e)) for e, _, task in done
    ]
    if finished:
        await end_work(work, finished, "the attempt succeeded")
    for each, found in unproven:
        await _refuse(work, each, found)
    await advance_runs_of(work, [task for _, _, task in held], "a task is done")


async def _refuse(work: SchedulingWork, held: Held[AttemptSucceeded], found: Wanting) -> None:
    event, dispatch, task = held
    if found.asks is not None:
        work.dispatches.end([event.attempt_id], "suspended")
        ended = Ended(dispatch.number, event.started_at, event.outputs, event.evidence)
        await suspend(work, task, ended, found.asks)
        return
    said = dialogue.lacking(task.dialogue, found.reason, event.outputs)
    failed = _Failed("gaps", found.reason, event.started_at, event.ended_at, event.evidence)
    await _fail(work, failed, dispatch, replace(task, dialogue=said))


async def record_failures(work: SchedulingWork, events: Sequence[AttemptFailed]) -> None:
    """Each task is tried again after a pause, waits for a person, or has failed."""
    held = await still_held(work, events)
    if stopped := [event for event in events if event.failure == "cancelled"]:
        await keep_partial_logs(work, stopped)
        await work.limits.free([event.attempt_id for event in stopped])
    await free_mutexes(work, ((event.attempt_id, task) for event, _, task in held))
    for event, dispatch, task in held:
        if event.failure == "gaps":
            task = replace(task, dialogue=dialogue.lacking(task.dialogue, event.reason))
        failed = _Failed(event.failure, event.reason, event.started_at, event.ended_at, event.evidence)
        await _fail(work, failed, dispatch, task)
    await advance_runs_of(work, [task for _, _, task in held], "an attempt failed")


@dataclass(frozen=True)
class _Failed:
    """Told as such, or a success that proves nothing."""

    failure: FailureClass
    reason: str
    started_at: datetime | None
    ended_at: datetime
    evidence: Evidence | None


async def _fail(work: SchedulingWork, event: _Failed, dispatch: Dispatch, task: Task) -> None:
    run = await work.runs.get(dispatch.run_id)
    assert task.command is not None
    # The spread of the pauses comes from the id of the attempt: random, and the same in a replay.
    verdict = after_failure(
        event.failure,
        failures=task.failures,
        lost=task.lost,
        retries=retries_of(run, task.command),
        repeatable=task.command.repeatable,
        fraction=int(dispatch.attempt_id[-4:], 16) / 0xFFFF,
        base_s=work.back_off_s,
    )
    work.dispatches.end([dispatch.attempt_id], "ended", event.failure)
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
        dialogue=task.dialogue.model_dump(mode="json") if task.dialogue else None,
    )
    await tell(work, [moved(task, verdict.status, f"{verdict.because}: {event.reason}")])
