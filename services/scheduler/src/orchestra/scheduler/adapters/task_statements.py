"""The statements on tasks that every step of a run executes: compiled once, whatever they are given."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import CTE, ColumnElement, Executable, Integer, Select, String, and_, exists, func, or_, select, update

from orchestra.chassis.database.engine import Dialect
from orchestra.chassis.database.statement import Statement, Values, Write, given
from orchestra.chassis.database.types import Instant, Json
from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.adapters.gates import held_back
from orchestra.scheduler.adapters.rows import DISPATCH_COLUMNS, TASK_COLUMNS
from orchestra.scheduler.adapters.tables import DEPENDENCY, DISPATCH, IN_HAND, READY, TASK
from orchestra.scheduler.domain.work.task import TIMER

AGENT = "agent|"
PERSON = "person|"
AT_WORK: tuple[TaskStatus, ...] = ("assigned", "queued", "running")
CARRIED: tuple[TaskStatus, ...] = (*AT_WORK, "waiting", "in_review")


def due(run_id: Any, now: Any) -> ColumnElement[bool]:
    """Ready, and nothing keeps it from being given out."""
    come = or_(TASK.c.not_before.is_(None), TASK.c.not_before <= now)
    return and_(TASK.c.run_id == run_id, READY, TASK.c.paused_by.is_(None), come, in_time(now))


def in_time(now: Any) -> ColumnElement[bool]:
    """Its deadline, where it has one, has not passed."""
    return or_(TASK.c.expires_at.is_(None), TASK.c.expires_at > now)


_PERFORMED = {
    "task": String(),
    "started": Instant(),
    "ended": Instant(),
    "outputs": Json,
    "evidence": Json,
}


def _perform(status: TaskStatus, ended: str) -> Write:
    """`ended` is the column that takes the end of the work."""

    def build(v: Values) -> Any:
        values = {ended: v("ended"), "started_at": v("started"), "outputs": v("outputs"), "evidence": v("evidence")}
        values |= {"status": status, "not_before": None, "progress": 100, "paused_by": None}
        return update(TASK).where(TASK.c.id == v("task")).values(values)

    return Write(build, _PERFORMED)


ORDER = TASK.c.position
IN_TURN = (TASK.c.rank, ORDER)


def minute_of(now: datetime) -> int:
    """For `ready_since`."""
    return int(now.timestamp() // 60)


def ready_since(minute: Any) -> dict[str, Any]:
    """What is written of tasks that become ready."""
    return {"status": "ready", "rank": minute - TASK.c.priority}


_DUE = due(given("run"), given("now", Instant))

OF_ATTEMPTS = Statement(
    lambda dialect: (
        select(*(DISPATCH.c[name] for name in DISPATCH_COLUMNS), *TASK_COLUMNS)
        .join(TASK, TASK.c.id == DISPATCH.c.task_id)
        .where(dialect.among(DISPATCH.c.attempt_id, "ids"))
    )
)
FINISH = _perform("done", "ended_at")
HOLD = _perform("in_review", "performed_at")


def _release(dialect: Dialect) -> Executable:
    after = select(DEPENDENCY.c.successor).where(dialect.among(DEPENDENCY.c.predecessor, "ids"))
    free = (TASK.c.id.in_(after), TASK.c.status == "blocked", ~held_back(given("now", Instant)))
    return (
        update(TASK)
        .where(*free)
        .values(ready_since(given("minute", Integer)))
        .returning(*TASK_COLUMNS, TASK.c.position)
    )


RELEASE = Statement(_release)


_READY_OF_RUN = (TASK.c.run_id == given("run"), READY)


def _pools() -> CTE:
    """Each pool is a step in the index, so that what stands in one is not counted."""
    ready = _READY_OF_RUN
    pools = select(func.min(TASK.c.pool).label("pool")).where(*ready).cte("pools", recursive=True)
    after = select(func.min(TASK.c.pool)).where(*ready, TASK.c.pool > pools.c.pool).scalar_subquery()
    return pools.union_all(select(after).where(pools.c.pool.is_not(None)))


def _ready_pools(_: Dialect) -> Executable:
    pools = _pools()
    return select(pools.c.pool).where(pools.c.pool.is_not(None))


def _ready_heads(_: Dialect) -> Executable:
    pools = _pools()
    head = select(func.min(TASK.c.rank)).where(*_READY_OF_RUN, TASK.c.pool == pools.c.pool).scalar_subquery()
    return select(pools.c.pool, head.label("rank")).where(pools.c.pool.is_not(None))


READY_POOLS = Statement(_ready_pools)
READY_HEADS = Statement(_ready_heads)
READY_IN_POOLS = Statement(lambda _: select(TASK.c.pool, func.count()).where(_DUE).group_by(TASK.c.pool))
AT_WORK_NOW = Statement(
    lambda _: select(
        exists().where(
            TASK.c.project_id == given("project"),
            IN_HAND,
            TASK.c.run_id == given("run"),
            TASK.c.status.in_(("queued", "running")),
            TASK.c.pool.startswith(AGENT),
        )
    )
)


def _handed_on(successors: ColumnElement[bool], *more: ColumnElement[Any]) -> Executable:
    return (
        select(DEPENDENCY.c.successor, TASK.c.outputs, *more)
        .join(TASK, TASK.c.id == DEPENDENCY.c.predecessor)
        .where(successors, DEPENDENCY.c.kind == "FS", TASK.c.outputs.is_not(None))
        .order_by(DEPENDENCY.c.successor, ORDER)
    )


class Following(NamedTuple):
    """The next ones of a pool."""

    tasks: Statement
    handed_on: Statement
    """What they are given by those that they come after."""


def _following(due: ColumnElement[bool]) -> Following:
    def of_pool(*columns: ColumnElement[Any]) -> Select[Any]:
        due_in_pool = select(*columns).where(due, TASK.c.pool == given("pool"))
        return due_in_pool.order_by(*IN_TURN).limit(given("limit", Integer))

    theirs = DEPENDENCY.c.successor.in_(of_pool(TASK.c.id).alias().select())
    return Following(Statement(lambda _: of_pool(*TASK_COLUMNS, *IN_TURN)), Statement(lambda _: _handed_on(theirs)))


NEXT_READY = _following(_DUE)
NEXT_WHENEVER = _following(and_(TASK.c.run_id == given("run"), READY, TASK.c.paused_by.is_(None)))
"""For a dry run, which waits for no time."""
COUNT_IN_HAND = Statement(
    lambda _: (
        select(TASK.c.assignee, func.count())
        .where(
            TASK.c.workspace_id == given("workspace"),
            TASK.c.project_id == given("project"),
            IN_HAND,
            TASK.c.assignee.is_not(None),
        )
        .group_by(TASK.c.assignee)
    )
)


def _totals(_: Dialect) -> Executable:
    # What is paused and would be started, or is a timer that counts, goes on when a person says so.
    counts = and_(TASK.c.pool == TIMER, TASK.c.status == "running")
    by_itself = or_(TASK.c.paused_by.is_(None), and_(TASK.c.status != "ready", ~counts))
    # Before its time a task of a person asks nobody for anything.
    early = and_(TASK.c.status == "ready", TASK.c.not_before > given("now", Instant))
    machine = and_(or_(~TASK.c.pool.startswith(PERSON), early), by_itself).label("machine")
    # The failure of what is no longer planned is nobody's to mend.
    mended = ~and_(TASK.c.retired, TASK.c.status == "failed")
    query = select(machine, TASK.c.status, func.count()).where(TASK.c.run_id == given("run"), mended)
    return query.group_by(machine, TASK.c.status)


TOTALS = Statement(_totals)
HANDED_ON = Statement(lambda dialect: _handed_on(dialect.among(DEPENDENCY.c.successor, "ids")))
HANDED_ON_BY = Statement(
    lambda dialect: _handed_on(dialect.among(DEPENDENCY.c.successor, "ids"), TASK.c.key, TASK.c.title)
)
QUEUE = Write(
    lambda v: (
        update(TASK)
        .where(TASK.c.id == v("task"))
        .values(
            status="queued",
            assignee=v("member"),
            attempt_id=v("attempt"),
            token=TASK.c.token + 1,
            attempts=TASK.c.attempts + 1,
            assigned_at=v("now"),
            not_before=None,
        )
    ),
    {"task": String(), "member": String(), "attempt": String(), "now": Instant()},
)
ADD_DISPATCH = Write.into(DISPATCH, *DISPATCH_COLUMNS, "dispatched_at", "sent_at")
