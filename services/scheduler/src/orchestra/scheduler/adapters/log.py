"""The log of tasks on SQL: rows are added and read, nothing else."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from orchestra.chassis.database.statement import Write
from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import ProjectId, TaskId, WorkspaceId
from orchestra.scheduler.adapters.tables import MEMBER, TASK, TASK_LOG
from orchestra.scheduler.domain.work.log import LogEntry

_ADD = Write.into(TASK_LOG, *LogEntry.__dataclass_fields__, "author", "at")


class SqlLog:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def add(self, entries: Sequence[LogEntry]) -> None:
        said = {"author": self._work.by or self._work.service, "at": self._work.now}
        self._work.later(_ADD, [{**vars(entry), **said} for entry in entries])


async def log_page(
    view: UnitOfWork,
    workspace_id: WorkspaceId,
    limit: int,
    after: int,
    *,
    task_id: TaskId | None = None,
    project_id: ProjectId | None = None,
) -> list[dict[str, Any]]:
    """The oldest first, by task or by project, from the one that follows the position `after`."""
    where = TASK_LOG.c.task_id == task_id if task_id else TASK_LOG.c.project_id == project_id
    query = (
        select(TASK_LOG, TASK.c.key.label("task_key"), MEMBER.c.key.label("member_key"), MEMBER.c.definition)
        .join(TASK, TASK.c.id == TASK_LOG.c.task_id)
        .outerjoin(MEMBER, MEMBER.c.id == TASK_LOG.c.member_id)
        .where(TASK_LOG.c.workspace_id == workspace_id, where, TASK_LOG.c.position > after)
        .order_by(TASK_LOG.c.position)
        .limit(limit)
    )
    rows = (await view.connection.execute(query)).mappings()
    return [{**row, "member": _who(row)} for row in rows]


def _who(row: Any) -> dict[str, str] | None:
    return {"key": row["member_key"], "name": row["definition"]["name"]} if row["member_id"] else None
