"""Checkpoints on SQL: what is owed follows from the tasks as they stand, so that no order of events misses one."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, and_, exists, literal_column, or_, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.budgets import BudgetRaised
from orchestra.contracts.ids import CheckpointId, TaskId, WorkspaceId
from orchestra.contracts.planning import Command
from orchestra.contracts.suspensions import Asked
from orchestra.scheduler.adapters.checkpoint_table import CHECKPOINT
from orchestra.scheduler.adapters.rows import TASK_COLUMNS, task_from, task_of
from orchestra.scheduler.adapters.tables import RUN, TASK
from orchestra.scheduler.application.checkpoint_ports import Owed, Raised
from orchestra.scheduler.application.gate_ports import Key
from orchestra.scheduler.domain.checkpoint_errors import UnknownCheckpoint
from orchestra.scheduler.domain.work.checkpoint import OWING, Checkpoint
from orchestra.scheduler.domain.work.status import RUN_MOVES, RUN_OVER
from orchestra.scheduler.domain.work.task import Task

_FIELDS = tuple(Checkpoint.__dataclass_fields__)
_CHECKPOINT = [CHECKPOINT.c[name] for name in _FIELDS]
_CHOICES, _ASKS = _FIELDS.index("choices"), _FIELDS.index("asks")
_ASKED_OF: TypeAdapter[Asked] = TypeAdapter(Asked)

OPEN = CHECKPOINT.c.status == literal_column("'open'")
# A partial index serves only a query with its condition in it; a bound value would not do.

_GOES_ON = RUN.c.status.in_(sorted(RUN_MOVES.keys() - RUN_OVER))
_UNDECIDED = and_(TASK.c.status.in_(sorted(OWING)), or_(TASK.c.status == "waiting", ~TASK.c.retired))
# Both name the states that they want, so that the indexes on runs and tasks serve them.
_DECIDED = exists().where(
    CHECKPOINT.c.task_id == TASK.c.id,
    CHECKPOINT.c.attempt == TASK.c.attempts,
    or_(CHECKPOINT.c.status == "expired", CHECKPOINT.c.answer == "fail"),
)
"""That its last try has failed is what somebody left it at."""
_ASKED = exists().where(CHECKPOINT.c.task_id == TASK.c.id, OPEN)
_OWED = and_(_GOES_ON, _UNDECIDED, or_(TASK.c.status == "waiting", ~_DECIDED), ~_ASKED)


class SqlCheckpoints:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._execute = work.connection.execute

    async def find(self, workspace_id: WorkspaceId, checkpoint_id: CheckpointId) -> Raised:
        """Raises UnknownCheckpoint; one of another workspace is one."""
        mine = (CHECKPOINT.c.id == checkpoint_id, CHECKPOINT.c.workspace_id == workspace_id)
        found = await self._raised(*mine)
        if not found:
            raise UnknownCheckpoint(checkpoint_id)
        return found[0]

    async def add(self, checkpoints: Sequence[Checkpoint]) -> None:
        await self._execute(CHECKPOINT.insert(), [_values(each) for each in checkpoints])

    async def save(self, checkpoint: Checkpoint) -> None:
        values = _values(checkpoint)
        await self._execute(update(CHECKPOINT).where(CHECKPOINT.c.id == checkpoint.id).values(**values))

    async def owed(self, task_ids: Sequence[TaskId]) -> list[Owed]:
        return await self._owed(self._work.dialect.one_of(TASK.c.id, task_ids))

    async def owed_in(self, key: Key) -> list[Owed]:
        return await self._owed(TASK.c.workspace_id == key[0], TASK.c.project_id == key[1])

    async def _owed(self, *where: ColumnElement[bool]) -> list[Owed]:
        query = select(*TASK_COLUMNS, TASK.c.last_failure, RUN.c.trace).join(RUN, RUN.c.id == TASK.c.run_id)
        rows = await self._execute(query.where(_OWED, *where).order_by(TASK.c.position))
        return [Owed(task_from(row), row.last_failure, row.trace) for row in rows]

    async def unasked(self, limit: int) -> list[Task]:
        query = select(*TASK_COLUMNS).join(RUN, RUN.c.id == TASK.c.run_id).where(_OWED).limit(limit)
        return [task_of(row) for row in (await self._execute(query)).mappings()]

    async def open_of(self, task_ids: Sequence[TaskId]) -> list[Raised]:
        return await self._raised(self._work.dialect.one_of(CHECKPOINT.c.task_id, task_ids), OPEN)

    async def of_budgets(self, raised: BudgetRaised, key: Key | None = None) -> list[Raised]:
        where = [CHECKPOINT.c.workspace_id == raised.workspace_id, CHECKPOINT.c.kind == "budget", OPEN]
        of_scope = {"project": raised.project_id, "run": raised.run_id, "task": raised.task_id}
        if raised.scope in of_scope:
            where.append(CHECKPOINT.c[f"{raised.scope}_id"] == of_scope[raised.scope])
        if key is not None:
            where.append(CHECKPOINT.c.project_id == key[1])
        return await self._raised(*where)

    async def moot_in(self, key: Key) -> list[Raised]:
        mine = (CHECKPOINT.c.workspace_id == key[0], CHECKPOINT.c.project_id == key[1])
        return await self._raised(*mine, OPEN, or_(RUN.c.id.is_(None), ~_GOES_ON, ~_UNDECIDED))

    async def _raised(self, *where: ColumnElement[bool]) -> list[Raised]:
        query = (
            select(*TASK_COLUMNS, *_CHECKPOINT, RUN.c.trace)
            .join(CHECKPOINT, CHECKPOINT.c.task_id == TASK.c.id)
            .outerjoin(RUN, RUN.c.id == TASK.c.run_id)
            .where(*where)
            .order_by(CHECKPOINT.c.id)
        )
        first, last = len(TASK_COLUMNS), len(TASK_COLUMNS) + len(_FIELDS)
        rows = await self._execute(query)
        return [Raised(_checkpoint_from(row[first:last]), task_from(row), row[-1]) for row in rows]

    async def due(self, before: datetime, limit: int) -> list[tuple[Key, TaskId]]:
        due_at = CHECKPOINT.c.due_at
        query = select(CHECKPOINT.c.workspace_id, CHECKPOINT.c.project_id, CHECKPOINT.c.task_id)
        rows = await self._execute(query.where(due_at <= before).order_by(due_at).limit(limit))
        return [((row[0], row[1]), row[2]) for row in rows]

    async def next_command(self, task_id: TaskId) -> Command | None:
        row = (await self._execute(select(TASK.c.command, TASK.c.newer).where(TASK.c.id == task_id))).one()
        command = row.newer["command"] if row.newer else row.command
        return Command.model_validate(command) if command else None


def _checkpoint_from(row: Sequence[Any]) -> Checkpoint:
    values = list(row)
    values[_CHOICES] = tuple(values[_CHOICES])
    if values[_ASKS] is not None:
        values[_ASKS] = _ASKED_OF.validate_python(values[_ASKS])
    return Checkpoint(*values)


def _values(checkpoint: Checkpoint) -> dict[str, Any]:
    values = asdict(checkpoint)
    values["choices"] = list(checkpoint.choices)
    values["asks"] = checkpoint.asks and checkpoint.asks.model_dump(mode="json")
    return {**values, "due_at": checkpoint.due_at if checkpoint.status == "open" else None}
