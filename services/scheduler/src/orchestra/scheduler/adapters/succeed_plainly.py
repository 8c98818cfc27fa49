"""The plain step, from the event that it follows from."""

from typing import Any, cast

from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.message import Envelope, Outgoing, plain, wrap
from orchestra.chassis.telemetry.tracing import traceparent
from orchestra.contracts.event import Event
from orchestra.contracts.execution import AttemptSucceeded
from orchestra.contracts.scheduling import TaskCompleted, TaskDispatched
from orchestra.scheduler.adapters.hot_step import STEP
from orchestra.scheduler.adapters.task_statements import minute_of
from orchestra.scheduler.adapters.work import SqlSchedulingWork

TRIES = 3
"""Whoever else holds the project changes it while the statement waits; seen anew, the step may be plain still."""


async def succeed_plainly(envelope: Envelope, work: SqlSchedulingWork) -> bool:
    """Have the step done that follows from this AttemptSucceeded, if it is a plain one."""
    event = cast(AttemptSucceeded, envelope.event)
    whose: dict[str, Any] = {"workspace_id": event.workspace_id, "project_id": event.project_id, "sequence": 1}
    next_attempt, claimed = new_id("att"), work.claimed(2)
    dispatched = _wrapped(work, envelope, TaskDispatched.model_construct(**whose, attempt_id=next_attempt))
    completed = None
    if not event.evidence.dry_run:
        made = TaskCompleted.model_construct(**whose, task_id=event.task_id)
        completed = _wrapped(work, envelope, made, traceparent())
    values: dict[str, Any] = {
        "subscription": f"scheduler:{event.kind}",
        "event_id": envelope.id,
        "now": work.now,
        "stamp": plain(work.now).strip('"'),
        "minute": minute_of(work.now),
        "author": work.service,
        "trace": traceparent(),
        "workspace": event.workspace_id,
        "project": event.project_id,
        "attempt": event.attempt_id,
        "task": event.task_id,
        "token": event.token,
        "started": event.started_at,
        "ended": event.ended_at,
        "outputs": [output.model_dump(mode="json") for output in event.outputs],
        "evidence": event.evidence.model_dump(mode="json"),
        "next_attempt": next_attempt,
        "dispatched_id": dispatched.id,
        "dispatched_kind": dispatched.kind,
        "dispatched_head": dispatched.head(),
        "completed_id": completed.id if completed else None,
        "completed_kind": completed.kind if completed else None,
        "completed_head": completed.head() if completed else None,
        "completed_outputs": plain([{"path": o.path, "sha256": o.sha256} for o in event.outputs]),
        "claim": claimed["claim"],
        "claimed_until": claimed["claimed_until"],
    }
    done, bodies = await _tried(work, values)
    if done:
        told = zip((completed, dispatched), bodies, strict=True)
        outgoing = [Outgoing(each.id, each.kind, body) for each, body in told if each and body]
        if outgoing:
            work.stored(outgoing, claimed)
        work.wake("changes")
        work.wake("recalculation")
    return done


async def _tried(work: SqlSchedulingWork, values: dict[str, Any]) -> tuple[bool, list[str | None]]:
    for _ in range(TRIES):
        [(is_plain, done, *bodies)] = await work.fetch(STEP, **values)
        if done or not is_plain:
            return done, bodies
    return False, []


def _wrapped(work: SqlSchedulingWork, cause: Envelope, event: Event, trace: str | None = None) -> Envelope:
    """The envelope of an event that is only begun: the statement writes the rest of it."""
    return wrap(
        event,
        event_id=new_id("evt"),
        source=f"/workspaces/{event.workspace_id}/services/{work.service}",
        time=work.now,
        traceparent=trace,
        correlation_id=cause.cloud.correlationid,
        causation_id=cause.id,
    )
