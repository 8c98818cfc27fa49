"""The graph under a newer plan, on SQL."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, delete, or_, select, update

from orchestra.chassis.database.statement import Statement, given
from orchestra.chassis.database.types import Instant
from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import PlanId, ProjectId, TaskId, WorkspaceId
from orchestra.contracts.planning import DecomposedTask, Dependency
from orchestra.scheduler.adapters.gates import held_back, marks
from orchestra.scheduler.adapters.rows import DEFINITION, TASK_COLUMNS, defined, enforced, task_of
from orchestra.scheduler.adapters.tables import DEPENDENCY, RUN, TASK
from orchestra.scheduler.adapters.task_statements import AGENT, minute_of, ready_since
from orchestra.scheduler.application.graph import Known
from orchestra.scheduler.domain.work.replan import pool_of_definition
from orchestra.scheduler.domain.work.task import Task

_EDGE = [DEPENDENCY.c[name] for name in Dependency.model_fields]


def _times() -> dict[str, Any]:
    start_at, deadline, expires_at = (
        bindparam(f"b_{name}", type_=Instant()) for name in ("start_at", "deadline", "expires_at")
    )
    # The pause before a further try holds beside the start; a deadline that a person has let pass stays passed.
    tried = and_(TASK.c.failures + TASK.c.lost > 0, TASK.c.not_before.is_not(None))
    longer = or_(start_at.is_(None), start_at < TASK.c.not_before)
    same = and_(TASK.c.pool.startswith(AGENT), TASK.c.deadline.is_not_distinct_from(deadline))
    return {
        "not_before": case((and_(tried, longer), TASK.c.not_before), else_=start_at),
        "expires_at": case((same, TASK.c.expires_at), else_=expires_at),
    }


_TIMES = _times()
"""What a new definition makes of the times in a row."""

RETURNED = Statement(
    lambda _: (
        select(*TASK_COLUMNS, TASK.c.retired)
        .where(TASK.c.run_id == given("run"), TASK.c.status == "ready", or_(TASK.c.newer.is_not(None), TASK.c.retired))
        .order_by(TASK.c.position)
    )
)
"""The run's ready tasks that a newer plan has otherwise, or, with the mark at the end, no longer."""


class SqlGraph:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._execute = work.connection.execute
        self._one_of = work.dialect.one_of
        self._now = work.now

    async def known(self, workspace_id: WorkspaceId, project_id: ProjectId) -> list[Known]:
        query = (
            select(TASK, RUN.c.status.label("run_status"))
            .outerjoin(RUN, RUN.c.id == TASK.c.run_id)
            .where(TASK.c.workspace_id == workspace_id, TASK.c.project_id == project_id)
        )
        return [
            Known(
                task=task_of(row),
                definition=DecomposedTask.model_validate({name: row[name] for name in DEFINITION}),
                deferred=row["newer"] is not None,
                comes_back=row["retired"] or row["run_status"] == "cancelled",
            )
            for row in (await self._execute(query)).mappings()
        ]

    async def edges(self, workspace_id: WorkspaceId, project_id: ProjectId) -> set[Dependency]:
        query = (
            select(*_EDGE)
            .join(TASK, TASK.c.id == DEPENDENCY.c.successor)
            .where(TASK.c.workspace_id == workspace_id, TASK.c.project_id == project_id)
        )
        rows = (await self._execute(query)).mappings()
        return set(map(Dependency.model_validate, map(dict, rows)))

    async def place(self, plan_id: PlanId, tasks: Sequence[tuple[TaskId, DecomposedTask | None]]) -> None:
        await self._execute(
            update(TASK)
            .where(TASK.c.id == bindparam("b_id"))
            .values(plan_id=plan_id, position=bindparam("b_position"), newer=bindparam("b_newer"), retired=False),
            [
                {
                    "b_id": task_id,
                    "b_position": position,
                    "b_newer": newer.model_dump(mode="json") if newer else None,
                }
                for position, (task_id, newer) in enumerate(tasks)
            ],
        )

    async def redefine(self, tasks: Sequence[DecomposedTask]) -> None:
        if tasks:
            columns = [name for name in (*DEFINITION, "pool") if name != "id"]
            values: dict[str, Any] = {name: bindparam(f"b_{name}") for name in columns}
            values["rank"] = TASK.c.rank + TASK.c.priority - bindparam("b_priority")
            await self._execute(
                update(TASK).where(TASK.c.id == bindparam("b_id")).values(**values, **_TIMES, newer=None),
                [
                    {f"b_{name}": value for name, value in defined(task).items()}
                    | {"b_pool": pool_of_definition(task), "b_expires_at": enforced(task)}
                    for task in tasks
                ],
            )

    async def expire(self, tasks: Sequence[DecomposedTask]) -> None:
        if tasks:
            await self._execute(
                update(TASK).where(TASK.c.id == bindparam("b_id")).values(expires_at=bindparam("b_expires_at")),
                [{"b_id": task.id, "b_expires_at": enforced(task)} for task in tasks],
            )

    async def retire(self, task_ids: Sequence[TaskId]) -> None:
        await self._execute(update(TASK).where(self._one_of(TASK.c.id, task_ids)).values(retired=True))

    async def connect(self, gone: Iterable[Dependency], new: Iterable[Dependency]) -> None:
        if lost := [{f"b_{name}": value for name, value in each.model_dump().items()} for each in gone]:
            this = and_(*(DEPENDENCY.c[name] == bindparam(f"b_{name}") for name in Dependency.model_fields))
            await self._execute(delete(DEPENDENCY).where(this), lost)
        if added := [each.model_dump() for each in new]:
            await self._execute(DEPENDENCY.insert(), added)

    async def mark(self, plan_id: PlanId) -> None:
        await self._execute(update(TASK).where(TASK.c.plan_id == plan_id).values(**marks()))

    async def settle(self, plan_id: PlanId) -> tuple[list[Task], list[Task]]:
        released = await self._tasks(TASK.c.plan_id == plan_id, TASK.c.status == "blocked", ~held_back(self._now))
        held = await self._tasks(TASK.c.plan_id == plan_id, TASK.c.status == "ready", held_back(self._now))
        await self._set(released, **ready_since(minute_of(self._now)))
        await self._set(held, status="blocked")
        return released, held

    async def renew(self, task_ids: Sequence[TaskId]) -> list[Task]:
        newer = await self._execute(
            select(TASK.c.newer).where(self._one_of(TASK.c.id, task_ids), TASK.c.newer.is_not(None))
        )
        await self.redefine([DecomposedTask.model_validate(each) for each in newer.scalars()])
        held = await self._tasks(self._one_of(TASK.c.id, task_ids), TASK.c.status == "ready", held_back(self._now))
        await self._set(held, status="blocked")
        return held

    async def _tasks(self, *where: ColumnElement[bool]) -> list[Task]:
        query = select(*TASK_COLUMNS).where(*where).order_by(TASK.c.position)
        return [task_of(row) for row in (await self._execute(query)).mappings()]

    async def _set(self, tasks: Sequence[Task], **values: Any) -> None:
        if tasks:
            await self._execute(
                update(TASK).where(self._one_of(TASK.c.id, [task.id for task in tasks])).values(**values)
            )
