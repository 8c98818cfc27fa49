"""Operations as rows."""

from typing import Any

from sqlalchemy import ColumnElement, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import PlanId, WorkspaceId
from orchestra.gateway.adapters.tables import OPERATION
from orchestra.gateway.domain.operation import Operation, OperationStatus


class SqlOperations:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, operation: Operation) -> None:
        await self._work.connection.execute(
            OPERATION.insert().values(
                id=operation.id,
                workspace_id=operation.workspace_id,
                project_id=operation.project_id,
                plan_id=operation.plan_id,
                status=operation.status,
                requested_by=operation.requested_by,
                created_at=operation.created_at,
            )
        )

    async def settle(self, plan_id: PlanId, status: OperationStatus) -> None:
        await self._work.connection.execute(
            update(OPERATION)
            .where(OPERATION.c.plan_id == plan_id, OPERATION.c.status == "accepted")
            .values(status=status, ended_at=self._work.now)
        )

    async def find(self, workspace_id: WorkspaceId, operation_id: str) -> Operation | None:
        return await self._one(OPERATION.c.workspace_id == workspace_id, OPERATION.c.id == operation_id)

    async def of_plan(self, workspace_id: WorkspaceId, plan_id: PlanId) -> Operation | None:
        return await self._one(OPERATION.c.workspace_id == workspace_id, OPERATION.c.plan_id == plan_id)

    async def _one(self, *where: ColumnElement[bool]) -> Operation | None:
        row: Any = (await self._work.connection.execute(select(OPERATION).where(*where))).mappings().first()
        return Operation(**row) if row else None
