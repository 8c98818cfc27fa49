"""What a plain step writes, each part from the one row that says that it is one."""

from typing import Any

from sqlalchemy import CTE, Integer, String, Text, case, cast, func, insert, literal, null, select, union_all, update

from orchestra.chassis.database.at_once import NOW, store
from orchestra.chassis.database.statement import given
from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.database.types import Instant, Json
from orchestra.scheduler.adapters.hot_facts import (
    ATTEMPT,
    OUTPUTS,
    PROJECT_ID,
    VERSION,
    WORKSPACE,
    change,
    completed,
    dispatched,
    envelope,
)
from orchestra.scheduler.adapters.rows import DISPATCH_COLUMNS
from orchestra.scheduler.adapters.tables import DISPATCH, PROJECT, TASK, TASK_CHANGE, TASK_LOG
from orchestra.scheduler.adapters.task_statements import ready_since


def held(plain: CTE) -> CTE:
    """The project, if it still is the version seen; its schedule is stale with this step."""
    cause = case(
        (plain.c.next_id.is_(None), literal("the attempt succeeded")), else_=literal("what it waited for is done")
    )
    return (
        update(PROJECT)
        .where(PROJECT.c.workspace_id == WORKSPACE, PROJECT.c.id == PROJECT_ID, plain.c.version == VERSION)
        .values(stale_cause=func.coalesce(PROJECT.c.stale_cause, cause), stale_count=PROJECT.c.stale_count + 1)
        .returning(PROJECT.c.id)
        .cte("held")
    )


def _finish(step: CTE) -> CTE:
    values = {
        "status": "done",
        "ended_at": given("ended", Instant),
        "started_at": given("started", Instant),
        "outputs": OUTPUTS,
        "evidence": given("evidence", Json),
        "not_before": None,
        "progress": 100,
        "paused_by": None,
    }
    return update(TASK).where(TASK.c.id == step.c.id).values(values).cte("finish")


def _end(step: CTE) -> CTE:
    ended = {"status": "ended", "failure": None, "ended_at": NOW}
    return (
        update(DISPATCH)
        .where(DISPATCH.c.attempt_id == ATTEMPT, step.c.id == DISPATCH.c.task_id)
        .values(ended)
        .cte("end")
    )


def _queue(step: CTE) -> CTE:
    values = {
        **ready_since(given("minute", Integer)),
        "status": "queued",
        "assignee": step.c.member,
        "attempt_id": given("next_attempt", String()),
        "token": TASK.c.token + 1,
        "attempts": TASK.c.attempts + 1,
        "assigned_at": NOW,
        "not_before": None,
    }
    return update(TASK).where(TASK.c.id == step.c.next_id).values(values).cte("queue")


def _send(step: CTE) -> CTE:
    row = select(
        given("next_attempt", String()),
        step.c.next_id,
        step.c.run_id,
        step.c.member,
        step.c.next_attempts + 1,
        step.c.next_token + 1,
        literal("sent"),
        NOW,
        NOW,
    ).where(step.c.next_id.is_not(None))
    return insert(DISPATCH).inline().from_select([*DISPATCH_COLUMNS, "dispatched_at", "sent_at"], row).cte("send")


def _moves(step: CTE) -> CTE:
    """What `tell` would be told, in its order."""
    none, text = null(), Text()

    def move(number: int, prefix: str, before: Any, after: str, cause: str, kind: str, member: Any) -> Any:
        return select(
            literal(number).label("number"),
            step.c.run_id,
            step.c[f"{prefix}id"].label("id"),
            step.c[f"{prefix}key"].label("key"),
            step.c[f"{prefix}title"].label("title"),
            step.c[f"{prefix}attempts"].label("attempts"),
            cast(before, text).label("before"),
            cast(literal(after), text).label("after"),
            cast(literal(cause), text).label("cause"),
            cast(literal(kind), text).label("kind"),
            cast(member, text).label("member"),
        ).where(step.c[f"{prefix}id"].is_not(None))

    blocked, ready = literal("blocked"), literal("ready")
    return union_all(
        move(1, "", step.c.status, "done", "the attempt succeeded", "status", step.c.assignee),
        move(2, "next_", blocked, "ready", "what it waited for is done", "status", none),
        move(3, "next_", ready, "queued", "a slot is free", "assigned", step.c.member),
    ).cte("moves")


def _log(moves: CTE) -> CTE:
    m = moves.c
    columns = {
        "workspace_id": WORKSPACE,
        "project_id": PROJECT_ID,
        "task_id": m.id,
        "run_id": m.run_id,
        "kind": m.kind,
        "before": m.before,
        "after": m.after,
        "member_id": m.member,
        "text": m.cause,
        "author": given("author", Text()),
        "at": NOW,
    }
    return insert(TASK_LOG).inline().from_select(list(columns), select(*columns.values()).order_by(m.number)).cte("log")


def _tell(moves: CTE) -> CTE:
    columns = {"workspace_id": WORKSPACE, "project_id": PROJECT_ID, "run_id": moves.c.run_id, "body": change(moves)}
    rows = select(*columns.values()).order_by(moves.c.number)
    return insert(TASK_CHANGE).inline().from_select(list(columns), rows).cte("tell")


def writes(step: CTE) -> list[CTE]:
    """All that nobody waits to be told of."""
    moves = _moves(step)
    return [_finish(step), _end(step), _queue(step), _send(step), _log(moves), _tell(moves)]


def told(step: CTE) -> list[CTE]:
    """The events: each, where it is one, with its `body`."""
    over = given("completed_id", String()).is_not(None)
    completion = store(step, "completed", over, body=envelope("completed", completed(step)))
    goes_out = step.c.next_id.is_not(None)
    going = store(step, "dispatched", goes_out, body=envelope("dispatched", dispatched(step), step.c.trace))
    return [event.returning(OUTBOX.c.body).cte(f"told_{n}") for n, event in enumerate((completion, going))]
