"""Attempts of agents that end for now: the task waits for a person, or for a server that is away, and then goes on.

Invariants: such an attempt counts neither as a failure nor as a lost one. Nothing but a person's word answers a
question, approves a call or accepts what no verification has passed. The caller holds the project.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestra.contracts.execution import Artifact, AttemptSuspended, Evidence
from orchestra.contracts.machine_work import AgentAnswer
from orchestra.contracts.suspensions import ProviderAway, Suspension
from orchestra.scheduler.application.admit import free_mutexes
from orchestra.scheduler.application.advance_run import advance_runs_of
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.outcomes import still_held
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.work import dialogue
from orchestra.scheduler.domain.work.dialogue import Suspended
from orchestra.scheduler.domain.work.task import Task

AWAY = timedelta(seconds=60)
"""Until a server is tried again that does not say when."""
LONGEST_AWAY = timedelta(hours=1)
"""Whatever it says."""


@dataclass(frozen=True)
class Ended:
    """An attempt that has ended, whose number and start are these."""

    number: int
    started_at: datetime
    outputs: Sequence[Artifact] = ()
    evidence: Evidence | None = None


async def record_suspensions(work: SchedulingWork, events: Sequence[AttemptSuspended]) -> None:
    held = await still_held(work, events)
    if not held:
        return
    work.dispatches.end([event.attempt_id for event, _, _ in held], "suspended")
    await free_mutexes(work, ((event.attempt_id, task) for event, _, task in held))
    for event, dispatch, task in held:
        ended = Ended(dispatch.number, event.started_at, event.outputs, event.evidence)
        await suspend(work, task, ended, event.waits_for)
    await advance_runs_of(work, [task for _, _, task in held], "an attempt was suspended")


async def suspend(work: SchedulingWork, task: Task, ended: Ended, waits_for: Suspension) -> None:
    """It keeps what it has, nobody's slot, and waits. A server that is away asks nobody: time has it tried again."""
    attempt = Suspended(attempt=ended.number, waits_for=waits_for, started_at=ended.started_at, evidence=ended.evidence)
    away = isinstance(waits_for, ProviderAway)
    after = "ready" if away else "waiting"
    await work.tasks.change(
        [task.id],
        status=after,
        assignee=None,
        started_at=None if away else ended.started_at,
        not_before=_next_try(waits_for, work.now) if isinstance(waits_for, ProviderAway) else None,
        dialogue=dialogue.suspended(task.dialogue, attempt, ended.outputs).model_dump(mode="json"),
        evidence=ended.evidence.model_dump(mode="json") if ended.evidence else None,
    )
    await tell(work, [moved(replace(task, assignee=None), after, _WHY[waits_for.kind])])


_WHY = {
    "question": "its agent asks something",
    "approval": "its agent needs an approval",
    "budget": "it has met a budget",
    "verification": "a person must say whether it is done",
    "provider": "a server that it needs is away",
}


def _next_try(away: ProviderAway, now: datetime) -> datetime:
    return min(max(away.retry_at or now + AWAY, now), now + LONGEST_AWAY)


async def go_on(work: SchedulingWork, task: Task, cause: str, answer: AgentAnswer | None = None) -> None:
    """What a suspended attempt waited for has come: another goes on, with the tries that are left."""
    said = dialogue.resumed(task.dialogue, answer).model_dump(mode="json")
    await work.tasks.change([task.id], status="ready", assignee=None, started_at=None, dialogue=said)
    await tell(work, [moved(task, "ready", cause)])
