"""The work graph on SQL: one statement for each step, however many tasks it touches."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    or_,
    select,
    update,
)

from orchestra.chassis.database.statement import Copy, Row, Write
from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.errors import Transient
from orchestra.contracts.ids import AttemptId, MemberId, PlanId, RunId, TaskId, WorkspaceId
from orchestra.contracts.planning import DecomposedTask
from orchestra.contracts.scheduling import Handed, TaskStatus
from orchestra.scheduler.adapters import task_statements as sql
from orchestra.scheduler.adapters.gates import held_back
from orchestra.scheduler.adapters.rows import (
    DEFINITION,
    DISPATCH_COLUMNS,
    TASK_COLUMNS,
    definition,
    dispatch_from,
    enforced,
    task_from,
    task_of,
)
from orchestra.scheduler.adapters.tables import DEPENDENCY, RUN, TASK
from orchestra.scheduler.application.ports import Dispatch, Finished, Next, Totals
from orchestra.scheduler.application.project_ports import Plan
from orchestra.scheduler.domain.errors import UnknownTask
from orchestra.scheduler.domain.work.dependency import Edge
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import Task

_TASKS = Copy(
    TASK,
    *DEFINITION,
    "not_before",
    "expires_at",
    "workspace_id",
    "project_id",
    "plan_id",
    "run_id",
    "position",
    "pool",
    "status",
    "rank",
    "watched",
    "end_gated",
)
_EDGES = Copy(DEPENDENCY, "predecessor", "successor", "kind", "lag_minutes", "clock")


class SqlTasks:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._execute = work.connection.execute
        self._fetch = work.fetch
        self._one_of = work.dialect.one_of

    async def _all(self, query: Select[Any]) -> list[Task]:
        return [task_of(row) for row in (await self._execute(query)).mappings()]

    async def add_graph(
        self,
        plan: Plan,
        tasks: Sequence[DecomposedTask],
        edges: Sequence[Edge],
        pools: Sequence[str],
        run_id: RunId | None,
    ) -> None:
        behind = {edge.successor for edge in edges if not edge.before_end}
        watched = {edge.predecessor for edge in edges if not edge.plain}
        end_gated = {edge.successor for edge in edges if edge.before_end}
        same = (plan.workspace_id, plan.project_id, plan.id, run_id)
        minute = sql.minute_of(self._work.now)
        await self._work.copy(
            _TASKS,
            (
                (
                    *definition(task),
                    task.start_at,
                    enforced(task),
                    *same,
                    position,
                    pool,
                    "blocked" if task.id in behind else "ready",
                    minute - task.priority,
                    task.id in watched,
                    task.id in end_gated,
                )
                for position, (task, pool) in enumerate(zip(tasks, pools, strict=True))
            ),
        )
        await self._work.copy(_EDGES, edges)

    async def find(self, workspace_id: WorkspaceId, task_id: TaskId) -> Task:
        """Raises UnknownTask; a task of another workspace is one."""
        found = await self._all(select(*TASK_COLUMNS).where(TASK.c.id == task_id, TASK.c.workspace_id == workspace_id))
        if not found:
            raise UnknownTask(task_id)
        return found[0]

    async def some(self, task_ids: Sequence[TaskId]) -> list[Task]:
        return await self._all(select(*TASK_COLUMNS).where(self._one_of(TASK.c.id, task_ids)).order_by(sql.ORDER))

    async def of_plan(self, plan_id: PlanId) -> list[Task]:
        return await self._all(select(*TASK_COLUMNS).where(TASK.c.plan_id == plan_id).order_by(sql.ORDER))

    async def of_attempts(self, attempt_ids: Sequence[AttemptId]) -> dict[AttemptId, tuple[Dispatch, Task]]:
        rows = await self._fetch(sql.OF_ATTEMPTS, ids=list(attempt_ids))
        known = {row[0]: (dispatch_from(row), task_from(row[len(DISPATCH_COLUMNS) :])) for row in rows}
        if unknown := sorted(set(attempt_ids) - set(known)):
            raise Transient(f"the attempt {unknown[0]} is not known yet")
        return known

    async def give_to_run(self, plan_id: PlanId, run_id: RunId) -> None:
        # What is done stays with the run that did it.
        open_ = (TASK.c.plan_id == plan_id, TASK.c.status.not_in(("done", "skipped")))
        await self._execute(update(TASK).where(*open_).values(run_id=run_id))

    async def finish(self, finished: Sequence[Finished]) -> None:
        await self._write(sql.FINISH, finished)

    async def hold(self, finished: Sequence[Finished]) -> None:
        await self._write(sql.HOLD, finished)

    async def _write(self, write: Write, finished: Sequence[Finished]) -> None:
        self._work.later(write, [_performed(each) for each in finished])
        await self._work.flush()

    async def release_after(self, task_ids: Sequence[TaskId]) -> list[Task]:
        now = self._work.now
        rows = await self._fetch(sql.RELEASE, ids=list(task_ids), now=now, minute=sql.minute_of(now))
        rows.sort(key=itemgetter(-1))
        return [replace(task_from(row), status="blocked") for row in rows]

    async def held_back(self, task_ids: Sequence[TaskId]) -> set[TaskId]:
        query = select(TASK.c.id).where(self._one_of(TASK.c.id, task_ids), held_back(self._work.now))
        return set((await self._execute(query)).scalars())

    async def forgotten(self, limit: int) -> list[Task]:
        begun = select(RUN.c.id).where(RUN.c.status.in_(("running", "waiting")))
        query = select(*TASK_COLUMNS).where(
            TASK.c.status == "blocked", TASK.c.run_id.in_(begun), ~held_back(self._work.now)
        )
        return await self._all(query.limit(limit))

    async def ready_in_pools(self, run_id: RunId) -> dict[str, int]:
        return dict(await self._fetch(sql.READY_IN_POOLS, run=run_id, now=self._work.now))

    async def at_work(self, run: Run) -> bool:
        return bool((await self._fetch(sql.AT_WORK_NOW, project=run.project_id, run=run.id))[0][0])

    async def ready_heads(self, run_id: RunId) -> Mapping[str, int]:
        return dict(await self._fetch(sql.READY_HEADS, run=run_id))

    async def next_ready(self, run_id: RunId, pool: str, most: int) -> list[Task]:
        rows = await self._fetch(sql.NEXT_READY.tasks, run=run_id, pool=pool, limit=most, now=self._work.now)
        return [task_from(row) for row in rows]

    async def next_to_dispatch(self, run_id: RunId, pools: Mapping[str, int], *, whenever: bool = False) -> list[Next]:
        now = {} if whenever else {"now": self._work.now}
        following = sql.NEXT_WHENEVER if whenever else sql.NEXT_READY
        found: list[Row] = []
        outputs: list[Row] = []
        for pool, most in pools.items():
            tasks, before = await self._work.fetch_all(*following, run=run_id, pool=pool, limit=most, **now)
            found += tasks
            outputs += before
        if len(pools) > 1:
            found.sort(key=itemgetter(-2, -1))
        handed_on = _inputs(outputs)
        return [(task, handed_on.get(task.id, ())) for task in map(task_from, found)]

    async def next_for_people(self, run_id: RunId) -> list[Task]:
        planned = TASK.c.planned_member.is_not(None)
        query = select(*TASK_COLUMNS).where(
            sql.due(run_id, self._work.now), planned, TASK.c.pool.startswith(sql.PERSON)
        )
        return await self._all(query.order_by(TASK.c.planned_start, sql.ORDER).limit(1000))

    async def totals(self, run_id: RunId) -> tuple[Totals, Totals]:
        rows = await self._fetch(sql.TOTALS, run=run_id, now=self._work.now)
        return (
            {status: count for is_machine, status, count in rows if is_machine},
            {status: count for is_machine, status, count in rows if not is_machine},
        )

    async def handed_on(self, task_ids: Sequence[TaskId], *, whose: bool = False) -> dict[TaskId, tuple[Handed, ...]]:
        return _inputs(await self._fetch(sql.HANDED_ON_BY if whose else sql.HANDED_ON, ids=list(task_ids)))

    def queue(self, taken: Sequence[tuple[Task, MemberId, AttemptId]]) -> None:
        now = self._work.now
        self._work.later(
            sql.QUEUE,
            [{"task": task.id, "member": member, "attempt": attempt, "now": now} for task, member, attempt in taken],
        )
        self._work.later(
            sql.ADD_DISPATCH,
            [
                {
                    "attempt_id": attempt,
                    "task_id": task.id,
                    "run_id": task.run_id,
                    "member_id": member,
                    "number": task.attempts + 1,
                    "token": task.token + 1,
                    "status": "sent",
                    "dispatched_at": now,
                    "sent_at": now,
                }
                for task, member, attempt in taken
            ],
        )

    async def assign(self, taken: Sequence[tuple[Task, MemberId]]) -> None:
        await self._execute(
            update(TASK)
            .where(TASK.c.id == bindparam("b_id"))
            .values(status="assigned", assignee=bindparam("b_member"), assigned_at=self._work.now),
            [{"b_id": task.id, "b_member": member} for task, member in taken],
        )

    async def change(self, task_ids: Sequence[TaskId], **values: Any) -> None:
        if values.get("status") == "ready":
            values |= sql.ready_since(sql.minute_of(self._work.now))
        await self._execute(update(TASK).where(self._one_of(TASK.c.id, task_ids)).values(**values))

    async def of_run(self, run_id: RunId, statuses: Iterable[TaskStatus], *, limit: int | None = None) -> list[Task]:
        query = select(*TASK_COLUMNS).where(TASK.c.run_id == run_id, TASK.c.status.in_(sorted(statuses)))
        return await self._all(query.order_by(sql.ORDER).limit(limit))

    async def in_hands_of(self, member_ids: Sequence[MemberId]) -> list[Task]:
        return await self._of(member_ids, sql.AT_WORK)

    async def carried_by(self, member_ids: Sequence[MemberId]) -> list[Task]:
        to_do = or_(TASK.c.status != "in_review", TASK.c.performed_at.is_(None))
        return await self._of(member_ids, sql.CARRIED, to_do)

    async def _of(
        self, member_ids: Sequence[MemberId], statuses: tuple[TaskStatus, ...], *where: ColumnElement[bool]
    ) -> list[Task]:
        mine = (TASK.c.assignee.in_(member_ids), TASK.c.status.in_(statuses), *where)
        return await self._all(select(*TASK_COLUMNS).where(*mine).order_by(TASK.c.plan_id, sql.ORDER))


def _inputs(outputs: Iterable[Row]) -> dict[TaskId, tuple[Handed, ...]]:
    """By task, from rows of it, of what one has produced that it comes after, and of which one that is."""
    inputs: defaultdict[TaskId, dict[str, Handed]] = defaultdict(dict)
    for successor, produced, *by in outputs:
        whose = {"key": by[0], "title": by[1][:_TITLE]} if by else {}
        for each in produced:
            inputs[successor][each["path"]] = Handed(path=each["path"], sha256=each["sha256"], **whose)
    return {task_id: tuple(each.values()) for task_id, each in inputs.items()}


_TITLE = 200
"""Characters that are handed on of one."""


def _performed(each: Finished) -> dict[str, Any]:
    return {
        "task": each.task.id,
        "started": each.started_at or each.ended_at,
        "ended": each.ended_at,
        "outputs": [artifact.model_dump(mode="json") for artifact in each.outputs],
        "evidence": each.evidence.model_dump(mode="json") if each.evidence else None,
    }
