"""Record what became of attempts, and tell the scheduler."""

from collections.abc import Iterable, Sequence
from typing import Any

from orchestra.contracts.execution import Artifact, AttemptFailed, AttemptStarted, AttemptSucceeded, AttemptSuspended
from orchestra.contracts.ids import Sha256, WorkspaceId
from orchestra.executor.application.attempts import ExecutingWork
from orchestra.executor.domain.attempt import EndedAttempt, Failed, HeldAttempt, Succeeded, Suspended

STARTED, ENDED = 1, 2
"""The sequence of an attempt's events."""


async def record_attempts(
    work: ExecutingWork, started: Sequence[HeldAttempt], ended: Sequence[EndedAttempt]
) -> Sequence[EndedAttempt]:
    """Write those whose lease still is their holder's; a late holder's are neither written nor told.

    Returns those ends that were written.
    """
    if started:
        for attempt in await work.attempts.start(started):
            work.publish(_started(attempt), trace=attempt.trace)
    if not ended:
        return ()
    accepted = await work.attempts.end(ended)
    await _make_known(work, accepted)
    tell(work, accepted)
    return accepted


async def _make_known(work: ExecutingWork, ended: Iterable[EndedAttempt]) -> None:
    """The workspace of an attempt knows what it left behind: its outputs and its log."""
    known: dict[tuple[WorkspaceId, Sha256], int] = {}
    for each in ended:
        left: list[Artifact] = [] if isinstance(each.ending, Failed) else [*each.ending.outputs]
        if each.ending.evidence is not None and each.ending.evidence.log is not None:
            left.append(each.ending.evidence.log)
        known |= {(each.attempt.workspace_id, artifact.sha256): artifact.size for artifact in left}
    if known:
        await work.register.add(known)


def tell(work: ExecutingWork, ended: Iterable[EndedAttempt]) -> None:
    """Publish the end of each, in the trace that its dispatch came with."""
    for each in ended:
        match each.ending:
            case Succeeded() as ending:
                work.publish(_succeeded(work, each.attempt, ending), trace=each.attempt.trace)
            case Suspended() as ending:
                work.publish(_suspended(work, each.attempt, ending), trace=each.attempt.trace)
            case Failed() as ending:
                work.publish(_failed(work, each.attempt, ending), trace=each.attempt.trace)


def _started(attempt: HeldAttempt) -> AttemptStarted:
    return AttemptStarted(sequence=STARTED, started_at=attempt.started_at, **_which(attempt))


def _succeeded(work: ExecutingWork, attempt: HeldAttempt, ending: Succeeded) -> AttemptSucceeded:
    return AttemptSucceeded(
        sequence=ENDED,
        started_at=attempt.started_at,
        ended_at=work.now,
        outputs=ending.outputs,
        evidence=ending.evidence,
        **_which(attempt),
    )


def _suspended(work: ExecutingWork, attempt: HeldAttempt, ending: Suspended) -> AttemptSuspended:
    return AttemptSuspended(
        sequence=ENDED,
        started_at=attempt.started_at,
        ended_at=work.now,
        waits_for=ending.waits_for,
        outputs=ending.outputs,
        evidence=ending.evidence,
        **_which(attempt),
    )


def _failed(work: ExecutingWork, attempt: HeldAttempt, ending: Failed) -> AttemptFailed:
    return AttemptFailed(
        sequence=ENDED,
        started_at=attempt.started_at,
        ended_at=work.now,
        failure=ending.failure,
        reason=ending.reason,
        evidence=ending.evidence,
        **_which(attempt),
    )


def _which(attempt: HeldAttempt) -> dict[str, Any]:
    dispatch = attempt.dispatch
    return {
        "workspace_id": dispatch.workspace_id,
        "project_id": dispatch.project_id,
        "task_id": dispatch.task_id,
        "attempt_id": dispatch.attempt_id,
        "token": dispatch.token,
    }
