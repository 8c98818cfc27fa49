"""Completions on SQL."""

from collections.abc import Mapping
from datetime import datetime

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import TaskId, WorkspaceId
from orchestra.planner.adapters.tables import COMPLETION


class SqlCompletions:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, workspace_id: WorkspaceId, done: Mapping[TaskId, datetime]) -> None:
        if done:
            await self._work.connection.execute(
                self._work.dialect.insert(COMPLETION).on_conflict_do_nothing(),
                [{"workspace_id": workspace_id, "task_id": task_id, "at": at} for task_id, at in done.items()],
            )
