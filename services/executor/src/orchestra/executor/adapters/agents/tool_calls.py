"""Calls of tools for readers: the port ToolCalls."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select

from orchestra.contracts.ids import WorkspaceId
from orchestra.executor.adapters.agents.tables import TOOL_CALL
from orchestra.executor.application.agents.journal_ports import ToolCallView

if TYPE_CHECKING:
    from orchestra.executor.adapters.work import ExecutorWork


class SqlToolCalls:
    def __init__(self, work: "ExecutorWork") -> None:
        self._work = work

    async def page(
        self, workspace_id: WorkspaceId, attempt_id: str, *, after: str | None, limit: int
    ) -> Sequence[ToolCallView]:
        mine = (TOOL_CALL.c.workspace_id == workspace_id, TOOL_CALL.c.attempt_id == attempt_id)
        query = select(TOOL_CALL).where(*mine, TOOL_CALL.c.id > (after or "")).order_by(TOOL_CALL.c.id).limit(limit)
        views: list[ToolCallView] = []
        for row in await self._work.connection.execute(query):
            told = json.loads(self._work.open(row.sealed, row.id))
            views.append(
                ToolCallView(
                    id=row.id,
                    place=row.place,
                    tool=row.tool,
                    status=row.status,
                    effect=row.effect,
                    digest=row.digest,
                    summary=told["summary"],
                    reason=told["reason"],
                    approval=row.approval,
                    files=[each["path"] for each in row.effected or ()],
                    at=row.at,
                    ended_at=row.ended_at,
                )
            )
        return views
