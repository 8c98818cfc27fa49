"""The work graph on SQL: one statement for each step, however many tasks it touches."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.errors import Transient
from orchestra.contracts.ids import AttemptId, MemberId, PlanId, ProjectId, RunId, TaskId, WorkspaceId
from orchestra.contracts.planning import DecomposedTask, Input
from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.adapters.gates import held_back
from orchestra.scheduler.adapters.rows import TASK_FIELDS, task_of
from orchestra.scheduler.adapters.tables import DEPENDENCY, DISPATCH, RUN, TASK
from orchestra.scheduler.application.ports import Dispatch, Finished, Plan, Totals
from orchestra.scheduler.domain.errors import UnknownTask
from orchestra.scheduler.domain.work.dependency import Edge
from orchestra.scheduler.domain.work.task import Task

_TASK = [TASK.c[name] for name in TASK_FIELDS]
_AGENT = "agent|"
_AT_WORK: tuple[TaskStatus, ...] = ("assigned", "queued", "running")
_IN_HAND: tuple[TaskStatus, ...] = (*_AT_WORK, "waiting")
_CARRIED: tuple[TaskStatus, ...] = (*_IN_HAND, "in_review")


class SqlTasks:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._execute = work.connection.execute

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
        rows = [
            {
                **task.model_dump(mode="json"),
                "workspace_id": plan.workspace_id,
                "project_id": plan.project_id,
                "plan_id": plan.id,
                "run_id": run_id,
                "position": position,
                "pool": pool,
                "status": "blocked" if task.id in behind else "ready",
                "watched": task.id in watched,
                "end_gated": task.id in end_gated,
            }
            for position, (task, pool) in enumerate(zip(tasks, pools, strict=True))
        ]
        await self._execute(TASK.insert(), rows)
        if edges:
            columns = ("predecessor", "successor", "kind", "lag_minutes", "clock")
            await self._execute(DEPENDENCY.insert(), [dict(zip(columns, edge, strict=True)) for edge in edges])

    async def find(self, workspace_id: WorkspaceId, task_id: TaskId) -> Task:
        """Raises UnknownTask; a task of another workspace is one."""
        found = await self._all(select(*_TASK).where(TASK.c.id == task_id, TASK.c.workspace_id == workspace_id))
        if not found:
            raise UnknownTask(task_id)
        return found[0]

    async def some(self, task_ids: Sequence[TaskId]) -> list[Task]:
        return await self._all(select(*_TASK).where(TASK.c.id.in_(task_ids)).order_by(_ORDER))

    async def of_attempts(self, attempt_ids: Sequence[AttemptId]) -> dict[AttemptId, tuple[Dispatch, Task]]:
        columns = [DISPATCH.c[name].label(f"d_{name}") for name in ("attempt_id", "run_id", "member_id", "number")]
        query = (
            select(*_TASK, *columns, DISPATCH.c.token.label("d_token"), DISPATCH.c.status.label("d_status"))
            .join(TASK, TASK.c.id == DISPATCH.c.task_id)
            .where(DISPATCH.c.attempt_id.in_(attempt_ids))
        )
        known = {
            row["d_attempt_id"]: (dispatch_of(row), task_of(row)) for row in (await self._execute(query)).mappings()
        }
        if unknown := sorted(set(attempt_ids) - set(known)):
            raise Transient(f"the attempt {unknown[0]} is not known yet")
        return known

    async def give_to_run(self, plan_id: PlanId, run_id: RunId) -> None:
        # What is done stays with the run that did it.
        open_ = (TASK.c.plan_id == plan_id, TASK.c.status.not_in(("done", "skipped")))
        await self._execute(update(TASK).where(*open_).values(run_id=run_id))

    async def finish(self, finished: Sequence[Finished]) -> None:
        await self._perform(finished, status="done", ended_at=bindparam("b_ended"))

    async def hold(self, finished: Sequence[Finished]) -> None:
        await self._perform(finished, status="in_review", performed_at=bindparam("b_ended"))

    async def _perform(self, finished: Sequence[Finished], **values: Any) -> None:
        await self._execute(
            update(TASK)
            .where(TASK.c.id == bindparam("b_id"))
            .values(
                started_at=bindparam("b_started"),
                outputs=bindparam("b_outputs"),
                evidence=bindparam("b_evidence"),
                not_before=None,
                progress=100,
                paused_by=None,
                **values,
            ),
            [
                {
                    "b_id": each.task.id,
                    "b_started": each.started_at or each.ended_at,
                    "b_ended": each.ended_at,
                    "b_outputs": [artifact.model_dump(mode="json") for artifact in each.outputs],
                    "b_evidence": each.evidence.model_dump(mode="json") if each.evidence else None,
                }
                for each in finished
            ],
        )

    async def release_after(self, task_ids: Sequence[TaskId]) -> list[Task]:
        successors = select(DEPENDENCY.c.successor).where(DEPENDENCY.c.predecessor.in_(task_ids))
        released = await self._all(
            select(*_TASK)
            .where(TASK.c.id.in_(successors), TASK.c.status == "blocked", ~held_back(self._work.now))
            .order_by(_ORDER)
        )
        if released:
            await self.change([task.id for task in released], status="ready")
        return released

    async def held_back(self, task_ids: Sequence[TaskId]) -> set[TaskId]:
        query = select(TASK.c.id).where(TASK.c.id.in_(task_ids), held_back(self._work.now))
        return set((await self._execute(query)).scalars())

    async def forgotten(self, limit: int) -> list[Task]:
        begun = select(RUN.c.id).where(RUN.c.status.in_(("running", "waiting")))
        query = select(*_TASK).where(TASK.c.status == "blocked", TASK.c.run_id.in_(begun), ~held_back(self._work.now))
        return await self._all(query.limit(limit))

    async def ready_pools(self, run_id: RunId) -> dict[str, int]:
        query = select(TASK.c.pool, func.count()).where(self._due(run_id)).group_by(TASK.c.pool)
        return {row[0]: row[1] for row in await self._execute(query)}

    async def next_ready(self, run_id: RunId, pools: Sequence[str], limit: int) -> list[Task]:
        return await self._all(
            select(*_TASK).where(self._due(run_id), TASK.c.pool.in_(pools)).order_by(_ORDER).limit(limit)
        )

    async def next_for_people(self, run_id: RunId) -> list[Task]:
        planned = TASK.c.planned_member.is_not(None)
        query = select(*_TASK).where(self._due(run_id), planned, ~TASK.c.pool.startswith(_AGENT))
        return await self._all(query.order_by(TASK.c.planned_start, _ORDER).limit(1000))

    def _due(self, run_id: RunId) -> ColumnElement[bool]:
        come = or_(TASK.c.not_before.is_(None), TASK.c.not_before <= self._work.now)
        return and_(TASK.c.run_id == run_id, TASK.c.status == "ready", TASK.c.paused_by.is_(None), come)

    async def in_hand(self, workspace_id: WorkspaceId, project_id: ProjectId) -> dict[MemberId, int]:
        query = (
            select(TASK.c.assignee, func.count())
            .where(
                TASK.c.workspace_id == workspace_id,
                TASK.c.project_id == project_id,
                TASK.c.status.in_(_IN_HAND),
                TASK.c.assignee.is_not(None),
            )
            .group_by(TASK.c.assignee)
        )
        return {row[0]: row[1] for row in await self._execute(query)}

    async def totals(self, run_id: RunId) -> tuple[Totals, Totals]:
        # A paused one that is ready goes on when a person says so.
        by_itself = or_(TASK.c.status != "ready", TASK.c.paused_by.is_(None))
        machine = and_(TASK.c.pool.startswith(_AGENT), by_itself).label("machine")
        # The failure of what is no longer planned is nobody's to mend.
        counts = ~and_(TASK.c.retired, TASK.c.status == "failed")
        query = select(machine, TASK.c.status, func.count()).where(TASK.c.run_id == run_id, counts)
        rows = (await self._execute(query.group_by(machine, TASK.c.status))).all()
        return (
            {status: count for is_machine, status, count in rows if is_machine},
            {status: count for is_machine, status, count in rows if not is_machine},
        )

    async def handed_on(self, task_ids: Sequence[TaskId]) -> dict[TaskId, tuple[Input, ...]]:
        query = (
            select(DEPENDENCY.c.successor, TASK.c.outputs)
            .join(TASK, TASK.c.id == DEPENDENCY.c.predecessor)
            .where(DEPENDENCY.c.successor.in_(task_ids), DEPENDENCY.c.kind == "FS", TASK.c.outputs.is_not(None))
            .order_by(DEPENDENCY.c.successor, _ORDER)
        )
        handed_on: defaultdict[TaskId, dict[str, Input]] = defaultdict(dict)
        for successor, outputs in await self._execute(query):
            for each in outputs:
                handed_on[successor][each["path"]] = Input(path=each["path"], sha256=each["sha256"])
        return {task_id: tuple(inputs.values()) for task_id, inputs in handed_on.items()}

    async def queue(self, taken: Sequence[tuple[Task, MemberId, AttemptId]]) -> None:
        now = self._work.now
        await self._execute(
            update(TASK)
            .where(TASK.c.id == bindparam("b_id"))
            .values(
                status="queued",
                assignee=bindparam("b_member"),
                attempt_id=bindparam("b_attempt"),
                token=TASK.c.token + 1,
                attempts=TASK.c.attempts + 1,
                assigned_at=now,
                not_before=None,
            ),
            [{"b_id": task.id, "b_member": member, "b_attempt": attempt} for task, member, attempt in taken],
        )
        await self._execute(
            DISPATCH.insert(),
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
        await self._execute(update(TASK).where(TASK.c.id.in_(task_ids)).values(**values))

    async def of_run(self, run_id: RunId, statuses: Iterable[TaskStatus]) -> list[Task]:
        query = select(*_TASK).where(TASK.c.run_id == run_id, TASK.c.status.in_(sorted(statuses)))
        return await self._all(query.order_by(_ORDER))

    async def in_hands_of(self, member_ids: Sequence[MemberId]) -> list[Task]:
        return await self._of(member_ids, _AT_WORK)

    async def carried_by(self, member_ids: Sequence[MemberId]) -> list[Task]:
        to_do = or_(TASK.c.status != "in_review", TASK.c.performed_at.is_(None))
        return await self._of(member_ids, _CARRIED, to_do)

    async def _of(
        self, member_ids: Sequence[MemberId], statuses: tuple[TaskStatus, ...], *where: ColumnElement[bool]
    ) -> list[Task]:
        mine = (TASK.c.assignee.in_(member_ids), TASK.c.status.in_(statuses), *where)
        return await self._all(select(*_TASK).where(*mine).order_by(TASK.c.plan_id, _ORDER))


_ORDER = TASK.c.position


def dispatch_of(row: Any) -> Dispatch:
    return Dispatch(
        attempt_id=row["d_attempt_id"],
        task_id=row["id"],
        run_id=row["d_run_id"],
        member_id=row["d_member_id"],
        number=row["d_number"],
        token=row["d_token"],
        open=row["d_status"] in ("sent", "heard", "recalled"),
    )
